"""Walking graphs of variables and rewriting them: iterative, so that depth does not matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench import errors
from workbench.tensor import shapes
from workbench.tensor.structure import map_structure
from workbench.tensor.variable import Call, Variable, apply, call_giving, identity


def ancestors(variables: Iterable[Variable]) -> list[Variable]:
    """Everything that `variables` are computed from, and they themselves, in topological order.

    Each variable comes after all those it depends on; otherwise in the order of first use.

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
    """The variables that `variable` is computed from directly."""
    return variable.owner.inputs if variable.owner is not None else ()


def replace(
    outputs: Iterable[Variable], replacements: Mapping[Variable, Variable]
) -> dict[Variable, Variable]:
    """Rebuild `outputs` with some variables replaced by others.

    Replacements may depend on each other, and a replacement may use the variable that it replaces
    (``{h: h * mask}``): within it, the variable stands for its own original definition, rebuilt
    from replaced inputs.

    Returns
    -------
    dict
        For every variable that `outputs` depend on, and `outputs` themselves: its new version,
        which is the very same object where nothing before it changed.

    Raises
    ------
    ShapeError, DtypeError
        If a replacement does not fit into its place.
    ValueError
        If replacements depend on each other in a circle.
    """
    outputs = list(outputs)
    users = {key: _dependent_on(key, replacements[key]) for key in replacements}
    done: dict[tuple[Variable, Variable | None], Variable] = {}
    pending: set[tuple[Variable, Variable | None]] = set()
    calls: dict[tuple[Call, tuple[Variable, ...]], object] = {}

    def needs(
        variable: Variable, inside: Variable | None
    ) -> list[tuple[Variable, Variable | None]]:
        """The (variable, replacement it occurs in) pairs to rebuild first."""
        if inside is None and variable in replacements:
            return [(replacements[variable], variable)]
        if inside is not None and variable is not inside and variable not in users[inside]:
            return [(variable, None)]
        deeper = None if variable is inside else inside
        return [(v, deeper) for v in inputs_of(variable)]

    def finish(variable: Variable, inside: Variable | None) -> Variable:
        first = needs(variable, inside)
        substituted = inside is None and variable in replacements
        passed = inside is not None and variable is not inside and variable not in users[inside]
        if substituted or passed:
            return done[first[0]]
        return _rebuilt(variable, {v: done[v, where] for v, where in first}, calls)

    for output in outputs:
        stack: list[tuple[Variable, Variable | None]] = [(output, None)]
        while stack:
            node = stack[-1]
            if node in done:
                stack.pop()
                continue
            waiting = [other for other in needs(*node) if other not in done]
            if waiting:
                if node in pending:
                    raise ValueError(
                        f"replacements depend on each other in a circle that contains {node[0]!r}; "
                        "replace one after the other"
                    )
                pending.add(node)
                stack.extend(reversed(waiting))
            else:
                done[node] = finish(*node)
                stack.pop()
    return {variable: new for (variable, inside), new in done.items() if inside is None}


def _dependent_on(key: Variable, replacement: Variable) -> set[Variable]:
    """The variables of `replacement`'s graph that are computed from `key`."""
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
    """`variable` computed from `new` inputs; itself where they are the old ones.

    `calls` remembers what was rebuilt, so that the outputs of one call stay outputs of one call.
    """
    if all(old is replaced for old, replaced in new.items()):
        return variable
    call = variable.owner
    assert call is not None

    def exchange(leaf: object) -> object:
        return new.get(leaf, leaf) if isinstance(leaf, Variable) else leaf

    key = (call, tuple(new[v] for v in call.inputs))
    if key not in calls:
        args, kwargs = map_structure(exchange, (call.args, call.kwargs))
        if call.function is identity:
            calls[key] = call_giving(args[0].fake, identity, args, {})
        else:
            calls[key] = _reapplied(call, args, kwargs)
    copy = _nth(calls[key], variable.index)
    copy.name = variable.name
    copy.tag = variable.tag.copy()
    copy.hooks = list(variable.hooks)
    return copy


def _reapplied(call: Call, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    token = errors.location.set(call.location)
    try:
        return apply(call.function, args, kwargs)
    finally:
        errors.location.reset(token)


def _nth(structure: object, index: int) -> Variable:
    """The output of a call at `index`."""
    found: list[Variable] = []
    map_structure(
        lambda leaf: found.append(leaf) if isinstance(leaf, Variable) else None, structure
    )
    if index < len(found):
        return found[index]
    # A size that became known: a constant takes its place.
    from workbench.tensor.inputs import as_variable

    value = structure if isinstance(structure, int) else shapes.known(structure)  # type: ignore[arg-type]
    return as_variable(value)
