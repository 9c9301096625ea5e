"""Copies of main loops for a second session that continues from a point in the first session.

A copy has separate parameters, algorithm, extensions and log. A copy and its original share the
values in earlier snapshots and each `IndexableDataset` and `H5PYDataset`. These objects never
change, so a fork needs no additional memory for them.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import cloudpickle

from workbench.algorithms import TrainingAlgorithm
from workbench.data import H5PYDataset, IndexableDataset
from workbench.errors import SessionError
from workbench.log import TrainingLog, TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.main_loop.parts import Parts, bindings_of, parts_of, put_in
from workbench.serialization.pickling import with_deep_stack
from workbench.session.arrangement import Arrangement, arrangement_of
from workbench.session.snapshots import Snapshot
from workbench.tensor import SharedVariable
from workbench.tensor.processes import ProcessGroup
from workbench.tensor.row_shards import in_this_process

NO_COPY = (
    "this run cannot be forked because its main loop cannot be copied ({error}); every part of it "
    "must support pickling"
)


SHARED = (IndexableDataset, H5PYDataset, ProcessGroup)
"""Classes of objects that a copy and its original share."""


class Fork(NamedTuple):
    """Copy of a main loop for another session.

    Attributes
    ----------
    main_loop : MainLoop
        The copy, in the state of a snapshot.
    iteration : int
        The iteration where the copy pauses.
    snapshots : list of Snapshot
        The snapshots before the fork, whose tensors the two sessions share.
    expected : mapping
        The state of the first session's log, for comparison with the log of the copy.
    start : int
        The iteration of the snapshot that the copy has loaded.
    sizes : list of tuple of int
        The input sizes that the first session has compiled programs for.
    """

    main_loop: MainLoop
    iteration: int
    snapshots: list[Snapshot]
    expected: Mapping[str, Any]
    start: int
    sizes: list[tuple[int, ...]]


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickler that replaces shared objects with their positions in a list."""

    def __init__(self, file: io.BytesIO, log: TrainingLogBase) -> None:
        super().__init__(file)
        self.shared: list[Any] = []
        self._log = log

    def persistent_id(self, obj: Any) -> int | None:
        if obj is not self._log and not isinstance(obj, SHARED):
            return None
        self.shared.append(obj)
        return len(self.shared) - 1

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, SharedVariable) and obj.divided is not None:
            return in_this_process(obj)
        return super().reducer_override(obj)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, shared: list[Any]) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_load(self, pid: Any) -> Any:
        return self._shared[pid]


def copy_of(
    main_loop: MainLoop, earlier: Sequence[Snapshot] = (), *, in_memory: bool = False
) -> tuple[MainLoop, list[Snapshot]]:
    """Copy a main loop, and give the copy an empty log.

    The new log is in memory if `in_memory` is True, or if the original log's `maker` method returns
    None. Otherwise it has the type of the original log.

    Parameters
    ----------
    main_loop : MainLoop
    earlier : sequence of Snapshot
        Snapshots of the main loop's current model. Their extensions and data streams are
        copied together with the main loop.
    in_memory : bool

    Returns
    -------
    copy : MainLoop
    snapshots : list of Snapshot
        The earlier snapshots in a form that the copy can load.

    Raises
    ------
    SessionError
        If a part of the main loop cannot be copied.
    """
    log = main_loop.log

    def copied() -> tuple[MainLoop, list[Arrangement | None]]:
        file = io.BytesIO()
        pickler = _Pickler(file, log)
        pickler.dump((main_loop, [one.arrangement for one in earlier]))
        new = ((None if in_memory else log.maker()) or TrainingLog)()
        shared = [new if one is log else one for one in pickler.shared]
        file.seek(0)
        found: tuple[MainLoop, list[Arrangement | None]] = _Unpickler(file, shared).load()
        return found

    try:
        copy, arrangements = with_deep_stack(copied)
    except Exception as error:
        raise SessionError(NO_COPY.format(error=f"{type(error).__name__}: {error}")) from error
    pairs = zip(earlier, arrangements, strict=True)
    return copy, [_of_copy(copy, one, arrangement) for one, arrangement in pairs]


def _of_copy(copy: MainLoop, snapshot: Snapshot, arrangement: Arrangement | None) -> Snapshot:
    extensions = copy.extensions if arrangement is None else arrangement.extensions
    parts = Parts(copy.model, copy.algorithm, bindings_of(extensions))
    return replace(snapshot, parts=parts, arrangement=arrangement)


def copy_at(
    main_loop: MainLoop,
    snapshot: Snapshot,
    earlier: Iterable[Snapshot] = (),
    *,
    in_memory: bool = False,
) -> tuple[MainLoop, list[Snapshot]]:
    """Copy a main loop with the model and extensions of a snapshot; see `copy_of`.

    An earlier snapshot of another model is left out. An earlier snapshot with other extensions or
    data streams is left out if these cannot be copied.
    """
    present, arrangement = parts_of(main_loop), arrangement_of(main_loop)
    own = _algorithm_of(snapshot)
    same_model = [one for one in earlier if _algorithm_of(one) is own]
    alike = [one for one in same_model if _alike(one.arrangement, snapshot.arrangement)]
    try:
        if snapshot.arrangement is not None:
            snapshot.arrangement.restore(main_loop)
        if snapshot.parts is not None:
            put_in(main_loop, snapshot.parts)
        try:
            return copy_of(main_loop, same_model, in_memory=in_memory)
        except SessionError:
            if len(alike) == len(same_model):
                raise
            return copy_of(main_loop, alike, in_memory=in_memory)
    finally:
        arrangement.restore(main_loop)
        put_in(main_loop, present)
        main_loop.refresh()  # put_in does nothing if the model is the same, or if it failed above


def _algorithm_of(snapshot: Snapshot) -> TrainingAlgorithm | None:
    return None if snapshot.parts is None else snapshot.parts.algorithm


def _alike(one: Arrangement | None, other: Arrangement | None) -> bool:
    return one is other or (one is not None and other is not None and one.same_as(other))


def load(main_loop: MainLoop, state: Mapping[str, Any]) -> None:
    """Load the state of another run into a copy, and give the log of the copy a new identity."""
    main_loop.load_state_dict(state)
    main_loop.log.resume()
