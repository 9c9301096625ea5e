"""The state of training, which `MainLoop.state_dict` returns and an archive stores.

The state is a dictionary with these keys:

``parameters``
    The values of the parameters of the model (or of the algorithm if there is no model), by path.
``variables``
    The values of all other shared variables that training reads or changes, by name: buffers of
    step rules, hyperparameters, counters of random streams, and variables of extensions.
``algorithm``
    The part of the algorithm's state that is not in shared variables.
``data``
    The position of the data stream (``stream``), the position in an incomplete epoch (``epoch``),
    the numbers of examples and batches that define the meaning of this position, and, if training
    examples were edited, the ``edits``.
``extensions``
    The state of each extension that has a state, by name.
``log``
    The identifier, status and records of the log.

Loading checks the whole state before it assigns values. If an assignment fails nevertheless, all
earlier assignments are undone, so a state is loaded completely or not at all.

Examples
--------
>>> from workbench import shared, tensor
>>> from workbench.algorithms import GradientDescent, Momentum
>>> from workbench.extensions import FinishAfter
>>> from workbench.main_loop import MainLoop
>>> def build(batches):
...     x, w = tensor.vector("x"), shared(0.0, "w")
...     algorithm = GradientDescent(
...         cost=((x - w) ** 2).mean(), parameters=[w], step_rule=Momentum(0.1, 0.9))
...     return MainLoop(algorithm, [{"x": [1.0]}, {"x": [3.0]}, {"x": [5.0]}],
...                     extensions=[FinishAfter(after_n_batches=batches)])
>>> whole, part, rest = build(8), build(4), build(8)
>>> whole.run()
>>> part.run()
>>> rest.load_state_dict(part.state_dict())
>>> rest.run()
>>> rest.state_dict()["parameters"] == whole.state_dict()["parameters"]
True
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.algorithms import TrainingAlgorithm
from workbench.data import AbstractDataStream, EpochIterator
from workbench.data.editing import edits_of, set_edits
from workbench.data.edits import Edits
from workbench.data.streams import reading_for
from workbench.errors import CheckpointWarning, StateError, nearest
from workbench.extensions.state import extension_steps, named, states_of
from workbench.graph import ComputationGraph
from workbench.graph.noise import is_probability
from workbench.graph.persistent import is_kept, mention_left_out
from workbench.interfaces import Loop
from workbench.main_loop import processes
from workbench.serialization.checkpoint import PARTS
from workbench.serialization.load_steps import LoadStep, all_or_nothing, load_step
from workbench.serialization.state import check_keys
from workbench.serialization.variable_values import add_unique, by_path, misfits, value_of
from workbench.tensor import SharedVariable
from workbench.utils.notices import remark

LENGTHS = {
    "num_examples": "examples in an epoch",
    "num_batches": "batches in an epoch",
    "batch_size": "examples in a batch",
    "first_batch": "examples in the first batch",
}
"""Attributes of a stream that define the meaning of a position within an epoch."""

NO_EDITS = (
    "nothing was loaded: training examples of the saved run were dropped or relabelled, but the "
    "examples of {stream!r} cannot be edited; continue with the data stream of the saved run"
)

NOT_SAVED = (
    "the loaded state has no value for {names}, because earlier versions of workbench did not save "
    "the dropout probability; training continues with the current value, {values}"
)

STATISTICS = "statistics"
"""Key used instead of ``variables`` to load only the persistent variables of bricks."""

Variables = dict[str, SharedVariable]


def parameters_of(loop: Loop) -> list[SharedVariable]:
    """Return the parameters of the model, or of the algorithm if there is no model."""
    if isinstance(loop.model, ComputationGraph):
        return list(loop.model.parameters)
    algorithm = loop.algorithm
    return list(algorithm.parameters) if isinstance(algorithm, TrainingAlgorithm) else []


def variables_of(loop: Loop) -> tuple[Variables, Variables]:
    """Return dictionaries of parameters by path and of other shared variables by name.

    Other shared variables are included if training reads or changes them.
    """
    parameters = by_path(parameters_of(loop))
    seen = set(parameters.values())
    others: Variables = {}
    if isinstance(loop.algorithm, TrainingAlgorithm):
        for name, variable in loop.algorithm.state_variables().items():
            if variable.original not in seen:
                seen.add(variable)
                others[name] = variable
    for name, extension in named(loop.extensions).items():
        for variable in extension.state_variables():
            if variable not in seen:
                seen.add(variable)
                add_unique(others, f"{name}.{variable!r}", variable)
    return parameters, others


def state_of(loop: Loop, *, in_hand: bool, with_log: bool = True) -> dict[str, Any]:
    """Return the state of training; see `MainLoop.state_dict`.

    `in_hand` is True if a batch has been read but not processed; the batch will be read again. If
    several processes keep parts of the state, all of them must call this function together. If the
    log is not included, the time that this function takes does not depend on the number of rows.
    """
    algorithm = loop.algorithm
    parameters, others = variables_of(loop)
    left_out = [*parameters.values(), *others.values()]
    found = {
        "parameters": {name: processes.value(loop, one) for name, one in parameters.items()},
        "variables": {name: processes.value(loop, one) for name, one in others.items()},
        "algorithm": (
            algorithm.state_dict(exclude=left_out)
            if isinstance(algorithm, TrainingAlgorithm)
            else {}
        ),
        "data": position(loop, in_hand=in_hand),
        "extensions": states_of(loop.extensions),
    }
    return {**found, "log": loop.log.state_dict()} if with_log else found


@reading_for("training")
def position(loop: Loop, *, in_hand: bool) -> dict[str, Any]:
    """Return the position in the data, and the edits of the examples if there are any."""
    stream, epoch = loop.data_stream, loop.epoch_iterator
    if stream is None:
        return {"stream": None, "epoch": None}
    lengths: dict[str, Any] = {name: _length(stream, name) for name in LENGTHS}
    edits = edits_of(stream)
    if edits:
        lengths["edits"] = edits.state_dict()
    if epoch is None:
        return {"stream": stream.state_dict(), "epoch": None, **lengths}
    if not isinstance(epoch, EpochIterator):
        raise StateError(
            f"the epoch iterator of {loop!r} must be an EpochIterator (which records its "
            f"position), not {epoch!r}; let the data stream create it"
        )
    within = epoch.state_dict()
    own = stream.state_dict()
    same = own == within
    if in_hand:
        within = {**within, "position": within["position"] - 1}
    return {"stream": within if same else own, "epoch": within, **lengths}


def restore(loop: Loop, state: Mapping[str, Any], *, in_hand: bool) -> None:
    """Load a training state; see `MainLoop.load_state_dict` and, for `in_hand`, `state_of`.

    The state may have the key `STATISTICS` instead of ``variables``; its names need not all match.
    """
    unknown = [part for part in state if part not in (*PARTS, STATISTICS)]
    if unknown:
        raise StateError(
            f"{unknown[0]!r} is not a key of a training state; the keys are {', '.join(PARTS)}"
            f"{nearest(unknown[0], PARTS)}"
        )
    parameters, others = variables_of(loop)
    values: dict[SharedVariable, Any] = {}
    absent: Variables = {}
    problems: list[str] = []
    for part, variables in (("parameters", parameters), ("variables", others)):
        if part in state:
            given = _mapping(part, state)
            absent |= {n: v for n, v in variables.items() if n not in given and is_probability(v)}
            variables = {name: v for name, v in variables.items() if name not in absent}
            problems += [f"of the {part}, {problem}" for problem in misfits(given, variables)]
            values.update((v, given.get(name)) for name, v in variables.items())
            values.update((v, value_of(v)) for v in absent.values())
    kept = {n: v for n, v in others.items() if is_kept(v)} if STATISTICS in state else {}
    saved = _mapping(STATISTICS, state) if kept else {}
    known = {name: variable for name, variable in kept.items() if name in saved}
    given = {name: saved[name] for name in known}
    problems += [f"of the {STATISTICS}, {problem}" for problem in misfits(given, known)]
    values.update((variable, given[name]) for name, variable in known.items())
    if problems:
        raise StateError(f"nothing was loaded: {'; '.join(problems)}")
    all_or_nothing(_steps(loop, state, values, in_hand=in_hand))
    for variable, value in values.items():
        variable.set_value(value)
    lost = [variable for name, variable in kept.items() if name not in known]
    mention_left_out(lost, "loaded", "load an archive that Checkpoint wrote")
    if absent:
        names = ", ".join(map(repr, absent))
        present = ", ".join(f"{float(variable.tensor):g}" for variable in absent.values())
        remark(NOT_SAVED.format(names=names, values=present), CheckpointWarning, stacklevel=None)


def _mapping(part: str, state: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(state[part], Mapping):
        raise StateError(
            f"{part!r} in a training state must be a dictionary, not {state[part]!r:.60}"
        )
    part_of: Mapping[str, Any] = state[part]
    return part_of


def _steps(
    loop: Loop,
    state: Mapping[str, Any],
    values: Mapping[SharedVariable, Any],
    *,
    in_hand: bool,
) -> list[LoadStep]:
    steps: list[LoadStep] = []
    if "extensions" in state:
        steps += extension_steps(loop.extensions, _mapping("extensions", state))
    algorithm = loop.algorithm
    if "algorithm" in state and isinstance(algorithm, TrainingAlgorithm):
        own = algorithm.state_variables()
        before = {name: processes.value(loop, v) for name, v in own.items()}
        after = {name: values[v.original] for name, v in own.items() if v.original in values}
        before.update(algorithm.state_dict(exclude=own.values()))
        after.update(_mapping("algorithm", state))
        steps.append(load_step("the algorithm", algorithm, before, after))
    if "log" in state:
        log = loop.log
        steps.append(load_step("the log", log, log.state_dict(), state["log"]))
    if "data" in state:
        steps += _data_steps(loop, state["data"], in_hand=in_hand)
    return steps


def _data_steps(loop: Loop, saved: Mapping[str, Any], *, in_hand: bool) -> list[LoadStep]:
    lengths = [name for name in LENGTHS if name in saved]
    edits = ("edits",) if "edits" in saved else ()
    check_keys("the position in the data", saved, ("stream", "epoch", *lengths, *edits))
    if (saved["stream"] is None) is not (loop.data_stream is None):
        has = "state" if loop.data_stream is None else "main loop"
        raise StateError(
            f"nothing was loaded: only the {has} has a data stream, but the state and the main "
            "loop must either both have a data stream or both have none"
        )
    if loop.data_stream is None:
        return []
    if saved["epoch"] is not None and saved["epoch"].get("position"):
        _check_lengths(loop.data_stream, saved)
    if edits and edits_of(loop.data_stream) is None:
        raise StateError(NO_EDITS.format(stream=loop.data_stream))
    before = position(loop, in_hand=in_hand)
    return [
        LoadStep(
            f"the position in {loop.data_stream!r}",
            lambda: go_to(loop, saved),
            lambda: go_to(loop, before),
        )
    ]


def _length(stream: AbstractDataStream, name: str) -> int | None:
    """Return the `name` attribute of the stream, or of the nearest wrapped stream that has it."""
    below: Any = stream
    while below is not None:
        found: int | None = getattr(below, name, None)
        if found is not None:
            return found
        below = getattr(below, "data_stream", None)
    return None


def _check_lengths(stream: AbstractDataStream, saved: Mapping[str, Any]) -> None:
    """Raise `StateError` if the state was saved within an epoch of different data.

    A state that was saved between two epochs can be loaded with different data.
    """
    different = [
        f"{what}: {saved[name]} in the state, {here} in the stream"
        for name, what in LENGTHS.items()
        if None not in (here := _length(stream, name), saved.get(name)) and here != saved[name]
    ]
    if different:
        raise StateError(
            f"nothing was loaded: the state was saved within an epoch, after "
            f"{saved['epoch']['position']} of its batches, but {stream!r} has different batches "
            f"({'; '.join(different)}); continue with the same data and batch size, or save at the "
            "end of an epoch to continue with other data"
        )


@reading_for("training")
def go_to(loop: Loop, place: Mapping[str, Any]) -> None:
    """Continue from a saved position in the data, with the edits that were saved with it."""
    stream, epoch = place["stream"], place["epoch"]
    data_stream, new = loop.data_stream, None
    assert data_stream is not None
    if edits_of(data_stream) is not None:
        saved = place.get("edits")
        set_edits(data_stream, Edits() if saved is None else Edits.of(saved))
    if epoch is not None:
        data_stream.load_state_dict(epoch)
        new = data_stream.get_epoch_iterator(as_dict=True)
    if epoch != stream:
        # No epoch has started, or another reader uses the same stream.
        data_stream.load_state_dict(stream)
    loop.epoch_iterator = new
