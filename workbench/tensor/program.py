"""Programs: what graphs of variables are lowered to.

A `Program` is a pure function: it takes inputs and the tensors of shared variables, and gives
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
from workbench.tensor.indexing import LOOKED_AT
from workbench.tensor.limits import LIMITS
from workbench.tensor.printing import shown_arguments
from workbench.tensor.probabilities import CHECKS
from workbench.tensor.shared import SharedVariable
from workbench.tensor.variable import Call, Variable

LOOK = LIMITED | CHECKS | LOOKED_AT | frozenset(LIMITS.values())

OUT_OF_RANGE = re.compile(r"out of (range|bounds)|Class values must be|class with negative", re.I)
"""Pattern of torch's errors about an index or a class that does not exist."""
NO_INDEX = (
    "{place}{name}({shown}): {said}; every index, and every class, must exist in what it chooses "
    "from, so look at the largest and smallest ones in the data"
)

instead: ContextVar[Callable[..., list[torch.Tensor]] | None] = ContextVar("instead", default=None)
"""Function that a loop calls in place of running itself, while it is traced."""


@dataclass
class Program:
    """A lowered graph.

    Attributes
    ----------
    graph : torch.fx.Graph
        Takes `inputs`, the tensors of `shared`, then the autograd leaves of `leaves`; gives the
        outputs followed by the new values. Nodes that are tensors have a fake one like their value
        as ``meta["fake"]``.
    constants : dict
        What the graph refers to by name.
    inputs : list of Variable
    shared, leaves : list of SharedVariable
        Leaves are those that a gradient is taken with respect to.
    origin : dict
        The call and variables behind each fx node, for errors.
    hooked : bool
        Whether hooks look at values; see `workbench.tensor.put_hook`.
    copies : list of int
        Which new values are copies, because they are what another place holds.
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
        """The graph as code."""
        return fx.GraphModule(self.constants, self.graph)

    @cached_property
    def limited(self) -> bool:
        """True if a result that is NaN deserves a second look."""
        return any(node.target in LOOK for node in self.graph.nodes)

    def look(self, arguments: Sequence[Any]) -> None:
        """Run operation by operation on `arguments`, so that what looks at values can raise.

        Raises
        ------
        DomainError, OutOfRangeError
            If there are values for which a function is not defined.
        """
        try:
            _Finder(self).run(*arguments)
        except (errors.DomainError, errors.OutOfRangeError):
            raise
        except Exception:  # of which the program itself said nothing
            return

    def explain(self, arguments: Sequence[Any], error: Exception) -> None:
        """Find the call that fails on `arguments` and note on `error` where it stands.

        Raises
        ------
        WorkbenchError
            If the call itself can say better what is wrong.
        """
        finder = _Finder(self)
        try:
            finder.run(*arguments)
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
                    f"{place}while computing {call.name}({shown}); it was given {finder.given}"
                )


class _Finder(fx.Interpreter):
    """Runs a program node by node to learn which node fails, and on what."""

    def __init__(self, program: Program) -> None:
        super().__init__(program.module)
        self.extra_traceback = False
        self.at: fx.Node | None = None
        self.given = ""

    def run_node(self, n: fx.Node) -> Any:
        self.at = n
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        self.given = shown_arguments(args, kwargs)
        return super().run_node(n)
