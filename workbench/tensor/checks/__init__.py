"""Checks of graphs, lowered programs and traces: rules that must hold after every rewrite.

A graph of variables, its lowered program, and the trace of a task have separate sets of rules.
Every check returns a list of `Fault` objects. A fault contains the broken rule, the node, and the
brick application that created the node. Calling a `Function` runs no checks. `workbench.explain`
runs all checks, and the tests run them after every rewrite.
"""

from workbench.names import explain_missing
from workbench.tensor.checks.fault import Fault, refuse
from workbench.tensor.checks.graph import GRAPH, check_graph
from workbench.tensor.checks.program import PROGRAM, check_all, check_program, check_rewritten
from workbench.tensor.checks.trace import TRACE, check_trace

__all__ = [
    "GRAPH",
    "PROGRAM",
    "TRACE",
    "Fault",
    "check_all",
    "check_graph",
    "check_program",
    "check_rewritten",
    "check_trace",
    "refuse",
]

explain_missing(__name__)
