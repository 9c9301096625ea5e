"""Rules that lowered programs must satisfy, before and after rewrites."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import fx

from workbench import errors
from workbench.hints import hinted
from workbench.tensor import recalling, shapes
from workbench.tensor import torch_internals as internals
from workbench.tensor.call import Operation
from workbench.tensor.checks.fault import Fault, Found, broken, disagree
from workbench.tensor.checks.graph import IN_PLACE, check_graph
from workbench.tensor.lowering import METHODS, _differentiate, _require_grad
from workbench.tensor.program import Program
from workbench.tensor.refusals import changes_in_place
from workbench.tensor.shared import SharedVariable
from workbench.tensor.structure import map_structure
from workbench.tensor.variable import Call, Variable


class _Lowered:
    """The graph of a program, before or after a rewrite, and the inferred values of its nodes."""

    def __init__(
        self, program: Program, updated: Sequence[SharedVariable], graph: fx.Graph | None
    ) -> None:
        self.program, self.updated = program, updated
        self.graph = program.graph if graph is None else graph
        self.nodes = list(self.graph.nodes)
        self.arguments = [*program.inputs, *program.shared, *program.leaves]

    def place(self, node: fx.Node) -> str:
        """Return the name of the brick application that created a node, or an empty string."""
        call = self._origin.get(node.name)
        return call.location[-1] if call is not None and call.location else ""

    @cached_property
    def _origin(self) -> dict[str, Call]:
        """The call that created each node, keyed by the node's name; a rewrite copies nodes."""
        return {node.name: call for node, call in self.program.origin.items()}

    @cached_property
    def results(self) -> list[Any]:
        """The nodes that compute the results of the program."""
        given: Any = self.graph.output_node().args[0]
        return list(given)

    @cached_property
    def values(self) -> dict[fx.Node, Any]:
        """The inferred value of every node, or None if it cannot be inferred."""
        values: dict[fx.Node, Any] = {}
        variables = iter(self.arguments)
        self.refused: dict[fx.Node, str] = {}
        for node in self.nodes:
            if node.op == "placeholder":
                values[node] = next(variables).fake
            elif node.op == "get_attr":
                values[node] = self.program.constants[str(node.target)]
            elif node.op != "output":
                values[node] = self._value(node, values)
        return values

    def _value(self, node: fx.Node, values: Mapping[fx.Node, Any]) -> Any:
        known = node.meta.get("fake")
        if any(values[n] is None for n in node.all_input_nodes):
            return known
        args, kwargs = map_structure(
            lambda leaf: values[leaf] if isinstance(leaf, fx.Node) else leaf,
            (tuple(node.args), dict(node.kwargs)),
        )
        function: Any = node.target
        if node.op == "call_method":
            function = METHODS[str(node.target)]
        if function is _differentiate:
            return [shapes.empty_like(one) for one in args[2]]
        if function is _require_grad:
            return args[0]
        if function is operator.getitem and isinstance(args[0], (list, tuple)):
            return args[0][args[1]]
        if _has_effects(node):
            return None
        try:
            if isinstance(function, Operation):
                return function.infer(*args, **kwargs)
            return recalling.infer(function, args, kwargs, lambda: "its arguments")
        except (errors.ShapeError, errors.DtypeError) as error:
            self.refused[node] = str(error)
        except Exception:  # the shape depends on values
            return known
        return known


def _has_effects(node: fx.Node) -> bool:
    """Return True for nodes that are called for their side effects: hooks, modes and updates."""
    name = getattr(node.target, "__name__", "")
    return node.target is internals.set_grad_enabled or name == "run_hook" or _changes(node)


def _changes(node: fx.Node) -> bool:
    """Return True if a node changes one of its arguments in place."""
    if node.op not in ("call_function", "call_method"):
        return False
    target: Any = node.target
    if node.op == "call_method":
        return bool(target.endswith("_") and not target.endswith("__"))
    if isinstance(target, internals.OpOverload):
        return bool(target._schema.is_mutable)
    return target in IN_PLACE or changes_in_place(target) or node.kwargs.get("out") is not None


def in_order(lowered: Any) -> Found:
    """Find nodes that use the result of a later node."""
    seen: set[fx.Node] = set()
    for node in lowered.nodes:
        late = [n.name for n in node.all_input_nodes if n not in seen]
        if late:
            yield node, f"it uses values that are missing or computed later: {', '.join(late)}"
        seen.add(node)


def _placeholders_match(lowered: _Lowered) -> Found:
    placeholders = [node for node in lowered.nodes if node.op == "placeholder"]
    if len(placeholders) != len(lowered.arguments):
        yield (
            lowered.graph.output_node(),
            f"the number of placeholders is {len(placeholders)}, not {len(lowered.arguments)}",
        )
        return
    for node, variable in zip(placeholders, lowered.arguments, strict=True):
        if not variable.is_number and node.meta.get("fake") is not variable.fake:
            yield node, f"it is not the placeholder of {variable!r}"


