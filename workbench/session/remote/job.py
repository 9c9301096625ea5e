"""Pickled main loops for building copies in other processes.

A pickle contains the whole main loop, including definitions in a notebook. An algorithm that
divides batches depends on the number of processes, so a `GradientDescent` is stored as its
arguments, and each process rebuilds it from them. If it has already trained, its state is stored
separately.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cloudpickle

from workbench.algorithms import GradientDescent
from workbench.config import config
from workbench.distributed import DataParallel, ProcessGroup
from workbench.distributed.whole import Statistics
from workbench.errors import AlgorithmError, ProcessError
from workbench.log import SQLiteLog, TrainingLog, TrainingLogBase
from workbench.log.sqlite.tables import IN_MEMORY
from workbench.main_loop import MainLoop
from workbench.main_loop.lease import Lease
from workbench.serialization.pickling import DEVICE, DevicePickler, with_deep_stack
from workbench.session.archives import rebuild_as_saved
from workbench.session.fork import Fork
from workbench.session.log_states import log_until
from workbench.session.snapshots import Snapshot
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.device import default_device
from workbench.tensor.row_shards import in_other_processes

SETTINGS = (
    "default_seed", "data_path", "max_blob_size", "temp_dir", "profile", "floatx", "device",
    "execution", "precision", "threads", "snapshot_memory",
)  # fmt: skip
"""Settings that the processes take from the notebook."""

NO_COPY = (
    "this main loop cannot be sent to another process, because a part of it cannot be pickled "
    "({error})"
)
ONLY_ONE = (
    "{processes} processes cannot train this main loop together: {error}. With processes=1, a "
    "single process outside the kernel can train it"
)
GROUP, LOG, ALGORITHM = "group", "log", "algorithm"


class Recipe(NamedTuple):
    """The parts of a `GradientDescent` that are needed to rebuild it.

    Attributes
    ----------
    cost, parameters, step_rule
        The arguments of the constructor.
    given : tuple or None
        The class of the object that divides batches, its axis and its statistics; None if the
        algorithm has no such object.
    options : dict
        The other arguments of the constructor.
    """

    cost: Any
    parameters: list[Any]
    step_rule: Any
    given: tuple[type[DataParallel], Any, Statistics] | None
    options: dict[str, Any]

    def make(self, group: ProcessGroup) -> GradientDescent:
        """Create the algorithm in a process of `group`."""
        distributed = None
        if self.given is not None:
            kind, axis, statistics = self.given
            distributed = kind(group, axis=axis, statistics=statistics)
        elif group.size > 1:
            distributed = DataParallel(group)
        return GradientDescent(
            cost=self.cost,
            parameters=self.parameters,
            step_rule=self.step_rule,
            distributed=distributed,
            **self.options,
        )


class _Pickler(DevicePickler):
    """Pickler that omits the objects that each process creates for itself."""

    def __init__(self, file: io.BytesIO, *, has_state: bool) -> None:
        super().__init__(file)
        self.own: dict[int, Any] = {}
        self._has_state = has_state

    def persistent_id(self, obj: Any) -> Any:
        if type(obj) is ProcessGroup:
            return GROUP
        return self.own[id(obj)] if id(obj) in self.own else super().persistent_id(obj)

    def reducer_override(self, obj: Any) -> Any:
        if self._has_state and isinstance(obj, SharedVariable) and obj.divided is not None:
            return in_other_processes(obj)  # the state contains the value
        return super().reducer_override(obj)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, group: ProcessGroup) -> None:
        super().__init__(file)
        self.own: dict[Any, Any] = {GROUP: group, DEVICE: default_device()}

    def persistent_load(self, pid: Any) -> Any:
        return self.own[pid]


def pack(main_loop: MainLoop, processes: int) -> bytes:
    """Pickle a main loop for one or more processes.

    Raises
    ------
    AlreadyTrainingError
        If the main loop is being trained.
    ProcessError
        If a part cannot be pickled, or if several processes cannot train it together.
    """
    with Lease(main_loop):
        return packed_loop(main_loop, processes)


def packed_loop(main_loop: MainLoop, processes: int, fork: Fork | None = None) -> bytes:
    """Pickle a main loop and, for a forked run, the remaining data of the fork.

    No other thread may use the main loop.
    """
    has_state = bool(main_loop.started_at or main_loop._run.loaded)
    recipe = _recipe(main_loop, processes, has_state)
    state = main_loop.state_dict() if has_state and recipe is not None else None
    algorithm = main_loop.algorithm
    settings = {name: getattr(config, name) for name in SETTINGS}

    def run() -> bytes:
        file = io.BytesIO()
        pickler = _Pickler(file, has_state=state is not None)
        pickler.dump(settings)
        pickler.dump(recipe)
        pickler.own[id(main_loop.log)] = LOG
        further = None
        if recipe is not None:
            assert isinstance(algorithm, GradientDescent)
            pickler.own[id(algorithm)] = ALGORITHM
            for place, variable in enumerate(_computed(algorithm)):
                pickler.own[id(variable)] = place
            targets = set(algorithm.further_updates())
            further = [pair for pair in algorithm.updates if pair[0] in targets]
        pickler.dump((main_loop, main_loop.log.state_dict(), state, further, fork))
        return file.getvalue()

    try:
        result: bytes = with_deep_stack(run)
    except Exception as error:
        raise ProcessError(NO_COPY.format(error=f"{type(error).__name__}: {error}")) from error
    return result


def _recipe(main_loop: MainLoop, processes: int, has_state: bool) -> Recipe | None:
    """Return the parts of the algorithm, or None if it is pickled whole for a single process."""
    algorithm: Any = main_loop.algorithm
    divided = isinstance(getattr(algorithm, "distributed", None), DataParallel)
    if processes == 1 and has_state and not divided:
        return None
    try:
        if not isinstance(algorithm, GradientDescent):
            raise AlgorithmError(f"{algorithm!r} is not a GradientDescent")
        options = algorithm.options()
    except AlgorithmError as error:
        if processes == 1:
            return None
        raise ProcessError(ONLY_ONE.format(processes=processes, error=error)) from error
    distributed = options.pop("distributed")
    given = None
    if isinstance(distributed, DataParallel):
        given = type(distributed), distributed.share.axis, distributed.statistics
    parameters, rule = list(algorithm.parameters), algorithm.step_rule
    return Recipe(algorithm.cost, parameters, rule, given, options)


def _computed(algorithm: GradientDescent) -> list[Variable]:
    """Return the variables of an algorithm that extensions can refer to."""
    norms = [algorithm.total_gradient_norm, algorithm.total_step_norm]
    return [*norms, *algorithm.gradients.values(), *algorithm.steps.values()]


def database_for(main_loop: MainLoop, default: Path) -> str:
    """Return the path of the main loop's own database, or `default` if it has none."""
    log = main_loop.log
    if isinstance(log, SQLiteLog) and log.database != IN_MEMORY:
        return log.database
    return str(default)


