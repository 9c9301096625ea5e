"""The names that code binds and reads, without the local names of functions and comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


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
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif not isinstance(node, (*COMPREHENSIONS, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def read(code: ast.AST, omitted: Callable[[ast.AST], bool] = lambda node: False) -> Iterator[str]:
    """Yield the names that code reads, except in the parts that `omitted` accepts.

    Examples
    --------
    >>> list(read(ast.parse("squares = [n * n for n in numbers]")))
    ['numbers']
    """
    waiting: list[tuple[ast.AST, frozenset[str]]] = [(code, frozenset())]
    while waiting:
        node, local = waiting.pop()
        if omitted(node):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in local:
            yield node.id
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, COMPREHENSIONS):  # the first iterable belongs to the code around it
            first = node.generators[0]
            waiting.append((first.iter, local))
            children = [child for child in children if child is not first]
            children += [first.target, *first.ifs]
        if isinstance(node, (*DEFINITIONS, *COMPREHENSIONS, ast.Lambda)):
            local |= _local(node)
        waiting.extend((child, local) for child in children)


def _local(scope: ast.AST) -> set[str]:
    nodes = list(ast.walk(scope))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    stored = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}
