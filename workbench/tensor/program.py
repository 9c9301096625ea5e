"""Programs, which are lowered graphs of variables.

A `Program` is a pure function of the inputs and of the tensors of shared variables. It returns the
outputs and the new values of updated variables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import fx

from workbench import errors
from workbench.tensor.exact import LIMITED
from workbench.tensor.indexing import NAN_OUT_OF_RANGE
from workbench.tensor.limits import LIMITS
from workbench.tensor.printing import shown_arguments
from workbench.tensor.probabilities import CHECKS
from workbench.tensor.processes import lost
from workbench.tensor.shared import SharedVariable
from workbench.tensor.variable import Call, Variable

LOOK = LIMITED | CHECKS | NAN_OUT_OF_RANGE | frozenset(LIMITS.values())

OUT_OF_RANGE = re.compile(r"out of (range|bounds)|Class values must be|class with negative", re.I)
"""Pattern that matches torch's errors about an index or a class that is out of range."""
NO_INDEX = (
    "{place}{name}({shown}): {said}; every index and every class must be in range, so check the "
    "smallest and largest values in the data"
)

instead: ContextVar[Callable[..., list[torch.Tensor]] | None] = ContextVar("instead", default=None)
"""Function that runs instead of a loop while a program is traced or its operations are counted."""


@dataclass
class Program:
    """A lowered graph.

    Attributes
    ----------
    graph : torch.fx.Graph
        Its arguments are `inputs`, the tensors of `shared`, and the autograd leaves of `leaves`. It
        returns the outputs followed by the new values. Nodes that compute tensors have a matching
        fake tensor in ``meta["fake"]``.
    constants : dict
        Tensors and other objects that the graph refers to by name.
    inputs : list of Variable
    shared, leaves : list of SharedVariable
        The shared variables of the graph. Gradients are computed with respect to `leaves`.
    origin : dict
        The call that each fx node computes, for error messages.
    hooked : bool
        True if variables of the graph have hooks; see `workbench.tensor.put_hook`.
    copies : list of int
        Indices of new values that are copied because they share storage with other variables.
    """

    graph: fx.Graph
    constants: dict[str, Any] = field(repr=False)
    inputs: list[Variable]
    shared: list[SharedVariable]
    leaves: list[SharedVariable]
    origin: dict[fx.Node, Call] = field(repr=False)
    hooked: bool
    copies: list[int]

    @cached_property
    def module(self) -> fx.GraphModule:
        """The graph as an executable module."""
        return fx.GraphModule(self.constants, self.graph)

    @cached_property
    def limited(self) -> bool:
        """True if a second run can explain a NaN result or replace it with a limit."""
        return any(node.target in LOOK for node in self.graph.nodes)

    @cached_property
    def exchanges(self) -> bool:
        """True if the program exchanges values with other processes and must not be run again."""
        return any(getattr(node.target, "exchanges", False) for node in self.graph.nodes)

    def look(self, arguments: Sequence[Any]) -> None:
        """Run the operations one by one on `arguments`, so that checks of values can raise errors.

        Raises
        ------
        DomainError, OutOfRangeError
            If an argument of an operation is outside its domain, or an index is out of range.
        """
        try:
            _Finder(self).run(*arguments)
        except (errors.DomainError, errors.OutOfRangeError):
            raise
        except _Exchange:
            return
        except Exception:  # the program has already run, so this error is not the cause
            return

    def explain(self, arguments: Sequence[Any], error: Exception) -> None:
        """Find the call that fails on `arguments`, and add a note about it to `error`.

        Raises
        ------
        WorkbenchError
            If the failing call raises a more precise error.
        """
        if isinstance(error, errors.ProcessError):
            return
        if (failure := lost(error)) is not None:
            raise failure from error
        finder = _Finder(self)
        try:
            finder.run(*arguments)
        except _Exchange:
            return
        except Exception as found:
            if isinstance(found, errors.WorkbenchError):
                if not isinstance(error, errors.WorkbenchError):
                    raise found from error
                return
            if finder.at is not None and finder.at in self.origin:
                call = self.origin[finder.at]
                place = f"{call.location[-1]}: " if call.location else ""
                shown = shown_arguments(call.args, call.kwargs)
                if OUT_OF_RANGE.search(str(found)):
                    text = NO_INDEX.format(place=place, name=call.name, shown=shown, said=found)
                    raise errors.OutOfRangeError(text) from error
                error.add_note(
                    f"{place}while computing {call.name}({shown}), called with {finder.given}"
                )


class _Exchange(Exception):
    """Error that stops a repeated run before an exchange that other processes do not repeat."""


class _Finder(fx.Interpreter):
    """Interpreter that runs a program node by node to find the node that fails."""

    def __init__(self, program: Program) -> None:
        super().__init__(program.module)
        self.extra_traceback = False
        self.at: fx.Node | None = None
        self.given = ""

    def run_node(self, n: fx.Node) -> Any:
        self.at = n
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        self.given = shown_arguments(args, kwargs)
        if getattr(n.target, "exchanges", False):
            raise _Exchange
        return super().run_node(n)
