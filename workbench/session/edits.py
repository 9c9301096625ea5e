"""Detection of direct edits: changes to variables or extensions without a command.

During a pause, and between two runs, edits are detected by comparing the values and the
arrangement of the main loop. During a run, an edit is detected only if another thread calls
`SharedVariable.set_value` or `MainLoop.refresh`. An in-place edit cannot be detected during a run,
because the training step and extensions also change values, and because torch's count of changes to
a tensor omits changes that are made by compiled steps or through ``tensor.data`` or
``tensor.numpy()``. A `Rewinder` compares the rows of repeated batches with the log, and so detects
most of these edits later.
"""

from __future__ import annotations

import logging
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Set
from typing import Any, NamedTuple

import torch

from workbench.main_loop import MainLoop
from workbench.main_loop.run import Run
from workbench.session.arrangement import Arrangement, arrangement_of
from workbench.session.hyperparameters import path_in
from workbench.session.interventions import Journal
from workbench.session.queue import Queue
from workbench.tensor import SharedVariable
from workbench.tensor.shared import WATCHERS

logger = logging.getLogger(__name__)

FEW = 3
"""Maximum number of variables that are listed in the text of an edit."""

EXACT = 64 * 2**20
"""Maximum total size, in bytes, of variables whose elements are all compared."""

SAMPLED = 4096
"""Number of elements that are compared in each variable if the total size exceeds `EXACT`."""


class _Look(NamedTuple):
    """State of a variable at one point in time, for comparison with a later state."""

    variable: SharedVariable
    tensor: torch.Tensor
    version: int
    checksum: int

    def differs(self, other: _Look) -> bool:
        """Return True if the variable has changed between this state and `other`."""
        return self.tensor is not other.tensor or self[2:] != other[2:]


