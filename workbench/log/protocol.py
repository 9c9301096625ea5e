"""The protocol of a training log, for logs that do not derive from `TrainingLogBase`."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from workbench.errors import LogError

NOT_A_LOG = "log is a training log such as SQLiteLog(path), got {given!r}{lacks}"


@runtime_checkable
class Logging(Protocol):
    """What a main loop and its checkpoints call of a log; `TrainingLogBase` has it."""

    @property
    def status(self) -> MutableMapping[str, Any]:
        """``iterations_done``, ``epochs_done``, ..."""

    @property
    def current_row(self) -> MutableMapping[str, Any]:
        """The records of the iteration that was done last."""

    def __getitem__(self, time: int) -> MutableMapping[str, Any]:
        """The records of an iteration."""

    def resume(self) -> Any:
        """Make ready for a run that goes on."""

    def writing(self) -> AbstractContextManager[Any]:
        """The time of a run, at the end of which everything is stored."""

    def commit(self) -> Any:
        """Show other threads what was recorded during an event."""

    def maker(self) -> Any:
        """What makes the log again from a pickle, or ``None`` to pickle it as it is."""

    def state_dict(self) -> dict[str, Any]:
        """What must be saved."""

    def load_state_dict(self, state: Mapping[str, Any]) -> Any:
        """Go back to where `state_dict` was called."""


def check_log(given: Any) -> None:
    """Raise `LogError` unless `given` meets the protocol of a log."""
    if isinstance(given, Logging) and not isinstance(given, type):
        return
    members = [name for name in vars(Logging) if name == "__getitem__" or name[0] != "_"]
    missing = [name for name in members if not hasattr(given, name)]
    near = len(missing) < len(members) / 2
    lacks = f", which lacks {', '.join(missing)}" if near else ""
    raise LogError(NOT_A_LOG.format(given=given, lacks=lacks))
