"""The state of training: all that a main loop depends on and changes, as plain values.

What `MainLoop.state_dict` gives, and an archive keeps, is a dictionary of these parts:

``parameters``
    The values of the model's parameters (or of the algorithm's, without a model), by path.
``variables``
    Every other shared variable that training reads or changes, by name: what step rules remember,
    hyper-parameters, the counters of random streams, what extensions contribute.
``algorithm``
    What the algorithm keeps outside of shared variables.
``data``
    ``stream``, where the data stream stands, and ``epoch``, the same of an epoch that has begun;
    the numbers of examples and batches, which a position within an epoch depends on.
``extensions``
    The state of each extension that has some, by name.
``log``
    Identity, status and records of the log.

Loading compares everything before it assigns anything, and what can only be found out by assigning
is undone: a state fits as a whole, or nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.algorithms import TrainingAlgorithm
from workbench.data import AbstractDataStream, EpochIterator
from workbench.data.streams import reading_for
from workbench.errors import StateError, nearest
from workbench.graph import ComputationGraph
from workbench.serialization.state import check_keys
from workbench.serialization.values import add_unique, by_path, misfits, value_of
from workbench.tensor import SharedVariable

if TYPE_CHECKING:
    from workbench.extensions import TrainingExtension
    from workbench.main_loop import MainLoop

LENGTHS = {
    "num_examples": "examples in an epoch",
    "num_batches": "batches in an epoch",
    "batch_size": "examples in a batch",
}
"""Attributes of a stream that tell what a position within an epoch means."""

PARTS = ("parameters", "variables", "algorithm", "data", "extensions", "log")

Variables = dict[str, SharedVariable]


def parameters_of(main_loop: MainLoop) -> list[SharedVariable]:
    """The parameters of the model, or of the algorithm if there is no model."""
    if isinstance(main_loop.model, ComputationGraph):
        return list(main_loop.model.parameters)
    algorithm = main_loop.algorithm
    return list(algorithm.parameters) if isinstance(algorithm, TrainingAlgorithm) else []


def variables_of(main_loop: MainLoop) -> tuple[Variables, Variables]:
    """The parameters by path, and all other shared variables of training by name."""
    parameters = by_path(parameters_of(main_loop))
    seen = set(parameters.values())
    others: Variables = {}
    if isinstance(main_loop.algorithm, TrainingAlgorithm):
        for name, variable in main_loop.algorithm.state_variables().items():
            if variable not in seen:
                seen.add(variable)
                others[name] = variable
    for name, extension in named(main_loop.extensions).items():
        for variable in extension.state_variables():
            if variable not in seen:
                seen.add(variable)
                add_unique(others, f"{name}.{variable!r}", variable)
    return parameters, others


def named(extensions: Iterable[TrainingExtension]) -> dict[str, TrainingExtension]:
    """Extensions by name; several of one name are counted, in order: ``Timing``, ``Timing_1``."""
    found: dict[str, TrainingExtension] = {}
    for extension in extensions:
        add_unique(found, extension.name, extension)
    return found


def states_of(extensions: Iterable[TrainingExtension]) -> dict[str, Any]:
    """The states of those extensions that have some."""
    states = {name: extension.state_dict() for name, extension in named(extensions).items()}
    return {name: state for name, state in states.items() if state}


def state_of(main_loop: MainLoop) -> dict[str, Any]:
    """See `MainLoop.state_dict`."""
    main_loop._attach()
    algorithm = main_loop.algorithm
    parameters, others = variables_of(main_loop)
    left_out = [*parameters.values(), *others.values()]
    return {
        "parameters": {name: value_of(variable) for name, variable in parameters.items()},
        "variables": {name: value_of(variable) for name, variable in others.items()},
        "algorithm": (
            algorithm.state_dict(exclude=left_out)
            if isinstance(algorithm, TrainingAlgorithm)
            else {}
        ),
        "data": _position(main_loop),
        "extensions": states_of(main_loop.extensions),
        "log": main_loop.log.state_dict(),
    }


@reading_for("training")
def _position(main_loop: MainLoop) -> dict[str, Any]:
    stream, epoch = main_loop.iteration_state
    if stream is None:
        return {"stream": None, "epoch": None}
    lengths = {name: getattr(stream, name) for name in LENGTHS}
    if epoch is None:
        return {"stream": stream.state_dict(), "epoch": None, **lengths}
    if not isinstance(epoch, EpochIterator):
        raise StateError(
            f"the epoch iterator of {main_loop!r} is {epoch!r}, whose position cannot be told; use "
            "one that a data stream has made"
        )
    within = epoch.state_dict()
    own = stream.state_dict()
    same = own == within
    if main_loop._in_hand:  # a batch that was read and not trained on is to be read again
        within = {**within, "position": within["position"] - 1}
    return {"stream": within if same else own, "epoch": within, **lengths}


def restore(main_loop: MainLoop, state: Mapping[str, Any]) -> None:
    """See `MainLoop.load_state_dict`."""
    unknown = [part for part in state if part not in PARTS]
    if unknown:
        raise StateError(
            f"a state of training has no part {unknown[0]!r}{nearest(unknown[0], PARTS)}; its "
            f"parts are {', '.join(PARTS)}"
        )
    main_loop._attach()
    parameters, others = variables_of(main_loop)
    values: dict[SharedVariable, Any] = {}
    problems: list[str] = []
    for part, variables in (("parameters", parameters), ("variables", others)):
        if part in state:
            given = _mapping(part, state)
            problems += [f"of the {part}, {problem}" for problem in misfits(given, variables)]
            values.update((v, given.get(name)) for name, v in variables.items())
    if problems:
        raise StateError(f"nothing was loaded: {'; '.join(problems)}")
    _do_all_or_nothing(_steps(main_loop, state, values))
    for variable, value in values.items():
        variable.set_value(value)
    if "data" in state:
        main_loop._in_hand = False
    if "log" in state and main_loop.is_running:
        main_loop._forget_earlier_run()


def _mapping(part: str, state: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(state[part], Mapping):
        raise StateError(f"the part {part!r} of a state is a dictionary, not {state[part]!r:.60}")
    part_of: Mapping[str, Any] = state[part]
    return part_of


Step = tuple[str, Callable[[], object], Callable[[], object]]
"""What is loaded, how to load it, and how to go back."""


def _steps(
    main_loop: MainLoop, state: Mapping[str, Any], values: Mapping[SharedVariable, Any]
) -> list[Step]:
    steps: list[Step] = []
    if "extensions" in state:
        steps += extension_steps(main_loop.extensions, _mapping("extensions", state))
    algorithm = main_loop.algorithm
    if "algorithm" in state and isinstance(algorithm, TrainingAlgorithm):
        own = algorithm.state_variables()
        before = {name: value_of(v) for name, v in own.items()}
        after = {name: values[v] for name, v in own.items() if v in values}
        before.update(algorithm.state_dict(exclude=own.values()))
        after.update(_mapping("algorithm", state))
        steps.append(_step("the algorithm", algorithm, before, after))
    if "log" in state:
        log = main_loop.log
        steps.append(_step("the log", log, log.state_dict(), state["log"]))
    if "data" in state:
        steps += _data_steps(main_loop, state["data"])
    return steps


def extension_steps(
    extensions: Iterable[TrainingExtension], states: Mapping[str, Any]
) -> list[Step]:
    """How to load the states of extensions.

    Raises
    ------
    StateError
        If they are not the states of those extensions that have some.
    """
    present, by_name = states_of(extensions), named(extensions)
    check_keys("what is saved of extensions", states, present)
    return [
        _step(f"the extension {name!r}", by_name[name], present[name], saved)
        for name, saved in states.items()
    ]


def load_states(extensions: Iterable[TrainingExtension], states: Mapping[str, Any]) -> None:
    """Load the states that `states_of` gave, all or none of them."""
    _do_all_or_nothing(extension_steps(extensions, states))


def _step(what: str, holder: Any, before: Any, after: Any) -> Step:
    return (
        what,
        lambda: holder.load_state_dict(after),
        lambda: holder.load_state_dict(before),
    )


def _data_steps(main_loop: MainLoop, saved: Mapping[str, Any]) -> list[Step]:
    lengths = [name for name in LENGTHS if name in saved]
    check_keys("the position in the data", saved, ("stream", "epoch", *lengths))
    if (saved["stream"] is None) is not (main_loop.data_stream is None):
        has = "state" if main_loop.data_stream is None else "main loop"
        raise StateError(f"nothing was loaded: only the {has} has a data stream")
    if main_loop.data_stream is None:
        return []
    if saved["epoch"] is not None and saved["epoch"].get("position"):
        _check_lengths(main_loop.data_stream, saved)
    before = _position(main_loop)
    return [
        (
            f"the position in {main_loop.data_stream!r}",
            lambda: _go_to(main_loop, saved),
            lambda: _go_to(main_loop, before),
        )
    ]


def _check_lengths(stream: AbstractDataStream, saved: Mapping[str, Any]) -> None:
    """Refuse a position that would be one among other examples here.

    Between two epochs there is no such position, and training may go on with more data.
    """
    different = [
        f"{saved[name]} {what} there, {here} here"
        for name, what in LENGTHS.items()
        if None not in (here := getattr(stream, name), saved.get(name)) and here != saved[name]
    ]
    if different:
        raise StateError(
            f"nothing was loaded: the state was saved within an epoch, after "
            f"{saved['epoch']['position']} of its batches, and {stream!r} has other ones "
            f"({'; '.join(different)}); go on with the same data and batch size, or save at the "
            "end of an epoch to go on with others"
        )


@reading_for("training")
def _go_to(main_loop: MainLoop, position: Mapping[str, Any]) -> None:
    stream, epoch = position["stream"], position["epoch"]
    data_stream, new = main_loop.data_stream, None
    assert data_stream is not None
    if epoch is not None:
        data_stream.load_state_dict(epoch)
        new = data_stream.get_epoch_iterator(as_dict=True)
    if epoch != stream:
        # no epoch has begun, or somebody else reads the same stream
        data_stream.load_state_dict(stream)
    main_loop.epoch_iterator = new


def _do_all_or_nothing(steps: list[Step]) -> None:
    undo: list[Callable[[], object]] = []
    for what, do, back in steps:
        undo.append(back)
        try:
            do()
        except Exception as error:
            for go_back in reversed(undo):
                go_back()
            raise StateError(f"nothing was loaded: {what}: {error}") from error
