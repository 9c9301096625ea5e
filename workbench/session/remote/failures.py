"""Search for the process that ended first in a run, and for the reason why it ended."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Mapping
from typing import Any, Protocol

from workbench.errors import ProcessError
from workbench.session.remote.folder import RunFolder
from workbench.session.remote.identity import is_stopped
from workbench.session.remote.launcher import Launched, Unowned, named_status
from workbench.session.remote.output import Outputs
from workbench.tensor.processes import BROKEN

GRACE = 0.5
"""Seconds to wait, after the first sign of a failure, for its cause to become known."""

NEEDED = 2**16
"""Number of bytes that must be free on a disk for an explanation."""

ENDING = 10.0
"""Seconds to wait for all processes to end after the first one has ended on request."""

NOT_STARTED = (
    "process {rank} of {size} in {name!r} could not start: {why}. The end of its output:\n{output}"
)
FULL = (
    "(it could not write why: the disk with the folder {folder} is full. Free some space, and try "
    "again)"
)
ENDED = (
    "process {rank} of {size} in {name!r} (pid {pid}) ended at iteration {done:,} or later: "
    "{why}.{output} The log is kept; {restart}"
)
SAID = " The end of its output: {output}."
FROM_SNAPSHOT = "session.restart() continues from the snapshot of iteration {kept:,}"
FROM_START = "no snapshot was written, so session.restart() starts from the beginning"
UNKNOWN = "the connection to it was lost, and its exit status is not known to this process"


STOPPED = (
    "process {rank} of {size} (pid {pid}) is stopped, and has not answered for {seconds:.0f} s; "
    "all others wait for it. `kill -CONT {pid}` lets it continue"
)
SILENT = 5.0
"""Number of seconds after which a stopped process is reported."""


class Watched(Protocol):
    """Protocol for a launch, with the attributes that `Failures` needs."""

    folder: RunFolder
    launched: Launched
    outputs: Outputs

    @property
    def facts(self) -> dict[str, Any]:
        """The information that the run has reported."""

    @property
    def name(self) -> str:
        """The name of the run."""

    @property
    def launch(self) -> int:
        """The number of the launch."""

    @property
    def size(self) -> int:
        """The number of processes."""


class Failures:
    """Search for the first process that ended.

    Parameters
    ----------
    link : Watched
    """

    def __init__(self, link: Watched) -> None:
        self._link = link
        self._since: float | None = None
        self._lost: int | None = None
        self._stopped: dict[int, float] = {}

    def suspect(self, rank: int | None = None) -> None:
        """Note that the given process, or an unknown process, seems to have ended."""
        self._since = self._since or time.monotonic()
        self._lost = rank if self._lost is None else self._lost

    def check_start(self) -> None:
        """Raise `ProcessError` if a process has ended before it was ready."""
        link = self._link
        ended = self._ended()
        if not ended:
            return
        deadline = time.monotonic() + GRACE
        while min(ended.values()) >= 0 and time.monotonic() < deadline:
            time.sleep(GRACE / 10)
            ended = self._ended()
        # Processes that have only lost the connection to another one have the exit status 1, too.
        lost = {rank for rank in ended if BROKEN.search(link.outputs.last(rank))}
        rank = min(ended, key=lambda one: (ended[one] >= 0, ended[one] != 1, one in lost, one))
        link.launched.kill()
        raise ProcessError(
            NOT_STARTED.format(
                rank=rank,
                size=link.size,
                name=link.name,
                why=named_status(ended[rank]),
                output=link.outputs.last(rank, 20) or self._is_full(),
            )
        )

    def _is_full(self) -> str:
        """Return an explanation for an empty output if the disk is full, or an empty string."""
        folder = self._link.folder.path
        with contextlib.suppress(OSError):
            if shutil.disk_usage(folder).free < NEEDED:
                return FULL.format(folder=folder)
        return ""

    def stopped(self) -> str:
        """Return a text about a process that is stopped for some time, or an empty string."""
        now, pids = time.monotonic(), self._link.launched.pids
        self._stopped = {
            rank: self._stopped.get(rank, now) for rank, pid in enumerate(pids) if is_stopped(pid)
        }
        for rank, since in self._stopped.items():
            if now - since >= SILENT:
                return STOPPED.format(
                    rank=rank, size=self._link.size, pid=pids[rank], seconds=now - since
                )
        return ""

    def ended_on_request(self) -> bool:
        """Return True if all processes have ended, because a notebook has closed the run."""
        link, ended = self._link, self._ended()
        if not ended and self._since is None:
            return False
        if any(ended.values()) or not self._was_closed():
            return False
        return isinstance(link.launched, Unowned) or len(ended) == len(link.launched.pids)

    def _was_closed(self) -> bool:
        """Return True if the processes end on request, or if the run's folder was removed."""
        folder = self._link.folder
        return folder.closed(self._link.launch).exists() or not folder.path.exists()

    def found(self) -> BaseException | None:
        """Return the error to raise, or None if there is none yet."""
        ended = self._ended()
        if not ended and self._since is None:
            return None
        self._since = self._since or time.monotonic()
        killed = [rank for rank, status in ended.items() if status < 0]
        closed = not any(ended.values()) and self._was_closed()
        if not killed and time.monotonic() < self._since + (ENDING if closed else GRACE):
            return None
        facts = self._link.facts
        troubles: list[Mapping[str, Any]] = facts.get("troubles") or []
        told = [trouble for trouble in troubles if trouble["error"]]
        exception: BaseException | None = facts.get("exception")
        if killed:
            return self._error(killed[0], named_status(ended[killed[0]]))
        if exception is not None and not isinstance(exception, ProcessError):
            return exception
        if told:
            return self._error(told[0]["rank"], str(told[0]["error"]))
        if troubles:
            rank = troubles[0]["rank"]
        elif ended:
            rank = min(ended)
        elif self._lost is not None:
            rank = self._lost
        else:
            return exception
        return self._error(rank, named_status(ended[rank]) if rank in ended else UNKNOWN)

    def _ended(self) -> dict[int, int]:
        """Return the exit statuses of the processes that have ended."""
        launched = self._link.launched
        found = {rank: launched.status(rank) for rank in range(len(launched.pids))}
        return {rank: status for rank, status in found.items() if status is not None}

    def _error(self, rank: int, why: str) -> ProcessError:
        link = self._link
        output = link.outputs.last(rank)
        kept = link.facts.get("kept")
        done = link.facts.get("iterations_done") or 0
        return ProcessError(
            ENDED.format(
                rank=rank,
                size=link.size,
                name=link.name,
                pid=link.launched.pids[rank] if rank < len(link.launched.pids) else "unknown",
                done=done,
                why=why,
                output=SAID.format(output=output.replace("\n", " / ")) if output else "",
                restart=FROM_START if kept is None else FROM_SNAPSHOT.format(kept=kept),
            )
        )
