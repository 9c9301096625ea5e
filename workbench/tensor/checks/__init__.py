"""Checks of graphs and of what is made of them: rules that every rewrite must leave true.

A graph of variables, a program that it is lowered to, and a trace of a whole step have rules of
their own. Each check returns what is broken as a list of `Fault`, which name the rule, the node and
the brick application that made it. Nothing here runs while a function is called:
`workbench.explain` checks, and so do the tests after every rewrite.
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
