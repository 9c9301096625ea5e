"""What runs, in which tier, and what that costs: for people."""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import torch

from workbench import errors
from workbench.hints import hinted
from workbench.tensor import torch_internals as internals
from workbench.tensor.execution.compiled import Compiled, Variant
from workbench.tensor.execution.policy import Execution
from workbench.tensor.execution.step import Step
from workbench.tensor.lowering import Program

KERNEL = re.compile(
    r"^\s+(?:\w+ = )?((?:cpp|triton)_\w+?|extern_kernels\.\w+|torch\.ops\.[\w.]+|aten\.\w+)"
    r"(?:\.run)?\(",
    re.MULTILINE,
)
"""A call in the code that inductor writes."""

LONGEST = 71
"""The number of letters of the longest name of a kernel that is shown in full."""

NOTHING_TO_EXPLAIN = (
    "{given!r} has no program to explain; give a function, or an algorithm such as GradientDescent"
)


@hinted
def explain(what: Any) -> None:
    """Print what a function or an algorithm runs, in which tier and why, and what that costs.

    The program is shown as it was written; every tier has ways to do with fewer operations.

    Parameters
    ----------
    what : Function or UpdatesAlgorithm
        An algorithm that has not been initialised is.

    Examples
    --------
    >>> from workbench import explain, function, tensor
    >>> x = tensor.vector("x")
    >>> explain(function([x], (x * 2).copy("doubled"), name="double", execution="eager"))
    double
      tier      eager: asked for
      calls     0
      threads   ...
      memory    nothing held between calls
      program   1 operation
    <BLANKLINE>
        def forward(self, x):
            mul = x * 2
            return (mul,)
    <BLANKLINE>
    """
    print("\n".join(_lines(_execution_of(what))))


@runtime_checkable
class Explainable(Protocol):
    """What `explain` explains."""

    @property
    def execution(self) -> Execution:
        """How it runs."""


def _execution_of(what: Any) -> Execution:
    if not isinstance(what, Explainable):
        raise errors.InputError(NOTHING_TO_EXPLAIN.format(given=what))
    return what.execution


def _lines(execution: Execution) -> Iterator[str]:
    step, tier = execution.step, execution.tier
    yield execution.name
    yield f"  tier      {execution.described}"
    yield f"  calls     {execution.calls}"
    if step.device.type == "cpu":
        yield f"  threads   {execution.threads.described}"
    yield f"  memory    {_held(step)}"
    if isinstance(tier, Compiled):
        for i, variant in enumerate(tier.variants, start=1):
            yield from _variant_lines(i, variant, step)
    code, operations = _listing(step.program)
    yield f"  program   {operations} operation{'s' * (operations != 1)}"
    yield ""
    for line in code:
        yield f"    {line}".rstrip()
    yield ""


def _listing(program: Program) -> tuple[list[str], int]:
    """The program as code, and the number of its operations.

    Taking one of several results is none: it is written where the result is used, as in
    ``_foreach_add[0]``.
    """
    module = program.module
    calls = [node for node in module.graph.nodes if node.op.startswith("call")]
    picked: dict[str, str] = {}
    for node in calls:
        if node.target is operator.getitem and node not in program.origin:
            several, place = map(str, node.args)
            picked[node.name] = f"{picked.get(several, several)}[{place}]"
    lines = []
    for line in module.code.strip().splitlines():
        line = re.sub(r";  .*$", "", line)
        made = re.match(r"\s*(\w+) = ", line)
        if made is None or made[1] not in picked:
            lines.append(re.sub(r"\w+", lambda word: picked.get(word[0], word[0]), line))
    return lines, len(calls) - len(picked)


def _variant_lines(number: int, variant: Variant, step: Step) -> Iterator[str]:
    trace = variant.trace
    yield f"  compiled  program {number}, for {_sizes(variant, step)}"
    peak = _peak(trace.graph)
    yield f"            {variant.seconds:.1f} s to trace and compile {trace.operations} operations"
    yield f"            at most {_bytes(peak)} of intermediate values for the sizes of the example"
    kernels = Counter(KERNEL.findall(variant.source))
    yield f"            {sum(kernels.values())} kernels:"
    for name, count in kernels.items():
        yield f"              {_shortened(name)}{f' x {count}' if count > 1 else ''}"


def _shortened(name: str) -> str:
    """A name without its middle, if it is long: inductor joins the names of all it has fused."""
    half = (LONGEST - 1) // 2
    return name if len(name) <= LONGEST else f"{name[:half]}…{name[-half:]}"


def _sizes(variant: Variant, step: Step) -> str:
    """Which sizes a program is valid for, in words."""
    parts = []
    for (i, axis), symbol in zip(step.free, variant.trace.symbols, strict=True):
        size = variant.trace.bound(symbol)
        parts.append(f"{step.program.inputs[i]!r}.shape[{axis}] {size}")
    return ", ".join(parts) or "inputs of these sizes"


def _held(step: Step) -> str:
    tensors = {variable.tensor.data_ptr(): variable.tensor for variable in step.shared}
    total = sum(tensor.nbytes for tensor in tensors.values())
    if not total:
        return "nothing held between calls"
    n = len(step.shared)
    return f"{_bytes(total)} held in {n} shared variable{'s' * (n != 1)}"


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def _peak(graph: torch.fx.GraphModule) -> int:
    """The most bytes that values computed on the way take at one time, were none fused away."""
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
                new = int(_hint(value.numel())) * value.element_size()
            storages.add(storage)
        size[node] = new
        live += new
        peak = max(peak, live)
        live -= sum(size[used] for used in freed.get(node, ()))
    return peak


def _hint(size: Any) -> int:
    """A size for the example; nothing for one that only values tell."""
    hint = size.node.hint if isinstance(size, torch.SymInt) else size
    return 0 if hint is None else int(hint)