class Edits:
    """Detector that records direct edits as interventions.

    Parameters
    ----------
    main_loop : MainLoop
    run : Run
    queue : Queue
        The queue of commands that edits are added to; its `changes` attribute is notified of
        each edit.
    journal : Journal
    """

    def __init__(self, main_loop: MainLoop, run: Run, queue: Queue, journal: Journal) -> None:
        self._main_loop = main_loop
        self._run = run
        self._queue = queue
        self._journal = journal
        self._pending: deque[tuple[SharedVariable, int]] = deque()
        self._refreshed: deque[int] = deque()  # iterations when other threads called `refresh`
        self._arranged: Arrangement | None = None  # the last known arrangement
        self._known: Set[SharedVariable] = frozenset()
        self._seen: list[_Look] | None = None
        self._seen_at = 0

    @property
    def pending(self) -> bool:
        """True if an edit by another thread has not been recorded yet."""
        return bool(self._pending or self._refreshed)

    def attach(self) -> None:
        """Record assignments and new extensions by other threads from now on."""
        WATCHERS.append(self._assigned)
        self._run.after_refresh = self._rearranged

    def follow(self, earlier: Edits) -> None:
        """Compare with the values at the end of an earlier session of the same main loop."""
        self._seen, self._seen_at = earlier._seen, earlier._seen_at
        self._arranged = earlier._arranged

    def detach(self) -> None:
        """Stop watching other threads, and store the state of variables to detect later edits."""
        if self._assigned in WATCHERS:
            WATCHERS.remove(self._assigned)
        self._run.after_refresh = None
        self._pending.clear()
        self._refreshed.clear()
        self.mark()

    def learn(self) -> None:
        """Look up the variables of the run again, since they may have changed."""
        try:
            self._known = self._queue.variables.paths.keys()
        except Exception as error:  # from a faulty part; training reports it if necessary
            logger.debug("direct edits are not detected: %s: %s", type(error).__name__, error)
            self._known = frozenset()

    def mark(self) -> None:
        """Note the current values and arrangement, so that later differences count as edits.

        If several processes train together, no values are noted: the processes exchange values
        between two runs, and users cannot edit the values in these processes.
        """
        self.learn()
        if self._run.mailbox.is_shared:
            return
        self._seen = _look_at(self._known)
        self._arranged = arrangement_of(self._main_loop)
        self._seen_at = self._main_loop.status["iterations_done"]

    def watch(self) -> None:
        """Start looking for differences from the current state, unless a search is in progress."""
        if self._seen is None:
            self.mark()

    def suspend(self) -> bool:
        """Record the edits so far, and stop looking for edits, before a command assigns values.

        Returns
        -------
        bool
            True if this object was looking for differences; pass the value to `resume`.
        """
        self.settle()
        watching = self._seen is not None
        self.forget()
        return watching

    def resume(self, watching: bool) -> None:
        """Look for differences again after a command, if `watching` is True."""
        if watching:
            self.mark()
        elif self._seen is None:
            self._arranged = arrangement_of(self._main_loop)

    def forget(self) -> None:
        """Stop looking for differences, because training changes all values."""
        self._seen = None
        self._arranged = arrangement_of(self._main_loop)

    def settle(self, *, at_boundary: bool = True) -> None:
        """Record the edits since the last call; only the training thread may call this method.

        Parameters
        ----------
        at_boundary : bool
            False if no snapshot of the training state can be taken at this point.
        """
        done = self._main_loop.status["iterations_done"]
        rearranged = list(self._refreshed)
        found: dict[SharedVariable, int] = {}
        while self._pending:
            variable, iteration = self._pending.popleft()
            found.setdefault(variable, min(iteration, done))
        if self._seen is not None:
            if self._seen_at != done:
                self._seen = None  # main_loop.run() has trained in the meantime
            else:
                before, self._seen = self._seen, _look_at(one.variable for one in self._seen)
                pairs = zip(before, self._seen, strict=True)
                changed = [now.variable for then, now in pairs if now.differs(then)]
                found = dict.fromkeys(changed, done) | found
                rearranged.append(done)
        if rearranged:
            self._record_arrangement(min(*rearranged, done), at_boundary)
        if found:
            self._record(list(found), min(found.values()), at_boundary)

    def _assigned(self, variable: SharedVariable) -> None:
        """Record that another thread, which holds the variable's locks, has assigned a value.

        The recorded iteration may be too low by one, but is never too high.
        """
        if variable in self._known and self._run.thread not in (None, threading.get_ident()):
            self._pending.append((variable, self._main_loop.status["iterations_done"]))
            self._main_loop.post(self.settle)

    def _rearranged(self) -> None:
        """Request a search for new extensions, since another thread has called `refresh`."""
        if self._run.thread in (None, threading.get_ident()) or self._run.mailbox.is_shared:
            return
        self._refreshed.append(self._main_loop.status["iterations_done"])
        self._main_loop.post(self.settle)

    def _record_arrangement(self, iteration: int, at_boundary: bool) -> None:
        """Record extensions, streams and schemes that have been replaced without a command."""
        self._refreshed.clear()
        before, now = self._arranged, arrangement_of(self._main_loop)
        changed = "" if before is None else before.changes(now)
        self._arranged = now
        if changed:
            self._document(
                "edit the main loop directly", {"arrangement": changed}, iteration, at_boundary
            )

    def _record(self, variables: list[SharedVariable], iteration: int, at_boundary: bool) -> None:
        paths = [path_in(self._main_loop, one) for one in variables]
        details: dict[str, Any] = {"paths": paths}
        if len(variables) == 1:
            [variable] = variables
            details = {"variable": str(variable), "path": paths[0]}
            if not variable.ndim:
                details["value"] = variable.get_value().item()
        text = f"edit {_listed(map(str, variables))} directly"
        self._document(text, details, iteration, at_boundary)

    def _document(
        self, text: str, details: dict[str, Any], iteration: int, at_boundary: bool
    ) -> None:
        command = self._queue.new("edit", text)
        command.by = "code"
        self._journal.document(command, details, iteration)
        command._apply(iteration)
        if self._queue.changes is not None:
            self._queue.changes.after_edit(command, at_boundary=at_boundary)


def _look_at(variables: Iterable[SharedVariable]) -> list[_Look]:
    variables = list(variables)
    exact = sum(one.tensor.nbytes for one in variables) <= EXACT
    return [
        _Look(one, one.tensor, _version(one.tensor), _checksum(one.tensor, exact))
        for one in variables
    ]


def _version(tensor: torch.Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _checksum(tensor: torch.Tensor, exact: bool) -> int:
    flat = tensor.detach().reshape(-1)
    some = flat if exact else flat[:: max(1, -(-flat.numel() // SAMPLED))]
    return zlib.crc32(some.contiguous().cpu().view(torch.uint8).numpy().data)


def _listed(names: Iterable[str]) -> str:
    """Return names as text; if there are many, only the first names are listed.

    Examples
    --------
    >>> _listed("WbWb"), _listed("Wb")
    ('W, b, W and 1 more', 'W, b')
    """
    names = list(names)
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + more
