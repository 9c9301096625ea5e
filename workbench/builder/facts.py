"""Properties of a finished brick: the shapes inside it, its parameters and its operations.

Only plain values are returned, so that bricks and graphs can be discarded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from workbench.graph.counts import Flops, count_flops, count_parameters
from workbench.hints import Hinted
from workbench.roles import OUTPUT, has_roles
from workbench.tensor import Variable, shapes
from workbench.tensor.traversal import ancestors

FREE = frozenset(
    "identity tanh sigmoid relu exp log neg add sub mul div truediv mean sum flatten reshape "
    "transpose squeeze unsqueeze getitem softmax log_softmax".split()
)
"""Functions whose operations are not counted."""

PLAIN = frozenset("matmul identity tanh sigmoid relu exp log neg add sub mul div truediv".split())
"""Functions whose outputs take all their unknown sizes from the inputs."""


@dataclass(frozen=True)
class Part(Hinted):
    """The application of a brick inside another brick.

    Attributes
    ----------
    brick : str
        The path below the outer brick.
    method : str
    inputs, outputs : dict of str to Kind

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import MLP, Tanh
    >>> from workbench.builder import check, to_spec
    >>> scores = MLP([Tanh(), None], [3, 2, 1]).apply(tensor.matrix("x"))
    >>> (call,) = check(to_spec(scores)).calls.values()
    >>> all(isinstance(part, Part) for part in call.parts)
    True
    >>> call.parts[0].brick, call.parts[0].method
    ('linear_0', 'apply')
    """

    brick: str
    method: str
    inputs: Mapping[str, Kind]
    outputs: Mapping[str, Kind]


@dataclass(frozen=True)
class BrickFacts:
    """Parameters and inferred settings of a finished brick.

    Attributes
    ----------
    parameters : dict of str to int, or None
        The number of parameters of each brick, including the bricks below it, keyed by path; ``""``
        is the path of the outermost brick. None if a brick cannot be allocated yet.
    inferred : dict of str to dict
        The settings that each brick received from its parent, as JSON values, keyed by path.
    """

    parameters: Mapping[str, int] | None = None
    inferred: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


def axes_of(outputs: Sequence[Variable], given: Inputs) -> tuple[tuple[str, str], ...]:
    """Return labels, such as ``time``, that bricks in the graph give to unknown input sizes."""
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
    """Return the applications in a graph, from last to first, with their outputs keyed by name."""
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
    """Yield the applications of the bricks inside `brick`, from first to last."""
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
    """Return the number of operations of each brick, keyed by path; unknown sizes count as 1."""
    order = ancestors(list(outputs))
    names = {v.owner.name for v in order if v.owner is not None}
    if names <= FREE:
        return {"": 0}
    top = brick if isinstance(brick, str) else brick.path()
    if names <= PLAIN:
        return _by_path(_products(order), top)
    inputs = ComputationGraph(list(outputs)).inputs
    sizes: dict[Variable | str, list[int]] = {
        v: [1 if (n := shapes.known(size)) is None else n for size in v.fake.shape] for v in inputs
    }
    try:
        found = count_flops(list(outputs), sizes)
    except Exception:  # some operations need values, or larger inputs
        return None
    return _by_path(found, top)


def _products(order: Iterable[Variable]) -> Flops:
    """Count the operations of a graph of matrix products and element-wise functions.

    Every unknown size counts as 1. Calling `count_flops` instead would take a third of
    the time of each check.
    """
    by_brick: Counter[str] = Counter()
    total = 0
    for variable in order:
        call = variable.owner
        if call is not None and call.name == "matmul":
            left = call.args[0].fake.shape
            sizes = [shapes.known(size) for size in (*variable.fake.shape, left[-1])]
            spent = 2 * math.prod(1 if size is None else size for size in sizes)
            total += spent
            paths = dict.fromkeys(place.rpartition(".")[0] for place in call.location)
            by_brick.update(dict.fromkeys(paths, spent))
    return Flops(total, by_brick)


def _by_path(found: Flops, top: str) -> dict[str, int]:
    """Return the operation counts, keyed by path, or only the total if the brick has no name."""
    if not top:
        return {"": found.total}
    inner = {path.removeprefix(top).strip("/"): n for path, n in found.by_brick.items()}
    return {**inner, "": found.total}


def facts_of_unused(brick: Brick) -> BrickFacts:
    """Return the properties of a brick that is not applied."""
    with symbolic_parameters():
        try:
            brick.allocate()
        except Exception:  # it is not configured yet
            settle(brick)
        return facts_of(brick)


def facts_of(brick: Brick) -> BrickFacts:
    """Return the properties of a brick that was applied or, if possible, allocated."""
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
