"""Training examples with the highest loss, found by examining all training examples in turn.

Each probe of a session reads some examples, whose losses are computed from the current values of
the parameters. The examples with the highest loss are kept, and are evaluated again with each
probe; all other examples are discarded to save memory. The number of examples per probe depends on
how long reading and computing take, so that training is hardly delayed; while training is paused, a
probe may take longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import thread_time
from typing import Any

import numpy as np
import numpy.typing as npt

from extensions_live.fixed_examples import (
    Array,
    FixedExamples,
    losses,
    probabilities,
    wrong_ones,
)
from workbench.interfaces import Probe, Session, State
from workbench.tensor import Variable

DROPPED = "dropped"

KEPT = 72
"""Number of examples with the highest loss that are kept."""

RECENT = 8
"""Number of recently edited examples that are also kept, so that a user sees what has changed."""

FIRST, FEWEST, LARGEST = 16, 2, 2048
"""Number of examples in the first probe, and the bounds of this number in later probes."""

ENOUGH = 64
"""Minimum number of examples in a probe if computing is slow, but reading is not.

Smaller probes would save little, because each probe also computes the outputs of the examples that
are kept.
"""

READING, COMPUTING, STALL = 0.004, 0.025, 0.04
"""Limits in seconds on the processor time for reading, the processor time for computing, and the
training delay caused by reading; above a limit, probes become smaller. Processor time is used
because other threads may make a short computation take a long time."""

AT_REST = 10
"""Factor that multiplies the limits in seconds while training is not running."""

BYTES = 4 * 2**20
"""Maximum size in bytes of the examples in a probe, unless it has only `FEWEST` examples."""

COMPUTED = (
    "a transformer computes the classes of these examples from the stored labels; pass a stored "
    "label from Python: session.relabel(mistakes.flagged, label, source={source!r})"
)


class TrainingExamples(FixedExamples):
    """Training examples with the highest loss, and their indices in the dataset.

    If the examples of a run have no indices, the first batch is shown, and `reason` says why.

    Parameters
    ----------
    session, output, batch, targets, labels, user, needs_classes
        As in `FixedExamples`; `batch` must be None.

    Attributes
    ----------
    indices : array of int
        The index of each example.
    count : int
        The number of training examples that have not been dropped.
    looked : int
        The number of examples that have been seen at least once.
    wrong : int
        The number of examples whose prediction was wrong when they were last seen.
    slow : bool
        True if the last probe took so long that the next probe must wait for the next refresh.
    pinned : set of int
        The indices of additional examples that must be kept.
    no_label : str
        The reason why a class cannot be stored as a label; empty if labels can be stored.
    """

    validates = False

    def __init__(
        self,
        session: Session,
        output: Variable | None,
        batch: None = None,
        *,
        targets: str,
        labels: Sequence[str] | None,
        user: str,
        needs_classes: bool = True,
    ) -> None:
        super().__init__(
            session, output, batch, targets=targets, labels=labels, user=user,
            needs_classes=needs_classes,
        )  # fmt: skip
        self.indices: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self.reason = self.no_label = ""
        self.pinned: set[int] = set()
        self.complete = True
        self.slow = False
        self._all: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._known: npt.NDArray[np.int8] = np.zeros(0, np.int8)  # 1: wrong, 0: right, -1: unknown
        self._edits: dict[int, str] = {}  # in the order they were seen
        self._new_values: dict[int, Any] = {}
        self._asked: tuple[dict[int, str], dict[int, Any]] = {}, {}
        self._size, self._place, self._since = FIRST, 0, 0
        self._moment: object = None
        self._patience = 1

    @property
    def count(self) -> int:
        return len(self._all) - sum(edit == DROPPED for edit in self._edits.values())

    @property
    def looked(self) -> int:
        return int((self._known >= 0).sum())

    @property
    def wrong(self) -> int:
        return int((self._known > 0).sum())

    def has(self, index: int) -> bool:
        """Return True if a training example has this index."""
        place = int(np.searchsorted(self._all, index))
        return place < len(self._all) and bool(self._all[place] == index)

    def edit_of(self, index: int) -> str:
        """Return ``dropped``, ``relabelled``, or an empty string if the example was not edited."""
        return self._edits.get(index, "")

    def ask_at(self, session: Session, moment: object) -> Probe:
        """Request the next examples; a changed `moment` means that training has advanced."""
        found = session.training_examples
        self.reason = found["reason"]
        if self.reason:
            self.complete = True
            return self.ask(session)
        self._patience = 1 if session.state is State.RUNNING else AT_REST
        if moment != self._moment:
            self._moment, self._since, self.complete = moment, 0, False
        if len(found["indices"]) != len(self._all):
            self._all = np.asarray(found["indices"], np.int64)
            self._known = np.full(len(self._all), -1, np.int8)
        changed = self._note(found)
        return session.probe(self._copy.names, examples=changed or self._next())

    def _note(self, found: Mapping[str, Any]) -> list[int]:
        """Record the current edits; return the indices of kept examples whose edits have changed.

        The edits take effect in the view when these examples have been read again.
        """
        labels = {i: v for values in found["relabelled"].values() for i, v in values.items()}
        new = {**dict.fromkeys(labels, "relabelled"), **dict.fromkeys(found[DROPPED], DROPPED)}
        before = {index: edit for index, edit in self._edits.items() if index in new}
        self._asked = {**before, **new}, labels  # in the order they were first seen
        changed = {i for i in {*self._edits, *new} if self._edits.get(i) != new.get(i)}
        then = self._new_values
        changed |= {i for i in {*then, *labels} if then.get(i) != labels.get(i)}
        return [index for index in self.indices.tolist() if index in changed]

    def _next(self) -> list[int]:
        """Return the indices of the examples to examine next."""
        found: list[int] = []
        passed, edits = 0, self._asked[0]
        while not found and passed < len(self._all):
            part = self._all[self._place : self._place + self._size]
            passed += len(part)
            self._place = (self._place + len(part)) % len(self._all)
            found = [index for index in part.tolist() if edits.get(index) != DROPPED]
        self._since += passed
        self.complete = self._since >= len(self._all)
        return found

    def see(self, probe: Probe) -> None:
        if not probe.examples:
            super().see(probe)
            return
        start = thread_time()
        self._edits, self._new_values = self._asked
        dropped = [index for index, edit in self._edits.items() if edit == DROPPED]
        self._known[np.isin(self._all, dropped)] = -1
        kept = ~np.isin(self.indices, probe.examples)
        batch = dict(probe.batch)
        if self.batch is not None and kept.any():
            batch = {n: _joined(_rows(self.batch[n], kept), batch[n]) for n in batch}
        self._take(batch)
        self.indices = np.concatenate([self.indices[kept], np.array(probe.examples, np.int64)])
        self.evaluate(probe)
        assert self.truth is not None
        self._check_labels(probe)
        chances = probabilities(self.output)
        wrong = wrong_ones(chances, self.truth)
        gone = np.isin(self.indices, dropped)
        self._known[np.searchsorted(self._all, self.indices)] = np.where(gone, -1, wrong)
        self._keep(losses(chances, self.truth))
        self._adapt(probe, thread_time() - start)

    def _check_labels(self, probe: Probe) -> None:
        """Check whether the classes in a probe are the labels that the dataset stores."""
        stored = probe.stored.get(self.targets)
        assert self.truth is not None
        same = stored is not None and np.array_equal(stored, self.truth[-len(stored) :])
        self.no_label = "" if same else COMPUTED.format(source=self.targets)

    def _keep(self, found: Array) -> None:
        """Keep pinned examples, examples with the highest loss, and recently edited examples."""
        order = np.argsort(-np.nan_to_num(found, nan=np.inf), kind="stable")
        special = self.pinned | set(self.recent)
        places = {int(index): place for place, index in enumerate(self.indices)}
        rows = dict.fromkeys(places[index] for index in special if index in places)
        plain = (row for row in order.tolist() if not self.edit_of(int(self.indices[row])))
        rows |= dict.fromkeys(row for _, row in zip(range(KEPT), plain, strict=False))
        chosen = np.array(sorted(rows), np.intp)
        assert self.batch is not None
        self.indices, self.output = self.indices[chosen], self.output[chosen]
        self._take({name: _rows(values, chosen) for name, values in self.batch.items()})

    @property
    def recent(self) -> list[int]:
        """The indices of the kept examples that were edited last."""
        here = set(self.indices.tolist())
        return [index for index in self._edits if index in here][-RECENT:]

    def _adapt(self, probe: Probe, seconds: float) -> None:
        """Choose the number of examples for the next probe."""
        count = len(probe.examples)
        size = sum(np.asarray(values).nbytes for values in probe.batch.values()) / count
        reading = max(probe.processor_seconds / READING, probe.seconds / STALL) / self._patience
        computing = seconds / COMPUTING / self._patience
        self.slow = max(reading, computing) > 1
        if reading > 1:
            self._size = max(FEWEST, self._size // 2)
        elif computing > 1:
            self._size = max(ENOUGH, self._size // 2)
        elif count >= self._size and 2 * max(reading, computing) < 1:
            self._size = min(LARGEST, 2 * self._size)
        self._size = min(self._size, max(FEWEST, int(BYTES / max(size, 1))))


def _rows(values: Any, rows: Any) -> Any:
    return np.asarray(values)[rows]


def _joined(first: Any, second: Any) -> Array:
    """Join two arrays of examples, and pad shorter sequences with zeros."""
    one, two = np.asarray(first), np.asarray(second)
    if one.ndim == two.ndim > 1 and one.shape[1] != two.shape[1]:
        length = max(one.shape[1], two.shape[1])
        one, two = (_padded(part, length) for part in (one, two))
    return np.concatenate([one, two])


def _padded(array: Array, length: int) -> Array:
    rest = [(0, 0)] * (array.ndim - 2)
    return np.pad(array, [(0, 0), (0, length - array.shape[1]), *rest])
