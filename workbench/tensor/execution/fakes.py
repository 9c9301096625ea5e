"""`Fakes`, which creates fake tensors for a graph and records functions that run on them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import torch
from torch import fx

from workbench import errors
from workbench.tensor import torch_internals as internals
from workbench.tensor.draws import draws
from workbench.tensor.execution.indices import safe_operations
from workbench.tensor.execution.quiet import silence

OFTEN_SMALL = (0, 1)
"""Sizes that torch specialises to: a graph traced with one of them is valid for no other size."""

DRAWS = (
    "{node} draws from a torch generator; use a RandomStream, which draws the same values in "
    "every tier"
)

DECIDES = (
    "Python control flow or a size depends on a computed value, which is not known while the "
    "program is traced"
)
NO_RULE = "torch cannot infer the result of {operation}, or cannot compile it"
TWICE = "the graph differentiates a gradient that was computed through a scan"


def refusal(error: Exception) -> errors.CompilationError:
    """Convert an error from torch's tracing or compilation to a one-line `CompilationError`."""
    kind, lines = type(error).__name__, str(error).strip().splitlines() or [""]
    if kind in ("GuardOnDataDependentSymNode", "DataDependentOutputException"):
        return errors.CompilationError(DECIDES)
    if kind.startswith(("Unsupported", "DynamicOutputShape")):
        return errors.CompilationError(NO_RULE.format(operation=lines[0]))
    if "workbench.loop_backward" in lines[0]:
        return errors.CompilationError(TWICE)
    said = re.sub(r"^\S*\.cpp:\d+: ", "", lines[0])
    return errors.CompilationError(f"{kind}: {said}")


class Fakes:
    """Factory of fake tensors for the arguments of a graph; it stores conditions on their sizes."""

    def __init__(self) -> None:
        from torch.fx.experimental.symbolic_shapes import ShapeEnv

        self.known = ShapeEnv()
        self.mode = internals.FakeTensorMode(shape_env=self.known, allow_non_fake_inputs=True)
        self.symbols: list[Any] = []
        self.sizes: list[Any] = []

    def size(self, example: int, *, any_value: bool = False) -> Any:
        """Return a symbolic size with the example value `example`.

        An example of 0 or 1 is returned as an integer, unless `any_value` is True.
        """
        from torch.fx.experimental.symbolic_shapes import DimDynamic

        if example in OFTEN_SMALL and not any_value:
            self.symbols.append(example)
            return example
        # The symbol is backed: torch's rules may branch on the example, and then add a guard.
        source = internals.ConstantSource(f"size_{len(self.symbols)}")
        symbol = self.known.create_symbol(
            example, source, DimDynamic.DYNAMIC, do_not_specialize_zero_one=any_value
        )
        self.symbols.append(symbol)
        self.sizes.append(self.known.create_symintnode(symbol, hint=example, source=source))
        return self.sizes[-1]

    def tensor(self, shape: Sequence[Any], like: Any) -> torch.Tensor:
        """Return a fake tensor with the given shape, and with the dtype and device of `like`."""
        with self.mode:
            return torch.empty(shape, dtype=like.dtype, device=like.device)

    def held(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a fake tensor with the exact shape and layout of `tensor`."""
        return self.mode.from_tensor(tensor, static_shapes=True)

    def record(self, function: Callable[..., Any], arguments: Sequence[Any]) -> fx.GraphModule:
        """Run `function` on `arguments`, and return its operations as a graph.

        Raises
        ------
        CompilationError
            If torch cannot trace the function, or if the function draws from a torch generator.
        """
        from torch.fx.experimental.proxy_tensor import make_fx

        try:
            with silence(), torch.no_grad(), self.mode:
                rules = {**_broadcast(), **safe_operations()}
                made = make_fx(function, decomposition_table=rules, tracing_mode="real")
                graph = made(*arguments)
        except errors.CompilationError:
            raise
        except Exception as error:
            raise refusal(error) from error
        for node in graph.graph.nodes:
            # A draw would differ from the eager tier, and a resumed run could not repeat it.
            if draws(node.target, node.args, node.kwargs):
                raise errors.CompilationError(DRAWS.format(node=node.target))
        return graph


@functools.cache
def _broadcast() -> dict[Any, Callable[..., Any]]:
    """Return rules that broadcast operands before some operations.

    The shape rules of these operations reject a symbolic size that only one operand has.
    """
    # Two different expressions may describe the same shape, so the text below may differ even after
    # broadcasting. This flag ends the recursion.
    widened = ContextVar("widened", default=False)

    def wide(operation: Any) -> Callable[..., Any]:
        def compute(*args: Any, **kwargs: Any) -> Any:
            if widened.get():
                return NotImplemented
            tensors = [arg for arg in args if isinstance(arg, torch.Tensor)]
            # Compare the text, since a comparison of symbolic sizes would add a guard to the trace.
            if len({str(tensor.shape) for tensor in tensors}) == 1:
                return NotImplemented
            new = iter(torch.broadcast_tensors(*tensors))
            args = tuple([next(new) if isinstance(a, torch.Tensor) else a for a in args])
            token = widened.set(True)
            try:
                return operation(*args, **kwargs)
            finally:
                widened.reset(token)

        return compute

    aten = torch.ops.aten
    operations = (aten.addcmul.default, aten.addcdiv.default, aten.lerp.Tensor, aten.lerp.Scalar)
    return {operation: wide(operation) for operation in operations}
