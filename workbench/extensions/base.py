"""Base class of all extensions of the main loop, with a method for each event.

`workbench.extensions.simple_extension` contains the base class of extensions with a single action.
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
    "{extension!r} does not belong to a main loop yet; pass it to MainLoop(..., extensions=[...]), "
    "and start the main loop"
)
WRONG_NAME = (
    "the name passed to {kind} must be a string, not {name!r}; pass settings by keyword, as in "
    "after_epoch=True"
)
WRONG_SIGNATURE = "{what} cannot handle the event {event}, which passes {passed}: {reason}"


@hinted
def callback(func: FunctionT) -> FunctionT:
    """Declare that a method handles the event of the same name, and check its signature.

    The decorator is optional. It detects a misspelt event name or a missing argument when the class
    is defined.

    Parameters
    ----------
    func : function
        The method to check, which is defined in the body of a class.

    Raises
    ------
    EventError
        If no event has the name of `func`.
    ExtensionError
        If `func` does not accept the arguments of the event.

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


def reported_elsewhere(loop: Loop) -> bool:
    """Return True if another process of the group shows and writes the results of training."""
    distributed = getattr(loop.algorithm, "distributed", None)
    return distributed is not None and distributed.share.rank > 0


def check_signature(
    function: Callable[..., object], event: CallbackName, passed: Iterable[Any], what: str
) -> None:
    """Raise an `ExtensionError` unless `function` accepts the positional arguments `passed`."""
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
    """Base class of extensions of the main loop, with a method for each event.

    A subclass overrides the methods of the events that it handles; `workbench.extensions.events`
    describes when each event fires. Extensions communicate with each other and with the main loop
    through records in the log.

    Parameters
    ----------
    name : str, optional
        The name of the extension, which distinguishes several extensions of the same class; by
        default the class name.

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
    """Methods of Blocks that are no longer called, each with advice on its replacement.

    Defining one of these methods in a subclass raises an error.
    """

    only_reports: ClassVar[bool] = False
    """True if the extension only shows or writes something and never affects training.

    If several processes train together, only the first process calls this extension.
    """

    state_keys: ClassVar[tuple[str, ...]] = ()
    """Names of the attributes that `state_dict` saves and that resumed training depends on.

    Their values must consist of numbers, strings, lists, tuples, dictionaries, arrays and tensors.
    Omit caches, and attributes that the extension reads from the log or from the status of the log.
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
            If the extension does not belong to a main loop that has been started.
        """
        if self._main_loop is None:
            raise ExtensionError(NO_MAIN_LOOP.format(extension=self))
        return self._main_loop

    @main_loop.setter
    def main_loop(self, value: Loop) -> None:
        self._main_loop = value

    def dispatch(self, callback_name: CallbackName, *args: Any) -> None:
        """Call the method for an event. Override this method to intercept every event."""
        getattr(self, CallbackName(callback_name))(*args)

    def handler(self, event: CallbackName) -> Handler | None:
        """Return the function that the main loop calls on `event`, or None if there is none.

        The main loop calls this method when a run starts, so that events without a handler take no
        time.

        Raises
        ------
        ExtensionError
            If the method does not accept the arguments of the event.
        """
        if type(self).dispatch is not TrainingExtension.dispatch:
            return partial(self.dispatch, event)
        method: Handler = getattr(self, event.value)
        if getattr(method, "__func__", method) is getattr(TrainingExtension, event.value):
            return None
        check_signature(method, event, event.arguments, f"{event} of {self!r}")
        return method

    def bindings(self) -> dict[str, Any]:
        """Return the attributes that contain variables of the model, as a dictionary.

        If the model of a run is replaced, `rebind` returns the new values of these attributes. If
        the earlier model is restored, the main loop assigns the values that this method returned
        before the replacement.
        """
        return {}

    def rebind(self, find: Callable[[Any], Any], added: Iterable[Any]) -> dict[str, Any]:
        """Return new values of the attributes in `bindings` when the model is replaced.

        Parameters
        ----------
        find : callable
            A function that receives a variable of the earlier model and returns its replacement, or
            None if it has no replacement.
        added : iterable of Variable
            Scalars that are monitored in the new model and were not monitored before. The first
            extension that records values of training batches also records these scalars.
        """
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save, by default the attributes in `state_keys`."""
        return {key: getattr(self, key) for key in self.state_keys}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned.

        Raises
        ------
        StateError
            If the keys of `state` are not `state_keys`; the extension then does not change.
        """
        check_keys(f"the state of {self!r}", state, self.state_keys)
        for key, value in state.items():
            setattr(self, key, value)

    def state_variables(self) -> Iterable[SharedVariable]:
        """Return the shared variables of this extension whose values must be saved.

        The variables of the training step are always saved.
        """
        return ()

    def ended(self, log: TrainingLogBase) -> str | None:
        """Return the reason why training must not continue, or None if it may continue.

        The main loop calls this method before a run starts. If it returns a reason, the run does
        not train and reports the reason.
        """
        return None

    def go_on(self) -> None:
        """Prepare for further training that the user requested after training had ended."""

    def records(self) -> Mapping[str, bool]:
        """Return the names of the records that this extension writes, if they are known in advance.

        Returns
        -------
        dict
            A mapping from name to bool: True if only this extension can write the record; False if
            other extensions may also write it, such as a request to finish.
        """
        return {}

    def waiting_for(self) -> Mapping[str, bool]:
        """Return the names of the records that this extension reads but has not found in this run.

        After the first epoch, a warning lists the records that no extension writes; the usual cause
        is a misspelt name.

        Returns
        -------
        dict
            A mapping from name to bool: True if the extension has already tried to read the record.
        """
        return {}

    def views(self) -> Sequence[Mapping[str, Any]]:
        """Return descriptions of the views that this extension requests for the run.

        Each description is a mapping of plain values, which can be sent to another process. Its
        ``kind`` item defines the meaning of the other items.
        """
        return ()

    def recover(self, error: Exception, batch: Any) -> bool:
        """Return True to process a batch again after the algorithm has failed on it.

        The extension can request that the session pause, rewind or change a value. The session
        executes the request before the batch is processed again. If no extension returns True, the
        error ends training. This method is not called while a rewind replays batches, because these
        batches have already been processed without an error.

        Parameters
        ----------
        error : Exception
            The error that `process_batch` raised.
        batch : dict
            The batch, which the algorithm has not trained on.
        """
        return False

    def before_training(self) -> None:
        """Handle the start of the first run."""

    def on_resumption(self) -> None:
        """Handle the start of a run that resumes training."""

    def before_epoch(self) -> None:
        """Handle the start of an epoch."""

    def before_batch(self, batch: Any) -> None:
        """Handle `batch`, a mapping from source to array, before the algorithm processes it."""

    def after_batch(self, batch: Any) -> None:
        """Handle `batch` after the algorithm has processed it."""

    def after_epoch(self) -> None:
        """Handle the end of an epoch."""

    def on_interrupt(self) -> None:
        """Handle Ctrl+C, or a call to `Session.stop`."""

    def after_training(self) -> None:
        """Handle the end of training if no error has occurred."""

    def on_error(self, exception: BaseException) -> None:
        """Handle `exception`, which ended the run."""

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"{kind}()" if self.name == kind else f"{kind}(name={self.name!r})"
