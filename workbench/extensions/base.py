"""What every extension of the main loop is: methods that events call.

`workbench.extensions.simple_extension` has extensions that do one thing on chosen occasions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from workbench.errors import ExtensionError, nearest
from workbench.extensions.events import CallbackName
from workbench.hints import hinted
from workbench.interfaces import Loop
from workbench.serialization.state import check_keys
from workbench.tensor import SharedVariable
from workbench.utils.attributes import FixedAttributes
from workbench.utils.hooks import refuse_former_hooks

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

Handler = Callable[..., object]
FunctionT = TypeVar("FunctionT", bound=Callable[..., object])

NO_MAIN_LOOP = (
    "{extension!r} belongs to no main loop yet; it does from the moment when a main loop that has "
    "it among its extensions starts"
)
WRONG_NAME = (
    "{name!r} was given as the name of a {kind}, which is text; all settings but the first few are "
    "given by keyword, as in after_epoch=True"
)
WRONG_SIGNATURE = "{what} cannot be called by {event}, which passes {passed}: {reason}"


@hinted
def callback(func: FunctionT) -> FunctionT:
    """Declare that a method handles the event it is named after, and check that it can.

    Not needed, but it finds a misspelt event or a forgotten argument when the class is defined.

    Parameters
    ----------
    func : function
        A method in the body of a class.

    Raises
    ------
    EventError
        If no event has the name of `func`.
    ExtensionError
        If `func` does not take the arguments of that event.

    Examples
    --------
    >>> from workbench.extensions import TrainingExtension
    >>> class Greeting(TrainingExtension):
    ...     @callback
    ...     def before_trainign(self):
    ...         print("hello")
    Traceback (most recent call last):
    ...
    workbench.errors.EventError: no event is called 'before_trainign'; did you mean
    'before_training'?
    """
    event = CallbackName(func.__name__)
    check_signature(func, event, ("self", *event.arguments), func.__qualname__)
    return func


def check_signature(
    function: Callable[..., object], event: CallbackName, passed: Iterable[Any], what: str
) -> None:
    """Raise `ExtensionError` unless `function` takes the positional arguments `passed`."""
    arguments = tuple(passed)
    try:
        signature = inspect.signature(function)
    except ValueError:  # some builtins do not tell
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        count = f"{len(arguments)} argument{'s' * (len(arguments) != 1)}"
        raise ExtensionError(
            WRONG_SIGNATURE.format(what=what, event=event, passed=count, reason=error)
        ) from None


class TrainingExtension(FixedAttributes):
    """A set of callbacks that share a context: override the methods of the events you want.

    The events, with the table of exactly when each fires, stand in `workbench.extensions.events`.
    Extensions talk to each other and to the main loop by what they record in the log.

    Parameters
    ----------
    name : str, optional
        Tells several extensions of one class apart; the name of the class if not given.

    Examples
    --------
    >>> class Halver(TrainingExtension):
    ...     def after_epoch(self):
    ...         rate = self.main_loop.algorithm.learning_rate
    ...         rate.set_value(rate.get_value() / 2)
    >>> Halver().name
    'Halver'
    """

    _called = "extension"
    former_hooks: ClassVar[Mapping[str, str]] = {}
    """Methods that subclasses overrode in Blocks and that nothing calls here; what to do instead.

    A class that defines one is refused.
    """

    state_keys: ClassVar[tuple[str, ...]] = ()
    """The attributes that must be saved for training to go on as if it had never stopped.

    Numbers, strings, lists, tuples, dictionaries, arrays and tensors. What an extension reads off
    the log or its status, or that only speeds it up, is not among them.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__mro__:
            refuse_former_hooks(cls, vars(base).get("former_hooks", {}), ExtensionError)
        events = [event.value for event in CallbackName]
        for name in vars(cls):
            hint = nearest(name, events) if name.startswith(("before_", "after_", "on_")) else ""
            if hint and name not in events and not hasattr(TrainingExtension, name):
                raise ExtensionError(
                    f"{cls.__name__}.{name} would never be called: there is no such event{hint}"
                )

    def __init__(self, name: str | None = None) -> None:
        if name is not None and not isinstance(name, str):
            raise ExtensionError(WRONG_NAME.format(kind=type(self).__name__, name=name))
        self.name = type(self).__name__ if name is None else name
        self._main_loop: Loop | None = None

    @property
    def main_loop(self) -> Loop:
        """The main loop that this extension belongs to.

        Raises
        ------
        ExtensionError
            Before the main loop has started for the first time.
        """
        if self._main_loop is None:
            raise ExtensionError(NO_MAIN_LOOP.format(extension=self))
        return self._main_loop

    @main_loop.setter
    def main_loop(self, value: Loop) -> None:
        self._main_loop = value

    def dispatch(self, callback_name: CallbackName, *args: Any) -> None:
        """Run the callback of an event; override it to intercept every event."""
        getattr(self, CallbackName(callback_name))(*args)

    def handler(self, event: CallbackName) -> Handler | None:
        """Return what the main loop shall call on `event`, or None if nothing.

        Asked for when a run starts, so that an event costs nothing for those who do not listen.

        Raises
        ------
        ExtensionError
            If the callback does not take the event's arguments.
        """
        if type(self).dispatch is not TrainingExtension.dispatch:
            return partial(self.dispatch, event)
        method: Handler = getattr(self, event.value)
        if getattr(method, "__func__", method) is getattr(TrainingExtension, event.value):
            return None
        check_signature(method, event, event.arguments, f"{event} of {self!r}")
        return method

    def state_dict(self) -> dict[str, Any]:
        """Return what must be saved: by default the attributes that `state_keys` lists."""
        return {key: getattr(self, key) for key in self.state_keys}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state_dict` was called.

        Raises
        ------
        StateError
            If `state` has other keys; nothing changes then.
        """
        check_keys(f"the state of {self!r}", state, self.state_keys)
        for key, value in state.items():
            setattr(self, key, value)

    def state_variables(self) -> Iterable[SharedVariable]:
        """Return the shared variables whose values must be saved because this extension uses them.

        Those of the training step are saved in any case.
        """
        return ()

    def ended(self, log: TrainingLogBase) -> str | None:
        """Return why training is over as far as this extension can see, or None if it is not.

        Asked before a run begins or goes on, which then trains nothing and says why.
        """
        return None

    def go_on(self) -> None:
        """Called when a person asks for more training, whatever has ended it before."""

    def records(self) -> Mapping[str, bool]:
        """Return the names of the records that it makes, as far as they are known beforehand.

        Returns
        -------
        dict
            For each name, whether nobody else may make it: true for a value, false for a note
            that several may make, such as a request to finish.
        """
        return {}

    def waiting_for(self) -> Mapping[str, bool]:
        """Return the names of the records that it looks for and has not found in this run.

        Whoever watches a channel that nothing makes, because it is misspelt, is told of it after
        the first epoch.

        Returns
        -------
        dict
            For each name, whether it has looked already.
        """
        return {}

    def views(self) -> Sequence[Mapping[str, Any]]:
        """Return what is to be shown of the run for this extension, as plain values.

        Each is a mapping with a ``kind``, by which a view knows what the other items mean. It may
        be sent to another process.
        """
        return ()

    def before_training(self) -> None:
        """Called before training starts for the first time."""

    def on_resumption(self) -> None:
        """Called when training goes on where it had stopped."""

    def before_epoch(self) -> None:
        """Called when an epoch starts."""

    def before_batch(self, batch: Any) -> None:
        """Called before the algorithm processes `batch`, a mapping from source to array."""

    def after_batch(self, batch: Any) -> None:
        """Called after the algorithm has processed `batch`."""

    def after_epoch(self) -> None:
        """Called after the last batch of an epoch."""

    def on_interrupt(self) -> None:
        """Called when somebody interrupts training."""

    def after_training(self) -> None:
        """Called when training has ended in good order."""

    def on_error(self, exception: BaseException) -> None:
        """Called when training has failed with `exception`."""

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"{kind}()" if self.name == kind else f"{kind}(name={self.name!r})"
