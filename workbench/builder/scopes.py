"""The names that code binds and reads, and the objects that it changes.

Local names of functions and comprehensions are not included.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LOOPS = (ast.For, ast.AsyncFor, ast.While)

MUTATING = frozenset(
    "add append clear discard extend insert pop popitem remove reverse setdefault shuffle sort "
    "update".split()
)
"""Names of methods that change a list, dictionary or set."""

ANY = "*"
"""The attribute of a change whose attribute is unknown, as in ``setattr(net, name, value)``."""

SETTERS = ("setattr", "delattr")
METHODS = ("__setattr__", "__delattr__")


@dataclass(frozen=True)
class Changed:
    """An object that code changes.

    Attributes
    ----------
    line : int
    root : ast.expr
        The expression, usually a name, from which the code reaches the object.
    attribute : str
        The last attribute in the code; for ``net.children[0].name = "a"`` and
        ``net.children.append(a)``, it is ``name`` and ``children``. Empty for an element, and `ANY`
        if it is unknown.
    through : bool
        True if the object is an element of another, or is reached through several attributes.
    """

    line: int
    root: ast.expr
    attribute: str
    through: bool = False


def bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds.

    Examples
    --------
    >>> list(bound(ast.parse("squares = [n * n for n in numbers]").body[0]))
    ['squares']
    """
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, DEFINITIONS):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, COMPREHENSIONS):  # only ``:=`` binds names outside of them
            inside = [part for part in ast.walk(node) if isinstance(part, ast.NamedExpr)]
            waiting.extend(part.target for part in inside)
        elif not isinstance(node, ast.Lambda):
            if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
                yield node.name
            waiting.extend(ast.iter_child_nodes(node))


def read(code: ast.AST, omitted: Callable[[ast.AST], bool] = lambda node: False) -> Iterator[str]:
    """Yield the names that code reads, except in the parts that `omitted` accepts.

    Examples
    --------
    >>> list(read(ast.parse("squares = [n * n for n in numbers]")))
    ['numbers']
    """
    waiting: list[tuple[ast.AST, _Scope | None]] = [(code, None)]
    while waiting:
        node, local = waiting.pop()
        if omitted(node):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if not _is_local(node.id, local):
                yield node.id
        elif (
            isinstance(node, ast.AugAssign)
            and isinstance(node.target, ast.Name)
            and not _is_local(node.target.id, local)
        ):
            yield node.target.id
        done: ast.AST | None = None
        if isinstance(node, COMPREHENSIONS):  # the first iterable belongs to the code around it
            done = first = node.generators[0]
            waiting.append((first.iter, local))
            local = _Scope(dict.fromkeys(_local(node), -1), 0, local)
            waiting += [(test, local) for test in first.ifs]
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            done = node.iter
            waiting.append((node.iter, local))
            local = _Scope(dict.fromkeys(_stored(node.target), -1), 0, local)
        elif isinstance(node, (*DEFINITIONS, ast.Lambda)):
            local = _Scope(dict.fromkeys(_local(node), -1), 0, local)
        for _, field in ast.iter_fields(node):
            names: dict[str, int] = {}
            held: set[str] = set()
            parts = [one for one in (field if isinstance(field, list) else [field]) if one != done]
            for place, child in enumerate(parts):
                if isinstance(child, (ast.Assign, ast.AnnAssign)):
                    for name in _stored(child):
                        names.setdefault(name, place)
                elif isinstance(child, ast.withitem):
                    held |= _stored(child)
            for place, child in enumerate(parts):
                if isinstance(child, ast.AST):
                    waiting.append((child, _Scope(names, place, local) if names else local))
            if held:
                local = _Scope(dict.fromkeys(held, -1), 0, local)


class _Scope(NamedTuple):
    """Names bound in a block, with the index of each binding statement, and the current index."""

    names: dict[str, int]
    place: int
    outer: _Scope | None


def _is_local(name: str, scope: _Scope | None) -> bool:
    """Return True if a name is bound earlier in a block, or in a block around it."""
    while scope is not None:
        if scope.names.get(name, scope.place) < scope.place:
            return True
        scope = scope.outer
    return False


