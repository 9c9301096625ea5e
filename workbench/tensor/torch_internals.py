"""All private torch names that the workbench uses.

torch may move or remove these names without notice. Therefore `pyproject.toml` limits the version
of torch, and ``tests/tensor/test_torch_internals.py`` states for each name how to replace it.
Import this module and use its attributes, as in ``internals.FakeTensorMode``. The names in `LATER`
belong to torch modules that are slow to import, and are imported on first use.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import graph as _graph
from torch.utils import _python_dispatch, _pytree

if TYPE_CHECKING:
    from torch._dynamo.convert_frame import compile_lock as compile_lock
    from torch._dynamo.source import ConstantSource as ConstantSource
    from torch._functorch import config
    from torch._guards import TracingContext as TracingContext
    from torch._guards import tracing as tracing
    from torch._inductor.compile_fx import compile_fx_inner as compile_fx_inner
    from torch._inductor.cpu_vec_isa import valid_vec_isa_list as valid_vec_isa_list
    from torch._inductor.lowering import add_needs_realized_inputs as add_needs_realized_inputs
    from torch._subclasses.fake_tensor import (
        DataDependentOutputException as DataDependentOutputException,
    )
    from torch._subclasses.fake_tensor import FakeTensor as FakeTensor
    from torch._subclasses.fake_tensor import FakeTensorMode as FakeTensorMode
    from torch.utils.flop_counter import FlopCounterMode as FlopCounterMode

    collectives: Any  # torch.ops._c10d_functional, once its module is loaded
    functorch_config = config
    standalone_compile: Any  # the name of a submodule too; type checkers confuse the two

ConvNd = torch.nn.modules.conv._ConvNd
OpOverload = torch._ops.OpOverload
OpOverloadPacket = torch._ops.OpOverloadPacket
NormBase = torch.nn.modules.batchnorm._NormBase
StorageWeakRef = torch.multiprocessing.reductions.StorageWeakRef
TensorBase = torch._C.TensorBase
TorchDispatchMode = _python_dispatch.TorchDispatchMode
disable_current_modes = _python_dispatch._disable_current_modes
engine_run_backward = _graph._engine_run_backward
is_tracing: Callable[[], bool] = torch.jit._trace.is_tracing
reparametrize_module = torch.nn.utils.stateless._reparametrize_module
set_grad_enabled = torch._C._set_grad_enabled
tree_leaves = _pytree.tree_leaves
foreach_abs = torch._foreach_abs
foreach_add = torch._foreach_add
foreach_add_ = torch._foreach_add_
foreach_copy_ = torch._foreach_copy_
foreach_div = torch._foreach_div
foreach_mul = torch._foreach_mul
foreach_neg = torch._foreach_neg
foreach_norm = torch._foreach_norm
foreach_pow = torch._foreach_pow
foreach_sqrt = torch._foreach_sqrt
foreach_sub = torch._foreach_sub
foreach_sub_ = torch._foreach_sub_
look_for_non_finite = torch._amp_foreach_non_finite_check_and_unscale_
linear_pointwise = torch.ops.mkldnn._linear_pointwise

LATER = {
    "ConstantSource": "torch._dynamo.source",
    "DataDependentOutputException": "torch._subclasses.fake_tensor",
    "FakeTensor": "torch._subclasses.fake_tensor",
    "FakeTensorMode": "torch._subclasses.fake_tensor",
    "FlopCounterMode": "torch.utils.flop_counter",
    "TracingContext": "torch._guards",
    "add_needs_realized_inputs": "torch._inductor.lowering",
    "collectives": "torch.distributed._functional_collectives",
    "compile_fx_inner": "torch._inductor.compile_fx",
    "compile_lock": "torch._dynamo.convert_frame",
    "functorch_config": "torch._functorch",
    "standalone_compile": "torch._inductor",
    "tracing": "torch._guards",
    "valid_vec_isa_list": "torch._inductor.cpu_vec_isa",
}
"""Names that are imported on first use, with their modules."""

FAKE_TENSOR_LOG = "torch._subclasses.fake_tensor"
"""Name of the logger that reports operations that fake tensors do not support."""
COMPILER = r"torch\._inductor\."
"""Pattern for the names of the compiler's modules."""
MULTI_TENSOR = "_foreach_"
"""Prefix of the names of multi-tensor operations."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(LATER[name])
        if name == "collectives":  # the module registers the shapes of the operations
            found = torch.ops._c10d_functional
        else:
            found = getattr(module, "config" if name == "functorch_config" else name)
        globals()[name] = found
        return found


def storage_of(tensor: torch.Tensor) -> int:
    """Return an identifier of a tensor's storage; a view has the identifier of its base.

    Examples
    --------
    >>> matrix = torch.zeros(2, 3)
    >>> storage_of(matrix) == storage_of(matrix.T), storage_of(matrix) == storage_of(matrix + 0)
    (True, False)
    """
    return int(tensor.untyped_storage()._cdata)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress the messages that torch logs for operations that fake tensors refuse."""

    def refuse(record: logging.LogRecord) -> bool:
        return False

    # Each block has its own filter, so blocks in several threads can overlap.
    logs = [logging.getLogger(name) for name in (FAKE_TENSOR_LOG, "torch.fx")]
    for log in logs:
        log.addFilter(refuse)
    try:
        yield
    finally:
        for log in logs:
            log.removeFilter(refuse)


def check_size(condition: Any) -> None:
    """Record a condition on symbolic sizes; raise `RuntimeError` if it is false."""
    torch._check(condition)


def shape_env() -> Any:
    """Return a `ShapeEnv` that does not search the stack for the line that uses a size.

    torch prints these lines in its logs. The search takes most of the time needed to create a size,
    and imports ``torch.export``.
    """
    from torch._guards import SLoc
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    class Sizes(ShapeEnv):
        def _get_stack_summary(
            self, is_debug: bool = False, framework_loc: str | None = None
        ) -> tuple[SLoc, str]:
            return nowhere, ""

        def _log_create_unbacked_symbol(self, *args: Any, **kwargs: Any) -> None:
            pass

    nowhere = SLoc(None, None)
    return Sizes(allow_scalar_outputs=True, allow_dynamic_output_shape_ops=True)
