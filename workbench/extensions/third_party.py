"""Extensions and logs of one's own make, which are derived from nothing of the workbench.

The protocols stand here. An extension that meets `Dispatching` is made one of the main loop's by
`as_extension`, which wraps it: a main loop needs more of an extension than it asks of its writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from workbench.errors import ExtensionError
from workbench.extensions.base import TrainingExtension
from workbench.extensions.events import CallbackName

NOT_AN_EXTENSION = (
    "{where} is {given!r}, which is no TrainingExtension{hint}; write a function for "
    "one event as a TrainingExtension with the method of that name"
)


@runtime_checkable
class Dispatching(Protocol):
    """What an object must have to be an extension.

    Its attribute ``main_loop`` is set before the first event.
    """

    def dispatch(self, callback_name: CallbackName, *args: Any) -> Any:
        """Act on an event, or not; called on all of them."""


@runtime_checkable
class Stateful(Protocol):
    """What an extension has in addition if checkpoints are to keep something of it."""

    def state_dict(self) -> dict[str, Any]:
        """What must be saved."""

    def load_state_dict(self, state: Mapping[str, Any]) -> Any:
        """Go back to where `state_dict` was called."""


class _ThirdParty(TrainingExtension):
    """An extension that is derived from nothing: passes every event on to it.

    Parameters
    ----------
    extension : object
        Has a method ``dispatch(event, *args)``, and may have a `name` and what is of `Stateful`.

    Examples
    --------
    >>> class Listener:
    ...     def dispatch(self, event, *args):
    ...         print(event)
    >>> _ThirdParty(Listener()).dispatch("after_epoch")
    after_epoch
    """

    def __init__(self, extension: Dispatching) -> None:
        name = getattr(extension, "name", None)
        super().__init__(name if isinstance(name, str) else type(extension).__name__)
        self.extension: Any = extension

    @property
    def main_loop(self) -> Any:
        """The main loop, which the wrapped extension gets as well."""
        return super().main_loop

    @main_loop.setter
    def main_loop(self, value: Any) -> None:
        self._main_loop = self.extension.main_loop = value

    def dispatch(self, callback_name: CallbackName, *args: Any) -> None:
        self.extension.dispatch(CallbackName(callback_name), *args)

    def state_dict(self) -> dict[str, Any]:
        """That of the wrapped extension, if it has one."""
        return self.extension.state_dict() if isinstance(self.extension, Stateful) else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if isinstance(self.extension, Stateful):
            self.extension.load_state_dict(state)
        else:
            super().load_state_dict(state)

    def __repr__(self) -> str:
        return repr(self.extension)


def as_extension(given: Any, where: str) -> TrainingExtension:
    """`given` as an extension of a main loop.

    Raises
    ------
    ExtensionError
        If it is none.
    """
    if isinstance(given, TrainingExtension):
        return given
    if isinstance(given, Dispatching) and not isinstance(given, type):
        return _ThirdParty(given)
    hint = ""
    if isinstance(given, type) and issubclass(given, (TrainingExtension, Dispatching)):
        hint = f": it is the class; write {given.__name__}(...)"
    raise ExtensionError(NOT_AN_EXTENSION.format(where=where, given=given, hint=hint))
