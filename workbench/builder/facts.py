"""Facts about a finished brick and its application: shapes inside, parameters, operations.

Only plain values are returned, so that bricks and graphs can be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.bricks import Brick, MultiHeadAttention, symbolic_parameters
from workbench.bricks.inference import Inputs, Kind
from workbench.bricks.positions import PositionalEncoding
from workbench.builder import paths, registry
from workbench.builder.construct import settle
from workbench.builder.encode import Encoder
from workbench.builder.fields import Json
from workbench.builder.graph import given_to
from workbench.errors import BuilderError
from workbench.graph import ComputationGraph
from workbench.graph.annotations import get_application_call
from workbench.graph.counts import count_flops, count_parameters
from workbench.hints import Hinted
from workbench.roles import OUTPUT, has_roles
from workbench.tensor import Variable, shapes
from workbench.tensor.traversal import ancestors

FREE = frozenset(
    "identity tanh sigmoid relu exp log neg add sub mul div truediv mean sum flatten reshape "
    "transpose squeeze unsqueeze getitem softmax log_softmax".split()
)
"""Functions without operations that are counted."""


@dataclass(frozen=True)
class Part(Hinted):
    """The application of a brick inside another one.

    Attributes
    ----------
    brick : str
        The path below the outer brick.
    method : str
    inputs, outputs : dict of str to Kind
    """

    brick: str
    method: str
    inputs: Mapping[str, Kind]
    outputs: Mapping[str, Kind]


@dataclass(frozen=True)
class BrickFacts:
    """Facts about a finished brick.

    Attributes
    ----------
    parameters : dict of str to int, or None
        The number of parameters of each brick with those below it, by path; ``""`` is the brick
        itself. None if the brick cannot be allocated yet.
    inferred : dict of str to dict
        The settings that bricks have from their parents, as JSON values, by path.
    """

    parameters: Mapping[str, int] | None = None
    inferred: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


def axes_of(outputs: Sequence[Variable], given: Inputs) -> tuple[tuple[str, str], ...]:
    """Return labels of unknown sizes of the inputs, which bricks inside the graph tell."""
    found: dict[str, str] = {}
    for call, known in _calls(outputs).items():
        bound = call.application
        if hasattr(bound, "sequences"):
            names, labels = set(bound.sequences), ("time", "batch")
        elif isinstance(bound.brick, (MultiHeadAttention, PositionalEncoding)):
            names, labels = {"query", "input_"}, ("batch", "time")
        else:
            continue
        inputs = {n: v for output in known.values() for n, v in given_to(call, output).items()}
        for name, variable in inputs.items():
            kind = given.kind(variable, name)
            if name in names and len(kind.shape) > 1:
                for size, label in zip(kind.shape, labels, strict=False):
                    if isinstance(size, str):
                        found.setdefault(size, label)
    return tuple(found.items())


def _calls(outputs: Sequence[Variable]) -> dict[Any, dict[str, Variable]]:
    """Return the applications in a graph with their outputs by name, the last ones first."""
    found: dict[Any, dict[str, Variable]] = {}
    waiting, seen = list(outputs), set(outputs)
    while waiting:
        variable = waiting.pop()
        call = get_application_call(variable)
        if call is not None and has_roles(variable, [OUTPUT]):
            found.setdefault(call, {})[variable.tag.name] = variable
        inputs = [] if variable.owner is None else variable.owner.inputs
        fresh = [v for v in inputs if v not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return found


def parts_of(brick: Brick, outputs: Sequence[Variable], given: Inputs) -> Iterator[Part]:
    """Yield the applications inside an application, the first ones first."""
    places = paths.tree(brick)
    for call, known in reversed(_calls(outputs).items()):
        inner = call.application.brick
        if inner is brick or inner not in places:
            continue
        inputs = {n: v for output in known.values() for n, v in given_to(call, output).items()}
        yield Part(
            places[inner],
            call.application.name,
            {n: given.kind(v, n) for n, v in inputs.items()},
            {n: given.kind(v, n) for n, v in known.items()},
        )


def flops_of(outputs: Sequence[Variable], brick: Brick | str) -> dict[str, int] | None:
    """Return the operations for inputs in which every unknown size is 1, by path of brick."""
    calls = [v.owner for v in ancestors(list(outputs)) if v.owner is not None]
    if all(call.name in FREE for call in calls):
        return {"": 0}
    inputs = ComputationGraph(list(outputs)).inputs
    sizes: dict[Variable | str, list[int]] = {
        v: [1 if (n := shapes.known(size)) is None else n for size in v.fake.shape] for v in inputs
    }
    try:
        found = count_flops(list(outputs), sizes)
    except Exception:  # some operations need values, or larger inputs
        return None
    if isinstance(brick, str):
        return {"": found.total}
    top = brick.path()
    inner = {p.removeprefix(top).strip("/"): n for p, n in found.by_brick.items()}
    return {**inner, "": found.total}


def facts_of_unused(brick: Brick) -> BrickFacts:
    """Return the facts about a brick that is not applied."""
    with symbolic_parameters():
        try:
            brick.allocate()
        except Exception:  # it is not configured yet
            settle(brick)
        return facts_of(brick)


def facts_of(brick: Brick) -> BrickFacts:
    """Return the facts about a brick that was applied or allocated, or that cannot be."""
    places = paths.tree(brick)
    inferred: dict[str, dict[str, Json]] = {}
    for below, path in places.items():
        known = registry.settings_of(type(below))
        for name in below.inferred_settings():
            if name in known:
                try:
                    value = Encoder().value(getattr(below, name))
                except BuilderError:
                    continue
                inferred.setdefault(path, {})[name] = value
    try:
        parameters = {path: count_parameters(below) for below, path in places.items()}
    except Exception:  # a brick is not allocated
        return BrickFacts(None, inferred)
    return BrickFacts(parameters, inferred)
