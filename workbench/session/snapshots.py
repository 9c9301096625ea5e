"""Snapshots of training in memory, and a ring that decides which of them are kept.

A snapshot is a copy of all state that training depends on, except the records of the log, at a
boundary between two batches. `Ring` keeps as many snapshots as its limits allow, with larger
distances between older snapshots. Therefore the distance from an iteration to the nearest earlier
snapshot is small in proportion to the age of the iteration. Pinned snapshots are dropped last. Two
successive snapshots share the tensors that did not change between them.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch

from workbench.main_loop import MainLoop
from workbench.main_loop.parts import Parts, parts_of, put_in
from workbench.main_loop.state import state_of
from workbench.session.arrangement import Arrangement, arrangement_of

MEMORY = 512 * 2**20
"""Maximum total size of the tensors in a ring, in bytes, by default."""

MOST = 128
"""Maximum number of snapshots in a ring."""

PROBE = 16
"""Number of elements that are compared first; training usually changes some of them."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Training state at a boundary between two batches.

    Attributes
    ----------
    iteration : int
        The number of completed iterations.
    changes : int
        The number of interventions that changed training before the snapshot.
    state : dict
        The state of training (see `workbench.main_loop.state`), except the log.
    status : dict
        The status of the log.
    row : dict
        The row of the log at `iteration`.
    branch : Branch
        The branch that the snapshot was taken on.
    pin : str
        The reason to keep the snapshot longer than other snapshots, or an empty string.
    parts : Parts or None
        The model and algorithm that the state belongs to; None if these never change.
    arrangement : Arrangement or None
        The extensions and the data stream that the state belongs to; None if these never change.
    """

    iteration: int
    changes: int
    state: dict[str, Any]
    status: dict[str, Any]
    row: dict[str, Any]
    branch: Any
    pin: str = ""
    parts: Parts | None = None
    arrangement: Arrangement | None = None

    @property
    def bytes(self) -> int:
        """The total size of the tensors in bytes, including shared tensors."""
        return sum(self.storages.values())

    @cached_property
    def storages(self) -> dict[int, int]:
        """The sizes of the tensors, keyed by address; read them only after `_share` has run."""
        return dict(_storages(self.state))

    def loadable(self, log: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state in a form that can be loaded, together with the state of a log.

        All parts are copied except the values of variables, which are copied when they are loaded.
        """
        return {**own_parts(self.state), "log": log}

    def __repr__(self) -> str:
        pinned = f", {self.pin}" if self.pin else ""
        return f"<Snapshot at iteration {self.iteration:,}{pinned}>"


@dataclass
class Ring:
    """Snapshots of a session, in the order of their iterations.

    Parameters
    ----------
    memory : int
        The maximum total size of all tensors in bytes. The latest snapshot is always kept.
    most : int
        The maximum number of snapshots.

    Examples
    --------
    >>> ring = Ring()
    >>> for iteration in range(0, 100, 10):
    ...     ring.add(Snapshot(iteration, 0, {}, {}, {}, "main"))
    >>> ring.newest_until(57)
    <Snapshot at iteration 50>
    """

    memory: int = MEMORY
    most: int = MOST
    _kept: list[Snapshot] = field(default_factory=list, repr=False)

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(tuple(self._kept))

    @property
    def bytes(self) -> int:
        """The total size of all tensors in bytes; shared tensors are counted once."""
        return sum({a: size for s in self._kept for a, size in s.storages.items()}.values())

    def add(self, snapshot: Snapshot) -> None:
        """Add a snapshot, and remove other snapshots until the limits are met."""
        before = self._before(snapshot)
        if before is not None:
            _share(snapshot.state, before.state)
        bisect.insort_right(self._kept, snapshot, key=_iteration)
        self._drop(snapshot)

    def adopt(self, snapshots: Iterable[Snapshot]) -> None:
        """Add snapshots from another ring; the two rings then share the tensors of the snapshots.

        Both rings count these tensors towards their limits.
        """
        self._kept = sorted([*snapshots, *self._kept], key=_iteration)
        if self._kept:
            self._drop(self._kept[-1])

    def move(self, branch: object, to: object) -> None:
        """Assign the snapshots on a branch to another branch with the same history."""
        self._kept = [replace(s, branch=to) if s.branch is branch else s for s in self._kept]

    def _drop(self, newest: Snapshot) -> None:
        """Drop snapshots other than `newest` to meet the limits."""
        while len(self._kept) > self.most or (len(self._kept) > 1 and self.bytes > self.memory):
            self._kept.remove(self._least_missed(newest))

    def newest_until(self, iteration: int) -> Snapshot | None:
        """Return the last snapshot at or before `iteration`, or None if there is none."""
        index = bisect.bisect_right(self._kept, iteration, key=_iteration)
        return self._kept[index - 1] if index else None

    def _before(self, snapshot: Snapshot) -> Snapshot | None:
        return self.newest_until(snapshot.iteration)

    def _least_missed(self, newest: Snapshot) -> Snapshot:
        """Return the snapshot whose removal lengthens replays least, relative to its age."""
        now = max(self._kept[-1].iteration, newest.iteration)
        candidates = [s for s in self._kept if s is not newest]
        free = [s for s in candidates if not s.pin] or candidates

        def missed(snapshot: Snapshot) -> float:
            index = self._kept.index(snapshot)
            if index == 0:  # required to reach iterations before the second snapshot
                return float("inf")
            start = self._kept[index - 1].iteration
            last = index + 1 == len(self._kept)
            end = now if last else self._kept[index + 1].iteration
            return (end - start) / (1 + now - snapshot.iteration)

        return min(free, key=missed)


