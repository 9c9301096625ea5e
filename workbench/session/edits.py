"""Detection of direct edits, in which the user changes variables without a command.

During a run, an edit is noticed if another thread calls `SharedVariable.set_value`. During a pause,
and between two runs, the versions of the tensors also show edits in place. A `Rewinder` compares
the rows of repeated batches with the log, and so detects most of the remaining edits.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable, Set
from typing import Any

import torch

from workbench.interfaces import Loop
from workbench.main_loop.run import Run
from workbench.session.hyperparameters import path_in
from workbench.session.interventions import Journal
from workbench.session.queue import Queue
from workbench.tensor import SharedVariable
from workbench.tensor.shared import WATCHERS

logger = logging.getLogger(__name__)

FEW = 3
"""Maximum number of variables that the text of an edit lists."""


class Edits:
    """Detector of direct edits, which records them as interventions.

    Parameters
    ----------
    main_loop : Loop
    run : Run
    queue : Queue
        The queue of commands, to which edits are added; its attribute `changes` is notified of
        each edit.
    journal : Journal
    """

    def __init__(self, main_loop: Loop, run: Run, queue: Queue, journal: Journal) -> None:
        self._main_loop = main_loop
        self._run = run
        self._queue = queue
        self._journal = journal
        self._pending: deque[tuple[SharedVariable, int]] = deque()
        self._known: Set[SharedVariable] = frozenset()
        self._seen: list[tuple[SharedVariable, torch.Tensor, int]] | None = None
        self._seen_at = 0

    @property
    def pending(self) -> bool:
        """True if an edit by another thread has not been recorded."""
        return bool(self._pending)

    def attach(self) -> None:
        """Record assignments by other threads from now on."""
        WATCHERS.append(self._assigned)

    def detach(self) -> None:
        """Stop watching other threads; store the versions to detect edits before the next run."""
        if self._assigned in WATCHERS:
            WATCHERS.remove(self._assigned)
        self._pending.clear()
        self.mark()

    def learn(self) -> None:
        """Look up the variables of the run again, since they may have changed."""
        try:
            self._known = self._queue.variables.paths.keys()
        except Exception as error:  # of a part of the run; training reports it if it matters
            logger.debug("direct edits are not noticed: %s: %s", type(error).__name__, error)
            self._known = frozenset()

    def mark(self) -> None:
        """Store the versions of all variables; later differences are edits."""
        self.learn()
        self._seen = [(one, one.tensor, _version(one.tensor)) for one in self._known]
        self._seen_at = self._main_loop.status["iterations_done"]

    def suspend(self) -> bool:
        """Record the edits so far and stop looking for more, before a command assigns values.

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

    def forget(self) -> None:
        """Stop looking for differences, because training changes all values."""
        self._seen = None

    def settle(self, *, at_boundary: bool = True) -> None:
        """Record the edits since the last call; only the training thread can call this method.

        Parameters
        ----------
        at_boundary : bool
            False if the training state cannot be kept now.
        """
        done = self._main_loop.status["iterations_done"]
        found: dict[SharedVariable, int] = {}
        while self._pending:
            variable, iteration = self._pending.popleft()
            found.setdefault(variable, min(iteration, done))
        if self._seen is not None:
            if self._seen_at != done:
                self._seen = None  # main_loop.run() has trained in the meantime
            else:
                found = dict.fromkeys(_changed(self._seen), done) | found
        if found:
            self.resume(self._seen is not None)
            self._record(list(found), min(found.values()), at_boundary)

    def _assigned(self, variable: SharedVariable) -> None:
        """Note an assignment by another thread, which holds the locks of the variable.

        The iteration can be too low by one, but never too high.
        """
        if variable in self._known and self._run.thread not in (None, threading.get_ident()):
            self._pending.append((variable, self._main_loop.status["iterations_done"]))
            self._main_loop.post(self.settle)

    def _record(self, variables: list[SharedVariable], iteration: int, at_boundary: bool) -> None:
        command = self._queue.new("edit", f"edit {_listed(map(str, variables))} directly")
        command.by = "code"
        paths = [path_in(self._main_loop, one) for one in variables]
        details: dict[str, Any] = {"paths": paths}
        if len(variables) == 1:
            [variable] = variables
            details = {"variable": str(variable), "path": paths[0]}
            if not variable.ndim:
                details["value"] = variable.get_value().item()
        self._journal.document(command, details, iteration)
        command._apply(iteration)
        if self._queue.changes is not None:
            self._queue.changes.after_edit(command, at_boundary=at_boundary)


def _version(tensor: torch.Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _changed(
    seen: Iterable[tuple[SharedVariable, torch.Tensor, int]],
) -> list[SharedVariable]:
    return [
        one
        for one, tensor, version in seen
        if one.tensor is not tensor or _version(tensor) != version
    ]


def _listed(names: Iterable[str]) -> str:
    """Return some names as text.

    Examples
    --------
    >>> _listed("WbWb"), _listed("Wb")
    ('W, b, W and 1 more', 'W, b')
    """
    names = list(names)
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + more
