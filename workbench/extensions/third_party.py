"""Support for third-party extensions, which do not derive from `TrainingExtension`.

`as_extension` wraps an object that satisfies the `Dispatching` protocol, because a main loop
requires more methods than this protocol defines. `workbench.log.protocol` defines a protocol for
third-party logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from workbench.errors import ExtensionError
from workbench.extensions.base import TrainingExtension
from workbench.extensions.events import CallbackName

NOT_AN_EXTENSION = (
    "{where} must be a TrainingExtension, not {given!r}{hint}; to call a function on an event, "
    "derive from TrainingExtension and define a method with the name of the event"
)


@runtime_checkable
class Dispatching(Protocol):
    """Protocol for objects that a main loop accepts as extensions.

    The ``main_loop`` attribute is set before the first event.
    """

    def dispatch(self, callback_name: CallbackName, *args: Any) -> Any:
        """Handle an event; this method is called for every event."""


@runtime_checkable
class Stateful(Protocol):
    """Protocol for third-party extensions whose state is saved in checkpoints."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save."""

    def load_state_dict(self, state: Mapping[str, Any]) -> Any:
        """Restore the state that `state_dict` returned."""


class _ThirdParty(TrainingExtension):
    """Wrapper for an object whose `dispatch` method receives every event.

    Parameters
    ----------
    extension : object
        An object with a ``dispatch(event, *args)`` method and, optionally, a `name` and the methods
        of `Stateful`.

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
        """The main loop. Setting it also sets the main loop of the wrapped extension."""
        return super().main_loop

    @main_loop.setter
    def main_loop(self, value: Any) -> None:
        self._main_loop = self.extension.main_loop = value

    def dispatch(self, callback_name: CallbackName, *args: Any) -> None:
        self.extension.dispatch(CallbackName(callback_name), *args)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the wrapped extension, or an empty state."""
        return self.extension.state_dict() if isinstance(self.extension, Stateful) else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if isinstance(self.extension, Stateful):
            self.extension.load_state_dict(state)
        else:
            super().load_state_dict(state)

    def __repr__(self) -> str:
        return repr(self.extension)


def as_extension(given: Any, where: str) -> TrainingExtension:
    """Return `given` as an extension of a main loop, wrapped if necessary.

    Raises
    ------
    ExtensionError
        If `given` is not an extension.
    """
    if isinstance(given, TrainingExtension):
        return given
    if isinstance(given, Dispatching) and not isinstance(given, type):
        return _ThirdParty(given)
    hint = ""
    if isinstance(given, type) and issubclass(given, (TrainingExtension, Dispatching)):
        hint = f", which is the class, not an instance: write {given.__name__}(...)"
    raise ExtensionError(NOT_AN_EXTENSION.format(where=where, given=given, hint=hint))
