"""Traces of tasks: flat graphs, with the sizes that they are valid for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from workbench.tensor import torch_internals as internals

if TYPE_CHECKING:
    from torch.fx.experimental.symbolic_shapes import ShapeEnv


@dataclass(eq=False)
class Trace:
    """A flat graph and the sizes that it is valid for.

    Attributes
    ----------
    graph : torch.fx.GraphModule
        Its arguments are the symbolic sizes, the inputs of the task, and the tensors of the task's
        shared variables. It updates these tensors in place, and returns the outputs.
    arguments : list
        Fake tensors with the shapes and dtypes of the arguments.
    mode : FakeTensorMode
    symbols : list
        The symbol of each free size of the task, or an integer if the trace fixes the size.
    steps : list of pairs
        The compiled step of each loop in the graph, and the free sizes of the step as expressions
        in `symbols`.
    reports_success : bool
        True if the last output states whether all checks passed and the updates were applied.
    """

    graph: fx.GraphModule
    arguments: list[Any] = field(repr=False)
    mode: internals.FakeTensorMode = field(repr=False)
    symbols: list[Any]
    steps: list[tuple[Any, list[Any]]] = field(default_factory=list)
    reports_success: bool = False

    @property
    def environment(self) -> ShapeEnv:
        """The shape environment, which contains all known facts about the symbols."""
        environment: ShapeEnv = self.mode.shape_env  # type: ignore[assignment]
        return environment

    @property
    def is_self_contained(self) -> bool:
        """True if the graph uses only its arguments, and no tensors share storage.

        The value is valid only before compilation, which changes the graph.
        """
        given: Any = self.graph.graph.output_node().args[0]
        results = list(given)
        values = [node.meta["val"] for node in results if isinstance(node, fx.Node)]
        tensors = [v for v in (*self.arguments, *values) if isinstance(v, torch.Tensor)]
        storages = {internals.storage_of(tensor) for tensor in tensors}
        return (
            len(storages) == len(tensors)
            and len(values) == len(results)
            and all(isinstance(value, (torch.Tensor, torch.SymInt)) for value in values)
            and not any(node.op == "get_attr" for node in self.graph.graph.nodes)
        )

    def fits(self, sizes: Sequence[int]) -> bool:
        """Return True if the graph and its compiled program are valid for `sizes`."""
        known = self.environment
        values = {}
        for symbol, size in zip(self.symbols, sizes, strict=True):
            if isinstance(symbol, int):  # 0 or 1; the trace is specialised to it
                if symbol != size:
                    return False
                continue
            values[symbol] = size
            bounds = known.var_to_range[symbol]
            if not bounds.lower <= size <= bounds.upper:
                return False
        # Tracing adds a guard wherever torch or Python branches on a size. The trace is valid for
        # sizes that satisfy all guards of this graph and its loop steps.
        learned = [(symbol, known.replacements.get(symbol, symbol)) for symbol in values]
        return (
            all(values[s] == e.subs(values) for s, e in learned)
            and all(guard.expr.subs(values) == True for guard in known.guards)  # noqa: E712
            and all(
                one.fits([int(size.subs(values)) for size in sizes])
                for step, sizes in self.steps
                for one in step.traces
            )
        )

    def bound(self, symbol: Any) -> str:
        """Format the range of a symbol, or the value that replaces it; guards are ignored."""
        known = self.environment
        value = symbol if isinstance(symbol, int) else known.replacements.get(symbol, symbol)
        if value != symbol or isinstance(symbol, int):
            return f"= {value}"
        lower, upper = known.var_to_range[symbol].lower, known.var_to_range[symbol].upper
        return f">= {lower}" if upper > 2**40 else f"from {lower} to {upper}"

    @property
    def operations(self) -> int:
        """The number of operations in the graph."""
        return sum(node.op == "call_function" for node in self.graph.graph.nodes)
