"""Text reports about compiled programs: sizes, time, memory and kernels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch

from workbench.tensor import torch_internals as internals
from workbench.tensor.execution.task import Task
from workbench.tensor.execution.trace import Trace

KERNEL = re.compile(
    r"^\s+(?:\w+ = )?((?:cpp|triton)_\w+?|extern_kernels\.\w+|torch\.ops\.[\w.]+|aten\.\w+)"
    r"(?:\.run)?\(",
    re.MULTILINE,
)
"""Regular expression for a kernel call in the code that inductor generates."""

LONGEST = 71
"""Maximum number of characters of a kernel name that is shown in full."""


def lines_about(head: str, trace: Trace, seconds: float, source: str, task: Task) -> Iterator[str]:
    """Yield the lines that `workbench.explain` prints about a compiled program.

    Parameters
    ----------
    head : str
        The beginning of the first line.
    trace : Trace
        The trace that was compiled.
    seconds : float
        The duration of tracing and compilation.
    source : str
        The code that inductor generated.
    task : Task
    """
    yield f"{head}, for {_sizes(trace, task)}"
    peak = _peak(trace.graph)
    yield (
        f"            {seconds:.1f} s to trace and compile {trace.operations} "
        f"operation{'s' * (trace.operations != 1)}"
    )
    yield (
        f"            at most {bytes_in_words(peak)} of intermediate values for the example sizes"
    )
    kernels = Counter(KERNEL.findall(source))
    yield f"            kernels: {sum(kernels.values())}"
    for name, count in kernels.items():
        yield f"              {_shortened(name)}{f' x {count}' if count > 1 else ''}"


def _shortened(name: str) -> str:
    """Omit the middle of a long kernel name; inductor joins the names of all fused operations."""
    half = (LONGEST - 1) // 2
    return name if len(name) <= LONGEST else f"{name[:half]}…{name[-half:]}"


def _sizes(trace: Trace, task: Task) -> str:
    """Format the sizes that a program is valid for."""
    parts = []
    for (i, axis), symbol in zip(task.free, trace.symbols, strict=True):
        size = trace.bound(symbol)
        parts.append(f"{task.program.inputs[i]!r}.shape[{axis}] {size}")
    return ", ".join(parts) or "inputs of these sizes"


def bytes_in_words(count: float) -> str:
    """Format a number of bytes with a suitable unit, such as ``1.5 kB``."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def _peak(graph: torch.fx.GraphModule) -> int:
    """Return the peak memory in bytes that results would take if inductor fused no operations."""
    last: dict[torch.fx.Node, torch.fx.Node] = {}
    for node in graph.graph.nodes:
        for used in node.all_input_nodes:
            last[used] = node
    freed: dict[torch.fx.Node, list[torch.fx.Node]] = {}
    for used, user in last.items():
        freed.setdefault(user, []).append(used)
    size: dict[torch.fx.Node, int] = {}
    live = peak = 0
    storages: set[int] = set()
    for node in graph.graph.nodes:
        value = node.meta.get("val")
        new = 0
        if isinstance(value, torch.Tensor):
            storage = internals.storage_of(value)
            if storage not in storages and node.op != "placeholder":
                new = int(_hint(value.numel())) * value.element_size()  # a view takes no memory
            storages.add(storage)
        size[node] = new
        live += new
        peak = max(peak, live)
        live -= sum(size[used] for used in freed.get(node, ()))
    return peak


def _hint(size: Any) -> int:
    """Return the example value of a size, or 0 if it depends on computed values."""
    hint = size.node.hint if isinstance(size, torch.SymInt) else size
    return 0 if hint is None else int(hint)
