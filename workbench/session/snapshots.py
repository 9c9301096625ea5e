"""Snapshots of training in memory: their contents, and which of them are kept.

A snapshot is a copy of everything that training depends on, except the records of the log, at the
boundary between two batches. `Ring` keeps as many as its memory allows: many near the present and
fewer far back. So the distance from any iteration to the nearest snapshot before it is small in
proportion to its age. Pinned ones are dropped last. Tensors that did not change since the snapshot
before are shared with it.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

MEMORY = 512 * 2**20
"""Bytes that the tensors of one ring may take."""

MOST = 128
"""Snapshots of one ring."""

PROBE = 16
"""Elements that are compared first: those of a tensor that was trained differ there already."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The state of training at a boundary between two batches.

    Attributes
    ----------
    iteration : int
        The number of iterations done.
    changes : int
        The number of interventions that changed training before it, on the way to it.
    state : dict
        The parts of `workbench.main_loop.state` except the log.
    status : dict
        The status of the log.
    row : dict
        The records of the row of `iteration`.
    branch : Branch
        The branch on which it was taken.
    pin : str
        The reason to keep it longer than others; empty without one.
    """

    iteration: int
    changes: int
    state: dict[str, Any]
    status: dict[str, Any]
    row: dict[str, Any]
    branch: Any
    pin: str = ""

    @property
    def bytes(self) -> int:
        """The bytes of its tensors, shared ones included."""
        return sum(self.storages.values())

    @cached_property
    def storages(self) -> dict[int, int]:
        """Address and size of its tensors; read only after it shares what it can."""
        return dict(_storages(self.state))

    def loadable(self, log: Mapping[str, Any]) -> dict[str, Any]:
        """Return a state to load, with that of a log; changes to it do not affect the snapshot.

        The values of variables are copied when they are loaded, and other parts may not be.
        """
        return {**own_parts(self.state), "log": log}

    def __repr__(self) -> str:
        pinned = f", {self.pin}" if self.pin else ""
        return f"<Snapshot at iteration {self.iteration:,}{pinned}>"


@dataclass
class Ring:
    """The snapshots of a session, by iteration.

    Parameters
    ----------
    memory : int
        Bytes that their tensors may take together. The newest snapshot is kept in any case.

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
        """The bytes of all tensors, each counted once."""
        return sum({a: size for s in self._kept for a, size in s.storages.items()}.values())

    def add(self, snapshot: Snapshot) -> None:
        """Add a snapshot after those of the same iteration; drop others to keep the bounds."""
        before = self._before(snapshot)
        if before is not None:
            _share(snapshot.state, before.state)
        bisect.insort_right(self._kept, snapshot, key=_iteration)
        while len(self._kept) > self.most or (len(self._kept) > 1 and self.bytes > self.memory):
            self._kept.remove(self._least_missed(snapshot))

    def newest_until(self, iteration: int) -> Snapshot | None:
        """Return the last snapshot at `iteration` or before, or None."""
        index = bisect.bisect_right(self._kept, iteration, key=_iteration)
        return self._kept[index - 1] if index else None

    def _before(self, snapshot: Snapshot) -> Snapshot | None:
        return self.newest_until(snapshot.iteration)

    def _least_missed(self, newest: Snapshot) -> Snapshot:
        """Return the snapshot whose loss lengthens a replay least, in proportion to its age."""
        now = max(self._kept[-1].iteration, newest.iteration)
        candidates = [s for s in self._kept if s is not newest]
        free = [s for s in candidates if not s.pin] or candidates

        def missed(snapshot: Snapshot) -> float:
            index = self._kept.index(snapshot)
            if index == 0:  # without it nothing before the second one could be reached
                return float("inf")
            start = self._kept[index - 1].iteration
            last = index + 1 == len(self._kept)
            end = now if last else self._kept[index + 1].iteration
            return (end - start) / (1 + now - snapshot.iteration)

        return min(free, key=missed)


def own_parts(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state whose parts, but for the values of variables, are copies."""
    shared = ("parameters", "variables")
    return {part: one if part in shared else deepcopy(one) for part, one in state.items()}


def within(snapshots: Iterable[Snapshot], memory: int = MEMORY) -> int:
    """Return how many of some snapshots, from the first on, fit into the memory, at least one."""
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
    """Put tensors of `old` in the place of equal ones of `new`."""
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
    """Yield address and size of every tensor within a state."""
    if isinstance(value, torch.Tensor):
        yield value.data_ptr(), value.nbytes
    elif isinstance(value, dict):
        for part in value.values():
            yield from _storages(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _storages(part)
