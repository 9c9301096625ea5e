"""From a step to one flat graph of aten operations, gradients and updates included.

The step runs once on torch's fake tensors while every operation is written down: forward, what
autograd does, new values, and copies of these into the shared variables. What is left has no
autograd and no Python, and is valid for all inputs that take the same path through both: the
sizes for which `Trace.fits` says so.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from workbench import errors
from workbench.tensor.execution.eager import reduced
from workbench.tensor.execution.step import Step

if TYPE_CHECKING:
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

OFTEN_SMALL = (0, 1)
"""Sizes for which torch takes other paths: a graph is made for one of them, or for neither."""

HOOKED = "put_hook has Python look at values within the graph"
DRAWS = (
    "{node} draws from torch's own generator; a RandomStream draws the same numbers in every tier"
)


@dataclass(eq=False)
class Trace:
    """A flat graph and the sizes that it is valid for.

    Attributes
    ----------
    graph : torch.fx.GraphModule
        Takes the inputs of the step and the tensors of its shared variables, which it updates in
        place; gives the outputs.
    arguments : list
        Fake tensors like the arguments.
    mode : FakeTensorMode
    symbols : list
        For each free size of the step its symbol, or the number that it was traced for.
    """

    graph: fx.GraphModule
    arguments: list[Any] = field(repr=False)
    mode: FakeTensorMode = field(repr=False)
    symbols: list[Any]

    @property
    def environment(self) -> ShapeEnv:
        """What was learned about the symbols."""
        environment: ShapeEnv = self.mode.shape_env  # type: ignore[assignment]
        return environment

    def fits(self, sizes: Sequence[int]) -> bool:
        """Whether the graph, and what was compiled of it, is valid for `sizes`."""
        known = self.environment
        values = {}
        for symbol, size in zip(self.symbols, sizes, strict=True):
            if isinstance(symbol, int):
                if symbol != size:
                    return False
                continue
            values[symbol] = size
            bounds = known.var_to_range[symbol]
            if not bounds.lower <= size <= bounds.upper:
                return False
        learned = [(symbol, known.replacements.get(symbol, symbol)) for symbol in values]
        return all(values[s] == e.subs(values) for s, e in learned) and all(
            guard.expr.subs(values) == True  # noqa: E712  (sympy's own truth)
            for guard in known.guards
        )

    def bound(self, symbol: Any) -> str:
        """Which values of one of `symbols` are valid as far as that depends on it alone."""
        known = self.environment
        value = symbol if isinstance(symbol, int) else known.replacements.get(symbol, symbol)
        if value != symbol or isinstance(symbol, int):
            return f"= {value}"
        lower, upper = known.var_to_range[symbol].lower, known.var_to_range[symbol].upper
        return f">= {lower}" if upper > 2**40 else f"from {lower} to {upper}"

    @property
    def operations(self) -> int:
        """How many operations the graph has."""
        return sum(node.op == "call_function" for node in self.graph.graph.nodes)


def trace(step: Step, sizes: Sequence[int]) -> Trace:
    """Write down what `step` does, with `sizes` as an example of its free ones.

    Raises
    ------
    CompilationError
        If Python has to look at values on the way.
    """
    from torch._dynamo.source import ConstantSource
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv

    if step.program.hooked:
        raise errors.CompilationError(HOOKED)
    known = ShapeEnv()
    mode = FakeTensorMode(shape_env=known, allow_non_fake_inputs=True)
    symbols: list[Any] = []
    shape_of: dict[tuple[int, int], Any] = {}
    for k, (size, places) in enumerate(zip(sizes, step.places, strict=True)):
        if size in OFTEN_SMALL:
            symbols.append(size)
            symbolic: Any = size
        else:
            source = ConstantSource(f"size_{k}")
            symbols.append(known.create_symbol(size, source, DimDynamic.DYNAMIC))
            symbolic = known.create_symintnode(symbols[-1], hint=size, source=source)
        shape_of |= dict.fromkeys(places, symbolic)
    arguments = _fakes(step, mode, shape_of)
    log = logging.getLogger("torch.fx.experimental.proxy_tensor")
    quiet, log.disabled = log.disabled, True
    try:
        with torch.no_grad():
            graph = make_fx(_whole(step), tracing_mode="real")(*arguments)
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise errors.CompilationError(f"{type(error).__name__}: {lines[0]}") from error
    finally:
        log.disabled = quiet
    _refuse_draws(graph)
    return Trace(graph, arguments, mode, symbols)


def _fakes(step: Step, mode: FakeTensorMode, shape_of: dict[tuple[int, int], Any]) -> list[Any]:
    """Fake tensors like the arguments of the flat graph."""
    fakes: list[Any] = []
    for i, variable in enumerate(step.program.inputs):
        fixed = variable.shape
        shape = [shape_of.get((i, axis), fixed[axis]) for axis in range(variable.ndim)]
        with mode:
            fakes.append(torch.empty(shape, dtype=variable.dtype, device=variable.device))
    return fakes + [mode.from_tensor(v.tensor, static_shapes=True) for v in step.shared]


def _whole(step: Step) -> Any:
    """The step as a function of its arguments alone, which updates them in place."""
    program = step.program
    place = {variable: i for i, variable in enumerate(step.shared)}
    n = len(program.inputs)

    def whole(*arguments: torch.Tensor) -> Sequence[Any]:
        held = arguments[n:]
        read = [held[place[v]] for v in program.shared]
        leaves = [held[place[v]].detach().requires_grad_() for v in program.leaves]
        with torch.autocast("cpu", enabled=False) if step.precision != "bf16" else reduced(step):
            results = program.module.forward(*arguments[:n], *read, *leaves)
        outputs, news = results[: step.n_outputs], list(results[step.n_outputs :])
        for i in program.copies:
            # Inductor takes copies away, also where what is copied changes before it is used.
            news[i] = torch.maximum(news[i], news[i])
        holds = None if step.guard is None else step.guard.holds(outputs)
        for variable, new in zip(step.updated, news, strict=True):
            old = held[place[variable]]
            old.copy_(new if holds is None else torch.where(holds, new, old))
        return list(outputs)

    return whole


def _refuse_draws(graph: fx.GraphModule) -> None:
    for node in graph.graph.nodes:
        tags = getattr(node.target, "tags", ())
        if torch.Tag.nondeterministic_seeded in tags:
            raise errors.CompilationError(DRAWS.format(node=node.target))
