"""The base of all extensions of the main loop: methods that events call.

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
    "{extension!r} belongs to no main loop yet; give it to a main loop in extensions=[...], and "
    "start it"
)
WRONG_NAME = (
    "the name of a {kind} must be text, not {name!r}; give settings by keyword, as in "
    "after_epoch=True"
)
WRONG_SIGNATURE = "{what} cannot be called by {event}, which passes {passed}: {reason}"


@hinted
def callback(func: FunctionT) -> FunctionT:
    """Declare that a method handles the event it is named after, and check that it can.

    Optional; it finds a misspelt event or a missing argument when the class is defined.

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
    except ValueError:  # some builtins have no signature
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        count = f"{len(arguments)} argument{'s' * (len(arguments) != 1)}"
        raise ExtensionError(
            WRONG_SIGNATURE.format(what=what, event=event, passed=count, reason=error)
        ) from None


class TrainingExtension(FixedAttributes):
    """A set of callbacks that share a context: override the methods of the events you need.

    `workbench.extensions.events` has a table of the events, which states when each fires.
    Extensions communicate with each other and with the main loop through records in the log.

    Parameters
    ----------
    name : str, optional
        Distinguishes several extensions of one class; the name of the class if not given.

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
    """Methods that subclasses overrode in Blocks and that nothing calls here, with replacements.

    A class that defines one is refused.
    """

    state_keys: ClassVar[tuple[str, ...]] = ()
    """Names of the attributes to save, so that resumed training continues as if never stopped.

    Their values are numbers, strings, lists, tuples, dictionaries, arrays and tensors. Omit what
    the extension reads from the log or its status, and what only makes it faster.
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
                    f"{cls.__name__}.{name} would never be called: no event has that name{hint}"
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
            If the main loop has never started.
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
        """Return the function that the main loop calls on `event`, or None.

        Called when a run starts, so that an event costs nothing if the extension ignores it.

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
        """Return the state to save: by default the attributes that `state_keys` lists."""
        return {key: getattr(self, key) for key in self.state_keys}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned.

        Raises
        ------
        StateError
            If `state` has other keys; then nothing changes.
        """
        check_keys(f"the state of {self!r}", state, self.state_keys)
        for key, value in state.items():
            setattr(self, key, value)

    def state_variables(self) -> Iterable[SharedVariable]:
        """Return the shared variables of this extension whose values must be saved.

        Those of the training step are saved in any case.
        """
        return ()

    def ended(self, log: TrainingLogBase) -> str | None:
        """Return why training has ended according to this extension, or None if it has not.

        Called before a run starts. If a reason is returned, the run trains nothing and reports it.
        """
        return None

    def go_on(self) -> None:
        """Prepare for more training, which a user has requested after the end."""

    def records(self) -> Mapping[str, bool]:
        """Return the names of the records that it makes, as far as they are known in advance.

        Returns
        -------
        dict
            For each name, True if no other extension may make it, as for a value; False for a note
            that several extensions may make, such as a request to finish.
        """
        return {}

    def waiting_for(self) -> Mapping[str, bool]:
        """Return the names of the records that it looks for and has not found in this run.

        After the first epoch a warning names those that nothing makes, as a misspelt one.

        Returns
        -------
        dict
            For each name, True if it has looked already.
        """
        return {}

    def views(self) -> Sequence[Mapping[str, Any]]:
        """Return descriptions, as plain values, of the views of the run that it asks for.

        Each is a mapping whose ``kind`` defines the meaning of its other items. It may be sent to
        another process.
        """
        return ()

    def recover(self, error: Exception, batch: Any) -> bool:
        """Return True to try a batch again after the algorithm has failed on it.

        The extension asks the session for a pause, a rewind or another value; these take effect
        before the second try. If no extension returns True, the error ends training. It is not
        called on the way of a rewind, where a batch cannot fail that did not fail before.

        Parameters
        ----------
        error : Exception
            What `process_batch` has raised.
        batch : dict
            The batch, on which the algorithm has not been trained.
        """
        return False

    def before_training(self) -> None:
        """Act before training starts for the first time."""

    def on_resumption(self) -> None:
        """Act when training continues where it had stopped."""

    def before_epoch(self) -> None:
        """Act when an epoch starts."""

    def before_batch(self, batch: Any) -> None:
        """Act before the algorithm processes `batch`, a mapping from source to array."""

    def after_batch(self, batch: Any) -> None:
        """Act after the algorithm has processed `batch`."""

    def after_epoch(self) -> None:
        """Act after the last batch of an epoch."""

    def on_interrupt(self) -> None:
        """Act when training is interrupted."""

    def after_training(self) -> None:
        """Act when training has ended without an error."""

    def on_error(self, exception: BaseException) -> None:
        """Act when training has failed with `exception`."""

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"{kind}()" if self.name == kind else f"{kind}(name={self.name!r})"
