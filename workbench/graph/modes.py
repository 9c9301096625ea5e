"""Training mode and evaluation mode, for bricks that behave differently during training.

Batch normalisation uses the statistics of the batch in training mode, and population statistics in
evaluation mode. Dropout drops elements only in training mode. The mode of a graph is fixed when the
graph is built. By default, bricks build graphs in evaluation mode, so that a loaded model gives the
correct results. The training graph is a different graph with the same parameters. Build it with
`training_mode` around the applications, or create it with `apply_training_mode`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import ClassVar, Self

from workbench.graph.annotations import Annotation, ApplicationCall, add_annotation
from workbench.graph.computation import ComputationGraph
from workbench.graph.hierarchy import Component
from workbench.hints import hinted
from workbench.roles import BATCH_NORM_MINIBATCH_ESTIMATE, INPUT, OUTPUT, has_roles
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.random import Draws
from workbench.tensor.scan import Loop, with_body
from workbench.tensor.traversal import Rewriting, ancestors
from workbench.tensor.variable import Call, identity
from workbench.utils.plain import find_bricks

MODE = "training_mode"
"""The key of the mode in the metadata of an application call."""

_training: ContextVar[tuple[Component, ...]] = ContextVar("training", default=())
"""The components in training mode; a component that was entered twice is listed twice."""


class ModeDependent(Component):
    """Component that behaves differently during training.

    It is a context manager: applications inside ``with component:`` are in training mode. An
    application method whose result depends on the mode stores the mode as ``training_mode`` in the
    metadata of the call. All arguments of this method must be variables.

    Attributes
    ----------
    in_training_mode : bool
    uses_batch_statistics : bool
        Class attribute, True if training mode uses the statistics of the batch. If it is True,
        `batch_normalization` also puts the component into training mode.

    Examples
    --------
    >>> import numpy as np
    >>> from workbench.bricks import Dropout
    >>> dropout, ones = Dropout(0.5, random_seed=1), np.ones((1, 100), "float32")
    >>> isinstance(dropout, ModeDependent), int((dropout.apply(ones) == 0).sum())
    (True, 0)
    >>> with dropout:
    ...     in_training = dropout.apply(ones)
    >>> bool((in_training == 0).any())
    True
    """

    uses_batch_statistics: ClassVar[bool] = False

    @property
    def in_training_mode(self) -> bool:
        """True if applications of this component are currently in training mode."""
        return any(component is self for component in _training.get())

    def __enter__(self) -> Self:
        _training.set((*_training.get(), self))
        return self

    def __exit__(self, *exception: object) -> None:
        entered = list(_training.get())
        last = max(i for i, component in enumerate(entered) if component is self)
        _training.set((*entered[:last], *entered[last + 1 :]))


def in_training_mode() -> frozenset[Component]:
    """Return the components that are currently in training mode."""
    return frozenset(_training.get())


@hinted
@contextmanager
def training_mode(*bricks: Component) -> Iterator[None]:
    """Apply bricks in training mode inside a ``with`` block.

    Among `bricks` and their descendants, only `ModeDependent` components are affected.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks import Dropout, Sequence, Tanh
    >>> network = Sequence([Tanh(), Dropout(0.5, random_seed=4)])
    >>> network.apply(torch.ones(4))
    tensor([0.7616, 0.7616, 0.7616, 0.7616])
    >>> with training_mode(network):
    ...     network.apply(torch.ones(4))
    tensor([1.5232, 0.0000, 0.0000, 0.0000])
    """
    with entered(bricks, lambda brick: True):
        yield


@hinted
def apply_training_mode(computation_graph: ComputationGraph) -> ComputationGraph:
    """Create the training graph for a graph in evaluation mode.

    Parameters
    ----------
    computation_graph : ComputationGraph

    Returns
    -------
    ComputationGraph
        A new graph that applies all `ModeDependent` bricks, including bricks in loops, in training
        mode. The ``tag.replacement_of`` attribute of a new output is the output that it
        replaces.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Dropout
    >>> used = ComputationGraph(Dropout(0.5).apply(tensor.vector("x")))
    >>> trained = apply_training_mode(used)
    >>> used.outputs[0].eval({"x": [1.0] * 100}).sum()
    tensor(100.)
    >>> int((trained.outputs[0].eval({"x": [1.0] * 100}) == 0).sum()) > 20
    True
    """
    return rewritten(computation_graph, lambda brick: True)


@contextmanager
def entered(
    bricks: tuple[Component, ...], wanted: Callable[[ModeDependent], bool]
) -> Iterator[None]:
    """Put `bricks` and their descendants into training mode if `wanted` returns True for them."""
    with ExitStack() as stack:
        for brick in find_bricks(bricks, lambda b: isinstance(b, ModeDependent) and wanted(b)):
            assert isinstance(brick, ModeDependent)
            stack.enter_context(brick)
        yield


def rewritten(
    computation_graph: ComputationGraph, wanted: Callable[[ModeDependent], bool]
) -> ComputationGraph:
    """Return a graph that applies the bricks accepted by `wanted` in training mode."""
    return computation_graph.replace(replacements(computation_graph.variables, wanted))


def replacements(
    variables: Iterable[Variable], wanted: Callable[[ModeDependent], bool]
) -> dict[Variable, Variable]:
    """Map the mode-dependent elements of `variables` to their versions in training mode.

    Applications of bricks that `wanted` accepts are repeated on their inputs, and every repetition
    of an application uses the same random numbers. Loops that contain these applications are
    repeated too.
    """
    found: dict[Variable, Variable] = {}
    made: dict[tuple[ApplicationCall, frozenset[Variable]], dict[str, Variable]] = {}
    loops: dict[Call, list[Variable]] = {}
    for output in variables:
        if output.owner is not None and isinstance(output.owner.function, Loop):
            if output.owner not in loops:
                loops[output.owner] = _loop_again(output.owner, output.owner.function, wanted)
            if loops[output.owner]:
                found[output] = loops[output.owner][output.index]
        call = _call(output)
        if call is None or not has_roles(output, [OUTPUT]) or call.metadata.get(MODE) is not False:
            continue
        brick = call.application.brick
        if not isinstance(brick, ModeDependent) or not wanted(brick):
            continue
        inputs = _inputs(output, call)
        key = call, frozenset(inputs.values())
        if key not in made:
            with brick, call.draws.setdefault(key[1], Draws()).again():
                made[key] = call.application(
                    **inputs, as_dict=True, call_id=call.metadata["call_id"]
                )
        new = made[key][str(output.tag.name)]
        new.tag.replacement_of = output
        found[output] = new
    return found


def _loop_again(call: Call, loop: Loop, wanted: Callable[[ModeDependent], bool]) -> list[Variable]:
    """Return the outputs of a loop in training mode, or an empty list if the loop does not change.

    The loop estimates population statistics at every time step. The mean over all time steps is
    attached to the outputs.
    """
    inner = Rewriting(replacements(loop.variables, wanted))
    outputs = inner(loop.inner_outputs)
    if all(map(operator.is_, outputs, loop.inner_outputs)):
        return []
    kept = [target for target, _ in attached_updates(outputs)]
    news = inner(new for _, new in attached_updates(outputs))
    estimated = inner(estimates(outputs))
    results = with_body(call, [*outputs, *news, *estimated])
    further = results[len(outputs) :]
    annotation = Annotation()
    for target, all_of_them in zip(kept, further, strict=False):
        annotation.updates[target] = _typical(all_of_them)
    for estimate, all_of_them in zip(estimated, further[len(kept) :], strict=True):
        mean = all_of_them.mean(0)
        mean.tag = estimate.tag.copy()
        annotation.add_auxiliary_variable(mean, name=estimate.name)
    for old, new in zip(call.outputs, results, strict=False):
        new.name, new.tag = old.name, old.tag.copy()
        add_annotation(new, annotation)
    return results


def _typical(news: Variable) -> Variable:
    """Return the mean of the new values over time steps or, for integers, the last value."""
    typical: Variable = news.mean(0) if news.dtype.is_floating_point else news[-1]
    return typical


def attached_updates(variables: Iterable[Variable]) -> list[tuple[SharedVariable, Variable]]:
    """Return the updates in the annotations of `variables` and all of their ancestors."""
    annotations = dict.fromkeys(a for v in ancestors(variables) for a in v.tag.annotations)
    return [pair for annotation in annotations for pair in annotation.updates.items()]


def estimates(variables: Iterable[Variable]) -> list[Variable]:
    """Return the estimates of population statistics that `variables` depend on."""
    order = ancestors(variables)
    annotations = dict.fromkeys(a for v in order for a in v.tag.annotations)
    attached = [v for annotation in annotations for v in annotation.auxiliary_variables]
    return [
        v
        for v in dict.fromkeys([*order, *attached])
        if has_roles(v, [BATCH_NORM_MINIBATCH_ESTIMATE])
    ]


def is_chosen(variables: Iterable[Variable]) -> bool:
    """Return True if the user chose the mode of a graph explicitly, for example by a rewrite."""
    every = list(_with_loops(variables))
    return any("rewritten" in vars(v.tag) for v in every) or has_training_mode(every)


def has_training_mode(variables: Iterable[Variable]) -> bool:
    """Return True if any brick is applied in training mode."""
    calls = (_call(variable) for variable in _with_loops(variables))
    return any(call.metadata.get(MODE) for call in calls if call)


def evaluated(variables: Iterable[Variable]) -> list[ModeDependent]:
    """Return the `ModeDependent` bricks that are applied in evaluation mode."""
    calls = (_call(v) for v in _with_loops(variables) if has_roles(v, [OUTPUT]))
    bricks = (c.application.brick for c in calls if c and c.metadata.get(MODE) is False)
    return list(dict.fromkeys(b for b in bricks if isinstance(b, ModeDependent)))


def _with_loops(variables: Iterable[Variable]) -> Iterator[Variable]:
    """Yield `variables`, and the variables inside the loops that compute them."""
    loops: dict[Loop, None] = {}
    for variable in variables:
        yield variable
        if variable.owner is not None and isinstance(variable.owner.function, Loop):
            loops[variable.owner.function] = None
    for loop in loops:
        yield from _with_loops(loop.variables)


def _inputs(output: Variable, call: ApplicationCall) -> dict[str, Variable]:
    """Return, by name, the inputs that `call` used to compute `output`.

    The inputs are found in the graph of `output`, because a graph may contain several versions
    of the call with different inputs.
    """
    found: dict[str, Variable] = {}
    for variable in ancestors([output]):
        origin = variable
        while "replacement_of" in vars(origin.tag):
            origin = origin.tag.replacement_of
        if _call(origin) is call and has_roles(origin, [INPUT]):
            found[str(origin.tag.name)] = variable  # the last version is the actual input
    return {name: _uncopied(variable) for name, variable in found.items()}


def _uncopied(variable: Variable) -> Variable:
    """Return the original of a tagged copy, so that the copy is not part of the new graph."""
    call = variable.owner
    copied = (
        call is not None
        and call.function is identity
        and "replacement_of" not in vars(variable.tag)
    )
    return call.inputs[0] if call is not None and copied else variable


def _call(variable: Variable) -> ApplicationCall | None:
    found = (a for a in variable.tag.annotations if isinstance(a, ApplicationCall))
    return next(found, None)