def _stored(code: ast.AST) -> set[str]:
    """Return the names that code assigns, without names that it only deletes."""
    names = [node for node in ast.walk(code) if isinstance(node, ast.Name)]
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _local(scope: ast.AST) -> set[str]:
    nodes = list(ast.walk(scope))
    declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    return (_stored(scope) | {node.arg for node in nodes if isinstance(node, ast.arg)}) - declared


def changed(code: ast.AST, inside: bool = False) -> Iterator[Changed]:
    r"""Yield the objects that code changes by assignment, deletion or methods such as ``append``.

    Changes in functions that the code defines are yielded only if `inside` is True.

    Examples
    --------
    >>> code = "for layer in layers:\n    layer.seed = 3\nnet.children.append(layer)"
    >>> [(one.line, one.attribute) for one in changed(ast.parse(code))]
    [(2, 'seed'), (3, 'children')]
    """
    waiting: list[ast.AST] = [code]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*DEFINITIONS, ast.Lambda)) and not (inside or node is code):
            continue
        waiting.extend(reversed(list(ast.iter_child_nodes(node))))
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del(), attr=attribute):
                yield Changed(node.lineno, root(node), attribute, _is_through(node))
            case ast.Subscript(ctx=ast.Store() | ast.Del(), value=owner):
                yield Changed(node.lineno, root(owner), last_attribute(owner), _is_through(owner))
            case ast.Call(func=ast.Name(function), args=[owner, *names]) if function in SETTERS:
                yield _set(node, owner, names)
            case ast.Call(func=ast.Attribute(attr=function), args=names) if function in METHODS:
                count = len(names) - (function == "__setattr__")  # without the value
                own = count != 2  # otherwise ``object.__setattr__(owner, name, value)``
                yield _set(node, node.func.value, names) if own else _set(node, names[0], names[1:])
            case ast.AugAssign(target=ast.Name() as owner):
                yield Changed(node.lineno, owner, "")
            case ast.Call(func=ast.Attribute(attr="shuffle"), args=[owner, *_]):
                yield Changed(node.lineno, root(owner), last_attribute(owner), _is_through(owner))
            case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in MUTATING:
                yield Changed(node.lineno, root(owner), last_attribute(owner), _is_through(owner))

        if isinstance(node, ast.Call):  # of ``map(setattr, layers, names, values)``
            given = [*node.args, *(one.value for one in node.keywords)]
            if any(isinstance(one, ast.Name) and one.id in SETTERS for one in given):
                for one in (part for argument in given for part in ast.walk(argument)):
                    if isinstance(one, ast.Name) and one.id not in SETTERS:
                        yield Changed(node.lineno, one, ANY, through=True)


def _set(call: ast.Call, owner: ast.expr, names: list[ast.expr]) -> Changed:
    """Return the change that a call makes to the attribute of `owner` whose name is first."""
    known = bool(names) and isinstance(names[0], ast.Constant)
    name = str(names[0].value) if known else ANY
    return Changed(call.lineno, root(owner), name, not isinstance(owner, ast.Name))


def _is_through(node: ast.expr) -> bool:
    return not isinstance(node.value if isinstance(node, ast.Attribute) else node, ast.Name)


def root(node: ast.expr) -> ast.expr:
    """Return an expression without attributes, indices and calls: ``net`` for ``net.layers[0]``.

    The result is also ``net`` for ``vars(net)``.
    """
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        if isinstance(node, ast.Call):
            node = node.args[0] if _is_vars(node) else node.func
        else:
            node = node.value
    return node


def _is_vars(node: ast.expr) -> TypeGuard[ast.Call]:
    """Return True for ``vars(owner)``, which is ``owner.__dict__``."""
    return isinstance(node, ast.Call) and bool(node.args) and (
        isinstance(node.func, ast.Name) and node.func.id == "vars"
    )  # fmt: skip


def last_attribute(node: ast.expr) -> str:
    """Return the last attribute in an expression, or an empty string if there is none."""
    while isinstance(node, (ast.Subscript, ast.Call)):
        if _is_vars(node):
            return "__dict__"
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else ""


def leaving(statement: ast.stmt) -> ast.Break | ast.Continue | None:
    """Return a ``break`` or ``continue`` that leaves a loop around the statement, or None."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Break, ast.Continue)):
            return node
        if isinstance(node, LOOPS):
            waiting.extend(node.orelse)
        elif not isinstance(node, DEFINITIONS):
            waiting.extend(ast.iter_child_nodes(node))
    return None
