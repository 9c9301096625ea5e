"""Explanation of a function: its program, its tier and its costs."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from workbench import errors
from workbench.hints import hinted
from workbench.tensor.checks import GRAPH, PROGRAM, check_all
from workbench.tensor.execution.policy import Execution
from workbench.tensor.execution.report import bytes_in_words
from workbench.tensor.execution.task import Task
from workbench.tensor.program import Program

NOTHING_TO_EXPLAIN = (
    "{given!r} cannot be explained; pass a function, or an algorithm such as GradientDescent"
)


@hinted
def explain(what: Any) -> None:
    """Print the program, the tier and the costs of a function or an algorithm.

    The program is shown before optimisation; every tier runs an optimised version. The reason for
    the tier is shown too.

    Parameters
    ----------
    what : Function or UpdatesAlgorithm
        The object to explain. An algorithm is initialised first if necessary.

    Examples
    --------
    >>> from workbench import explain, function, tensor
    >>> x = tensor.vector("x")
    >>> explain(function([x], (x * 2).copy("doubled"), name="double", execution="eager"))
    double
      tier      eager: requested
      calls     0
      threads   ...
      memory    nothing held between calls
      checks    16 rules hold
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
    """Interface of the objects that `explain` accepts."""

    @property
    def execution(self) -> Execution:
        """The object that chooses the tier of the function and runs it."""


def _execution_of(what: Any) -> Execution:
    if not isinstance(what, Explainable):
        raise errors.InputError(NOTHING_TO_EXPLAIN.format(given=what))
    return what.execution


def _lines(execution: Execution) -> Iterator[str]:
    task, tier = execution.task, execution.tier
    yield execution.name
    yield f"  tier      {execution.described}"
    yield f"  calls     {execution.calls}"
    if task.device.type == "cpu":
        yield f"  threads   {execution.threads.described}"
    yield f"  memory    {_held(task)}"
    yield from tier.describe()
    yield f"  checks    {_checked(task)}"
    code, operations = _listing(task.program)
    yield f"  program   {operations} operation{'s' * (operations != 1)}"
    yield ""
    for line in code:
        yield f"    {line}".rstrip()
    yield ""


def _checked(task: Task) -> str:
    """Return, as text, the faults of the graph and program, or the number of rules if all hold."""
    faults = check_all(task.program, task.outputs, task.updated)
    return "; ".join(map(str, faults)) or f"{len(GRAPH) + len(PROGRAM)} rules hold"


def _listing(program: Program) -> tuple[list[str], int]:
    """Return the program as lines of code, and the number of its operations.

    The selection of one of several results does not count as an operation. It is written where the
    result is used, as in ``_foreach_add[0]``.
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


def _held(task: Task) -> str:
    tensors = {variable.tensor.data_ptr(): variable.tensor for variable in task.shared}
    total = sum(tensor.nbytes for tensor in tensors.values())
    if not total:
        return "nothing held between calls"
    n = len(task.shared)
    return f"{bytes_in_words(total)} held in {n} shared variable{'s' * (n != 1)}"
