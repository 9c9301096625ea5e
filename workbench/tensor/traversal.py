"""Traversal and rewriting of graphs of variables.

All traversals are iterative, since a deep graph would exceed Python's recursion limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench import errors
from workbench.tensor import shapes
from workbench.tensor.call import apply
from workbench.tensor.inputs import as_variable
from workbench.tensor.structure import map_structure
from workbench.tensor.variable import Call, Variable, identity


def ancestors(variables: Iterable[Variable]) -> list[Variable]:
    """Return `variables` and all variables that they depend on, in topological order.

    Each variable comes after its inputs. Apart from this, variables are in the order of their first
    use.

    Examples
    --------
    >>> from workbench import tensor
    >>> x, y = tensor.scalar("x"), tensor.scalar("y")
    >>> ancestors([x * y + x])
    [x, y, mul, add]
    """
    order: dict[Variable, None] = {}
    for root in variables:
        stack = [root]
        while stack:
            variable = stack[-1]
            if variable in order:
                stack.pop()
                continue
            waiting = [v for v in inputs_of(variable) if v not in order]
            if waiting:
                stack.extend(reversed(waiting))
            else:
                order[variable] = None
                stack.pop()
    return list(order)


def inputs_of(variable: Variable) -> tuple[Variable, ...]:
    """Return the variables that `variable` directly depends on."""
    return variable.owner.inputs if variable.owner is not None else ()


def replace(
    outputs: Iterable[Variable], replacements: Mapping[Variable, Variable]
) -> dict[Variable, Variable]:
    """Rebuild `outputs` after replacing some of the variables that they depend on.

    Replacements may depend on each other. A replacement may also use the variable that it replaces
    (``{h: h * mask}``). Within the replacement, this variable keeps its original definition, which
    is rebuilt from replaced inputs.

    Returns
    -------
    dict
        The new versions of `outputs` and all variables that they depend on, keyed by the old
        versions. A variable that depends on no replaced variable is unchanged.

    Raises
    ------
    ShapeError, DtypeError
        If the shape or dtype of a replacement is invalid where the variable is used.
    ValueError
        If replacements depend on each other in a cycle.
    """
    rewriting = Rewriting(replacements)
    rewriting(outputs)
    return rewriting.found


class Rewriting:
    """Replacements to apply to several graphs, one after another.

    Subgraphs that the graphs have in common are rebuilt only once, and the new graphs share them.

    Parameters
    ----------
    replacements : dict of Variable to Variable, optional

    Examples
    --------
    >>> from workbench import tensor
    >>> x, y = tensor.scalar("x"), tensor.scalar("y")
    >>> doubled = Rewriting({x: y})
    >>> [cost], [rate] = doubled([x + 1]), doubled([x - 1])
    >>> ancestors([cost, rate])
    [y, add, sub]
    """

    def __init__(self, replacements: Mapping[Variable, Variable] | None = None) -> None:
        self._replacements: dict[Variable, Variable] = {}
        self._users: dict[Variable, set[Variable]] = {}
        self._done: dict[_Node, Variable] = {}
        self._calls: dict[tuple[Call, tuple[Variable, ...]], object] = {}
        self.add(replacements or {})

    def add(self, replacements: Mapping[Variable, Variable]) -> None:
        """Add replacements for the graphs that are rewritten later."""
        self._replacements.update(replacements)
        self._users.update({old: _dependent_on(old, new) for old, new in replacements.items()})

    def __call__(self, outputs: Iterable[Variable]) -> list[Variable]:
        """Return `outputs` with the replacements applied to their graphs."""
        outputs = list(outputs)
        pending: set[_Node] = set()
        for output in outputs:
            stack: list[_Node] = [(output, None)]
            while stack:
                node = stack[-1]
                if node in self._done:
                    stack.pop()
                    continue
                waiting = [other for other in self._needs(*node) if other not in self._done]
                if waiting:
                    if node in pending:
                        raise ValueError(
                            "replacements depend on each other in a cycle that contains "
                            f"{node[0]!r}; apply the replacements in separate calls"
                        )
                    pending.add(node)
                    stack.extend(reversed(waiting))
                else:
                    self._done[node] = self._finish(*node)
                    stack.pop()
        return [self._done[output, None] for output in outputs]

    @property
    def found(self) -> dict[Variable, Variable]:
        """The new version of every variable that has been visited, keyed by the variable."""
        return {variable: new for (variable, inside), new in self._done.items() if inside is None}

    def _needs(self, variable: Variable, inside: Variable | None) -> list[_Node]:
        """Return the nodes that must be rebuilt before the node ``(variable, inside)``."""
        if inside is None and variable in self._replacements:
            return [(self._replacements[variable], variable)]
        if self._passed(variable, inside):
            return [(variable, None)]
        deeper = None if variable is inside else inside
        return [(v, deeper) for v in inputs_of(variable)]

    def _passed(self, variable: Variable, inside: Variable | None) -> bool:
        """Return True if `variable`, part of the replacement of `inside`, does not use `inside`."""
        return inside is not None and variable is not inside and variable not in self._users[inside]

    def _finish(self, variable: Variable, inside: Variable | None) -> Variable:
        first = self._needs(variable, inside)
        if (inside is None and variable in self._replacements) or self._passed(variable, inside):
            return self._done[first[0]]
        new = {v: self._done[v, where] for v, where in first}
        return _rebuilt(variable, new, self._calls)


_Node = tuple[Variable, Variable | None]
"""A variable, and the replaced variable whose replacement contains it, if any."""


def _dependent_on(key: Variable, replacement: Variable) -> set[Variable]:
    """Return the variables in the graph of `replacement` that depend on `key`."""
    found = {key}
    for variable in ancestors([replacement]):
        if any(v in found for v in inputs_of(variable)):
            found.add(variable)
    return found if replacement in found else set()


def _rebuilt(
    variable: Variable,
    new: Mapping[Variable, Variable],
    calls: dict[tuple[Call, tuple[Variable, ...]], object],
) -> Variable:
    """Rebuild `variable` from `new` inputs, or return it unchanged if its inputs are unchanged.

    `calls` caches rebuilt calls, so that all outputs of a call come from one rebuilt call.
    """
    if all(old is replaced for old, replaced in new.items()):
        return variable
    call = variable.owner
    assert call is not None

    key = (call, tuple(new[v] for v in call.inputs))
    if key not in calls:
        leaves = [
            new.get(leaf, leaf) if isinstance(leaf, Variable) else leaf for leaf in call.leaves
        ]
        calls[key] = _reapplied(call, leaves, new)
    copy = _nth(calls[key], variable.index)
    copy.name = variable.name
    copy.tag = variable.tag.copy()
    copy.hooks = list(variable.hooks)
    return copy


def _reapplied(call: Call, leaves: list[object], new: Mapping[Variable, Variable]) -> object:
    """Apply `call` to new `leaves`; `new` maps the inputs of `call` to their replacements."""
    if call.function is identity:
        copied = call.on(leaves)
        return copied.give(copied.inputs[0].fake)
    token = errors.location.set(call.location)
    try:
        again = call.on(leaves)
        # If no shape changes, copy the known result, since inference is the slow step of a rewrite.
        if all(shapes.alike(v.fake, new[v].fake) for v in call.inputs):
            inputs = [v.fake for v in call.inputs]
            fakes = shapes.repeated([v.fake for v in call.outputs], inputs)
            if fakes is not None:
                found = iter(fakes)
                result = map_structure(
                    lambda leaf: next(found) if isinstance(leaf, Variable) else leaf, call.structure
                )
                return again.give(result)
        return apply(call.function, again.args, again.kwargs)
    finally:
        errors.location.reset(token)


def _nth(structure: object, index: int) -> Variable:
    """Return the output with the given index from the nested result of a call."""
    found: list[Variable] = []
    map_structure(
        lambda leaf: found.append(leaf) if isinstance(leaf, Variable) else None, structure
    )
    if index < len(found):
        return found[index]
    # The output is a size that has become known, so return a constant.
    value = structure if isinstance(structure, int) else shapes.known(structure)  # type: ignore[arg-type]
    return as_variable(value)
