"""Protocol for training logs, which need not derive from `TrainingLogBase`."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from workbench.errors import LogError

NOT_A_LOG = "log must be a training log such as SQLiteLog(path), not {given!r}{lacks}"


@runtime_checkable
class Logging(Protocol):
    """Protocol for logs, with the methods that a main loop and its checkpoints require."""

    @property
    def status(self) -> MutableMapping[str, Any]:
        """The status of the run: ``iterations_done``, ``epochs_done`` and other items."""

    @property
    def current_row(self) -> MutableMapping[str, Any]:
        """The records of the latest iteration."""

    def __getitem__(self, time: int) -> MutableMapping[str, Any]:
        """Return the records of an iteration."""

    def resume(self) -> Any:
        """Prepare the log for a resumed run."""

    def writing(self) -> AbstractContextManager[Any]:
        """Return a context manager for a run; all records are stored when it exits."""

    def commit(self) -> Any:
        """Make the records of an event visible to other threads."""

    def maker(self) -> Any:
        """Return a function that creates an empty log, or None if pickles must contain the log."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save."""

    def load_state_dict(self, state: Mapping[str, Any]) -> Any:
        """Restore the state that `state_dict` returned."""


def check_log(given: Any) -> None:
    """Raise a `LogError` unless `given` satisfies the protocol of a log."""
    if isinstance(given, Logging) and not isinstance(given, type):
        return
    members = [name for name in vars(Logging) if name == "__getitem__" or name[0] != "_"]
    missing = [name for name in members if not hasattr(given, name)]
    near = len(missing) < len(members) / 2
    lacks = f", which does not have {', '.join(missing)}" if near else ""
    raise LogError(NOT_A_LOG.format(given=given, lacks=lacks))
