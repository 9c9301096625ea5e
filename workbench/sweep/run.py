"""`SweepRun`, the information about one run that the journal of a sweep stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

WAITING = "waiting"
RUNNING = "running"
PAUSED = "paused"
ENDED = "ended early"
FINISHED = "finished"
STOPPED = "stopped"
FAILED = "failed"


@dataclass
class SweepRun:
    """One run of a sweep.

    Attributes
    ----------
    number : int
        The number of the run in its sweep, starting at 0.
    settings : dict
        The arguments that the run was built with.
    state : str
        ``"waiting"``, ``"running"``, ``"paused"``, ``"ended early"`` by the sweep, ``"finished"``,
        ``"stopped"`` by a user, or ``"failed"``.
    value : float or None
        The latest value of the record that the sweep compares; None if there is none yet.
    epochs : int
        The number of completed epochs.
    parent : int or None
        The number of the run that this run was forked from; None if this run is not a fork.
    fork_epoch : int or None
        The number of completed epochs when this run was forked; None if this run is not a fork.
    log : str
        The UUID of the log in the database of the sweep; empty before the run starts.
    archive : str
        The file of the last saved state; empty if there is none.
    error : str
        The error that ended the run; empty if there was none.
    """

    number: int
    settings: dict[str, Any]
    state: str = WAITING
    value: float | None = None
    epochs: int = 0
    parent: int | None = None
    fork_epoch: int | None = None
    log: str = ""
    archive: str = ""
    error: str = field(default="", repr=False)

    @property
    def over(self) -> bool:
        """True if the run will not train again unless the sweep is started again."""
        return self.state in (ENDED, FINISHED, STOPPED, FAILED)

    def as_plain(self) -> dict[str, Any]:
        """Return the attributes as a JSON value."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> SweepRun:
        """Create a run from a value that `as_plain` returned.

        Examples
        --------
        >>> SweepRun.from_plain(SweepRun(0, {"rate": 0.1}).as_plain()).settings
        {'rate': 0.1}
        """
        return cls(**plain)
