"""Functions that decide whether a rewind is possible, and which snapshot it starts from."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from workbench.algorithms import TrainingAlgorithm
from workbench.extensions.finish_after import goal_reached
from workbench.log import TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.main_loop.ending import FINISH_REQUEST
from workbench.session.branch import Branch, interventions
from workbench.session.interventions import CHANGING
from workbench.session.queue import Refused
from workbench.session.snapshots import MEMORY, MOST, Snapshot, within

NO_STATE = (
    "{algorithm} is not a TrainingAlgorithm, so its state cannot be kept, and a rewind would "
    "not restore it"
)
READ_ONCE = "{stream!r} yields its data only once, so this run cannot be rewound"
OUT_OF_REACH = (
    "iteration {iteration:,} cannot be reached exactly, since no snapshot has been kept between "
    "this iteration and the last intervention before it; {nearest}"
)


def unable(main_loop: MainLoop) -> str:
    """Return the reason why the training state cannot be kept, or an empty string if it can."""
    algorithm, stream = main_loop.algorithm, main_loop.data_stream
    has_state = isinstance(algorithm, TrainingAlgorithm)
    if not has_state:
        return NO_STATE.format(algorithm=algorithm)
    return READ_ONCE.format(stream=stream) if stream is not None and stream.reads_once else ""


def at_the_end(main_loop: MainLoop) -> bool:
    """Return True if the run finished at the current iteration without being stopped."""
    ended = main_loop.log.current_row.get(FINISH_REQUEST, False)
    return bool(ended) and goal_reached(main_loop.status)


def way_to(
    snapshots: Iterable[Snapshot], branch: Branch, log: TrainingLogBase, iteration: int
) -> Snapshot:
    """Return the last snapshot that allows an exact replay up to an iteration of a branch.

    Raises
    ------
    Refused
        If there is no such snapshot.
    """
    before = [r for r in interventions(log, CHANGING) if r["iteration"] < iteration]
    found = usable(snapshots, branch, iteration)
    exact = [snapshot for snapshot in found if snapshot.changes == len(before)]
    if not exact:
        near = ", ".join(f"{s.iteration:,}" for s in found[-3:])
        there = "is a snapshot" if len(found) == 1 else "are snapshots"
        text = f"there {there} at {near}" if near else "there is no snapshot before this iteration"
        raise Refused(OUT_OF_REACH.format(iteration=iteration, nearest=text))
    return exact[-1]


def usable(snapshots: Iterable[Snapshot], branch: Branch, iteration: int) -> list[Snapshot]:
    """Return the snapshots on a branch and its ancestors, up to `iteration`."""
    shared = {id(one): until for one, until in branch.lineage}
    return [
        snapshot
        for snapshot in snapshots
        if snapshot.iteration <= iteration
        and (snapshot.iteration, snapshot.changes) <= shared.get(id(snapshot.branch), (-1, 0))
    ]


class UndoStack:
    """Stack of the interventions that can be undone, each with a snapshot taken before it.

    The stack has the same limits as a `Ring` of snapshots.

    Parameters
    ----------
    memory : int
        The maximum total size of all tensors in bytes. The last snapshot is always kept.
    """

    def __init__(self, memory: int = MEMORY) -> None:
        self._memory = memory
        self._steps: list[tuple[int, Snapshot]] = []

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, id: int, snapshot: Snapshot) -> None:
        """Add a command by its id; remove the oldest commands if the stack exceeds its limits."""
        self._steps.append((id, snapshot))
        kept = min(MOST, within((one for _, one in reversed(self._steps)), self._memory))
        del self._steps[:-kept]

    @property
    def last(self) -> Snapshot:
        """The snapshot taken before the last command."""
        return self._steps[-1][1]

    def ids(self) -> list[int]:
        """Return the ids of the last command and of the commands that share its snapshot."""
        one = self.last
        return [id for id, _ in takewhile(lambda step: step[1] is one, reversed(self._steps))][::-1]

    def drop(self, count: int = 1) -> None:
        """Remove the last `count` commands."""
        del self._steps[-count:]