def _constants_there(lowered: _Lowered) -> Found:
    for node in lowered.nodes:
        if node.op == "get_attr" and node.target not in lowered.program.constants:
            yield node, f"there is no {node.target}"


def _pure(lowered: _Lowered) -> Found:
    for node in lowered.nodes:
        if _changes(node):
            yield node, f"it changes {node.args[0]}" if node.args else "it changes an argument"


def _used(lowered: Any) -> Found:
    for node in lowered.nodes:
        idle = node.op.startswith("call") and not node.users and not _has_effects(node)
        # One of several results may be unused.
        if idle and node.target is not operator.getitem:
            yield node, "no node uses it"


def _autograd_off(lowered: _Lowered) -> Found:
    switches = [node for node in lowered.nodes if node.target is internals.set_grad_enabled]
    if switches and switches[-1].args != (False,):
        yield switches[-1], "autograd remains on"


def _as_inferred(lowered: _Lowered) -> Found:
    for node, value in lowered.values.items():
        if node in lowered.refused:
            yield node, f"its inputs are incompatible ({lowered.refused[node]})"
        elif difference := disagree(node.meta.get("fake"), value):
            yield node, difference


def _news_fit(lowered: _Lowered) -> Found:
    news = lowered.results[len(lowered.results) - len(lowered.updated) :]
    for node, variable in zip(news, lowered.updated, strict=False):
        if difference := disagree(lowered.values[node], variable.fake):
            yield node, f"as the new value of {variable!r}, {difference}"
    if len(news) != len(lowered.updated):
        count = f"{len(news)}, not {len(lowered.updated)}"
        yield lowered.graph.output_node(), f"the number of new values is {count}"


def _own_storage(lowered: _Lowered) -> Found:
    held = {
        internals.storage_of(variable.fake): repr(variable)
        for variable in lowered.arguments
        if not variable.is_number
    }
    for node in lowered.results:
        value = lowered.values[node]
        if not isinstance(value, torch.Tensor):
            continue
        storage = internals.storage_of(value)
        if storage in held:
            yield node, f"it shares memory with {held[storage]}"
        held[storage] = node.name


PROGRAM: dict[str, Callable[[_Lowered], Found]] = {
    "the inputs of a node must be computed before the node": in_order,
    "placeholders must be the inputs, shared variables and leaves, in order": _placeholders_match,
    "a constant must be listed in the constants of the program": _constants_there,
    "no node may change its arguments in place": _pure,
    "a node must be used, unless it has side effects": _used,
    "autograd must be off at the end": _autograd_off,
    "shapes and dtypes must be as inferred": _as_inferred,
    "a new value must have the shape and dtype of its shared variable": _news_fit,
    "a result must not share memory with an argument or another result": _own_storage,
}
"""Rules for lowered programs, each with a function that finds the offending nodes."""

REWRITTEN = {
    rule: PROGRAM[rule] for rule in PROGRAM if PROGRAM[rule] not in (_own_storage, _news_fit)
}
"""Rules that also hold for rewritten programs, which may omit the last operation of an update."""


@hinted
def check_program(program: Program, updated: Sequence[SharedVariable] = ()) -> list[Fault]:
    """Check a lowered program.

    Parameters
    ----------
    program : Program
    updated : sequence of SharedVariable
        The shared variables whose new values are the last results.

    Returns
    -------
    list of Fault

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.tensor.lowering import lower
    >>> x = tensor.vector("x")
    >>> check_program(lower([x], [x * 2]))
    []
    """
    return broken(_Lowered(program, updated, None), PROGRAM)


@hinted
def check_rewritten(program: Program, graph: fx.Graph) -> list[Fault]:
    """Check `graph`, a rewritten version of a program.

    Returns
    -------
    list of Fault

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.tensor.lowering import lower
    >>> x = tensor.vector("x")
    >>> program = lower([x], [x * 2])
    >>> check_rewritten(program, program.graph)
    []
    """
    return broken(_Lowered(program, (), graph), REWRITTEN)


@hinted
def check_all(
    program: Program, outputs: Sequence[Variable], updated: Sequence[SharedVariable] = ()
) -> list[Fault]:
    """Check a program and the graph of variables that it was lowered from.

    Returns
    -------
    list of Fault

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.tensor.lowering import lower
    >>> x = tensor.vector("x")
    >>> y = x * 2
    >>> check_all(lower([x], [y]), [y])
    []
    """
    made = [variable for call in program.origin.values() for variable in call.outputs]
    return check_graph([*outputs, *made]) or check_program(program, updated)
