"""Two modes: some bricks compute one thing while a model is trained, and another when it is used.

Batch normalisation takes its statistics from the batch or from the whole data set, dropout drops
or does not. A graph has its mode from when it was built, and bricks build graphs for *use* unless
told otherwise, so that a model which was just loaded does what it should. The graph to train on is
another one: build it with `training_mode` around the applications, or make it of the first one with
`apply_training_mode`. Both graphs have the same parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import ClassVar, Self

from workbench.graph.annotations import ApplicationCall
from workbench.graph.computation import ComputationGraph
from workbench.graph.hierarchy import Component
from workbench.roles import INPUT, OUTPUT, has_roles
from workbench.tensor import Variable
from workbench.tensor.traversal import ancestors
from workbench.utils.plain import find_bricks

MODE = "training_mode"
"""The entry in the metadata of an application call that says in which mode it was made."""

_training: ContextVar[tuple[Component, ...]] = ContextVar("training", default=())
"""The components that are in training mode, one entry for each time that they were put into it."""


class ModeDependent(Component):
    """A component that computes otherwise while a model is trained.

    It is a context manager: what is applied inside of ``with component:`` is applied in training
    mode. An application method whose result depends on the mode notes it in the metadata of the
    call, as ``training_mode``; all its other arguments must be variables.

    Attributes
    ----------
    in_training_mode : bool
    uses_batch_statistics : bool
        A class attribute: whether training mode means statistics of the batch, as
        `batch_normalization` asks.
    """

    uses_batch_statistics: ClassVar[bool] = False

    @property
    def in_training_mode(self) -> bool:
        """Whether an application made now is one for training."""
        return any(component is self for component in _training.get())

    def __enter__(self) -> Self:
        _training.set((*_training.get(), self))
        return self

    def __exit__(self, *exception: object) -> None:
        entered = list(_training.get())
        last = max(i for i, component in enumerate(entered) if component is self)
        _training.set((*entered[:last], *entered[last + 1 :]))


def in_training_mode() -> frozenset[Component]:
    """The components that are in training mode now."""
    return frozenset(_training.get())


@contextmanager
def training_mode(*bricks: Component) -> Iterator[None]:
    """Apply bricks in training mode: all `ModeDependent` ones at or below `bricks`.

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


def apply_training_mode(computation_graph: ComputationGraph) -> ComputationGraph:
    """Make the graph to train on of one that was built for use.

    Parameters
    ----------
    computation_graph : ComputationGraph

    Returns
    -------
    ComputationGraph
        A new graph, in which all `ModeDependent` bricks are applied in training mode. What took the
        place of their outputs has these as ``tag.replacement_of``. The bodies of loops stay as they
        were built.

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
    """Be in training mode for those of the bricks at or below `bricks` that are `wanted`."""
    with ExitStack() as stack:
        for brick in find_bricks(bricks, lambda b: isinstance(b, ModeDependent) and wanted(b)):
            assert isinstance(brick, ModeDependent)
            stack.enter_context(brick)
        yield


def rewritten(
    computation_graph: ComputationGraph, wanted: Callable[[ModeDependent], bool]
) -> ComputationGraph:
    """The graph with the applications of `wanted` bricks made again, in training mode."""
    replacements: dict[Variable, Variable] = {}
    made: dict[tuple[ApplicationCall, frozenset[Variable]], dict[str, Variable]] = {}
    for output in computation_graph.variables:
        call = _call(output)
        if call is None or not has_roles(output, [OUTPUT]) or call.metadata.get(MODE) is not False:
            continue
        brick = call.application.brick
        if not isinstance(brick, ModeDependent) or not wanted(brick):
            continue
        # By name; those of this output, since a graph may have several versions of one call.
        inputs = {
            str(v.tag.name): v
            for v in ancestors([output])
            if _call(v) is call and has_roles(v, [INPUT])
        }
        key = call, frozenset(inputs.values())
        if key not in made:
            with brick:
                made[key] = call.application(
                    **inputs, as_dict=True, call_id=call.metadata["call_id"]
                )
        new = made[key][str(output.tag.name)]
        new.tag.replacement_of = output
        replacements[output] = new
    return computation_graph.replace(replacements)


def _call(variable: Variable) -> ApplicationCall | None:
    found = (a for a in variable.tag.annotations if isinstance(a, ApplicationCall))
    return next(found, None)