def is_trusted(main_loop: MainLoop) -> bool:
    """Return True if objects in the database of a run may be unpickled.

    Unpickling is allowed if the database is in the folder of the run, where only the user can
    write, or if the log of the main loop was opened with ``trusted=True``.
    """
    log = main_loop.log
    return not isinstance(log, SQLiteLog) or log.database == IN_MEMORY or log.trusted


def apply_settings(data: bytes) -> None:
    """Apply the notebook's settings, which `pack` has stored."""
    for name, value in pickle.loads(data).items():  # the first of several pickles
        setattr(config, name, value)


def unpack(
    data: bytes,
    group: ProcessGroup,
    database: str,
    saved: Mapping[str, Any] | None = None,
    *,
    trusted: bool,
) -> tuple[MainLoop, Fork | None]:
    """Build a main loop for a process of a group; return it and, for a forked run, the fork.

    Parameters
    ----------
    data : bytes
        The result of `pack`, from a file that only this user can write.
    group : ProcessGroup
    database : str
        The database where the first process records the run.
    saved : mapping, optional
        The unpickled result of `saved_state`; training continues from it.
    trusted : bool
        True if objects in the database may be unpickled.
    """

    def run() -> tuple[MainLoop, Fork | None]:
        unpickler = _Unpickler(io.BytesIO(data), group)
        unpickler.load()  # the settings, which `apply_settings` has applied
        recipe = unpickler.load()
        log: TrainingLogBase = TrainingLog()
        if group.is_first:
            log = SQLiteLog(database, trusted=trusted)
        unpickler.own[LOG] = log
        if recipe is not None:
            algorithm = recipe.make(group)
            unpickler.own[ALGORITHM] = algorithm
            unpickler.own.update(enumerate(_computed(algorithm)))
        main_loop, log_state, state, further, fork = unpickler.load()
        if further:
            algorithm.add_updates(further)
        if len(log_state["rows"]) or log_state["status"]["iterations_done"]:
            log.load_state_dict(log_state)
        elif saved is None:  # entries that were made before the start
            noted = log_state["status"].items()
            log.status.update({key: value for key, value in noted if key not in log.status})
        if recipe is not None:
            main_loop.started_at = {}
            main_loop._run.announced, main_loop._run.loaded = False, set()
        if saved is not None:
            _load(main_loop, database, saved, trusted)
        elif state is not None:
            main_loop.load_state_dict(state)
        if saved is not None or fork is None:
            return main_loop, None
        return main_loop, fork._replace(main_loop=main_loop)

    found: tuple[MainLoop, Fork | None] = with_deep_stack(run)
    return found


def saved_state(snapshot: Snapshot, uuid: str) -> bytes:
    """Pickle a snapshot together with the identity of its log."""
    kept = Snapshot(
        snapshot.iteration,
        snapshot.changes,
        snapshot.state,
        snapshot.status,
        snapshot.row,
        None,
    )
    found: bytes = cloudpickle.dumps({"snapshot": kept, "uuid": uuid})
    return found


def _load(main_loop: MainLoop, database: str, saved: Mapping[str, Any], trusted: bool) -> None:
    """Load a snapshot, and the earlier records from the database."""
    snapshot, uuid = saved["snapshot"], saved["uuid"]
    log = SQLiteLog(database, uuid=uuid, read_only=True, trusted=trusted)
    state = snapshot.loadable(log_until(log.state_dict(), snapshot, uuid))
    rebuild_as_saved(main_loop, state)
    main_loop.load_state_dict(state)