def snapshot_of(
    main_loop: MainLoop, changes: int, branch: Any, pin: str = "", *, in_hand: bool
) -> Snapshot:
    """Return a snapshot of a main loop; see `workbench.main_loop.state.state_of` for `in_hand`."""
    log = main_loop.log
    done = log.status["iterations_done"]
    state = own_parts(state_of(main_loop, in_hand=in_hand, with_log=False))
    row = dict(log[done]) if done in log else {}
    status, parts = deepcopy(dict(log.status)), parts_of(main_loop)
    present = arrangement_of(main_loop)
    return Snapshot(done, changes, state, status, row, branch, pin, parts, present)


def load_into(main_loop: MainLoop, snapshot: Snapshot, state: Mapping[str, Any]) -> None:
    """Restore the model, extensions and data stream of a snapshot, and load its `state`.

    If loading fails, the main loop gets its earlier model, extensions and data stream back.
    """
    before, present = parts_of(main_loop), arrangement_of(main_loop)
    try:
        if snapshot.arrangement is not None:
            snapshot.arrangement.restore(main_loop)
        if snapshot.parts is not None:
            put_in(main_loop, snapshot.parts)
        main_loop.load_state_dict(state)
    except BaseException:
        present.restore(main_loop)
        put_in(main_loop, before)
        main_loop.refresh()  # put_in does nothing if it has failed above
        raise


def own_parts(state: Mapping[str, Any]) -> dict[str, Any]:
    """Copy all parts of a state except the values of variables."""
    shared = ("parameters", "variables")
    return {part: one if part in shared else deepcopy(one) for part, one in state.items()}


def within(snapshots: Iterable[Snapshot], memory: int) -> int:
    """Return the number of leading `snapshots` that fit into `memory`, but at least 1."""
    storages: dict[int, int] = {}
    total = count = 0
    for snapshot in snapshots:
        for address, size in snapshot.storages.items():
            total += size if storages.setdefault(address, count) == count else 0
        if count and total > memory:
            break
        count += 1
    return count


def _iteration(snapshot: Snapshot) -> int:
    return snapshot.iteration


def _share(new: dict[str, Any], old: dict[str, Any]) -> None:
    """Replace tensors in `new` with equal tensors from `old`."""
    for part in ("parameters", "variables"):
        values, before = new.get(part, {}), old.get(part, {})
        for name, value in values.items():
            other = before.get(name)
            if isinstance(other, torch.Tensor) and _equal(value, other):
                values[name] = other


def _equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not torch.equal(one.reshape(-1)[:PROBE], other.reshape(-1)[:PROBE]):
        return False
    return torch.equal(one, other)


def _storages(value: Any) -> Iterator[tuple[int, int]]:
    """Yield the address and size of every tensor in a state."""
    if isinstance(value, torch.Tensor):
        yield value.data_ptr(), value.nbytes
    elif isinstance(value, dict):
        for part in value.values():
            yield from _storages(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _storages(part)
