"""Functions and classes that code defines, and what they change when they are called.

Functions are not executed. A call is treated as if it made all changes in the body of the function,
in the functions defined there, and in the functions that these mention. If the arguments of a call
are unknown, as in ``map(change, layers)``, each argument may be any object named in the call.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from workbench.builder import scopes
from workbench.builder.scopes import Changed


@dataclass(frozen=True, eq=False)
class Mention:
    """Mention of a function in code.

    Attributes
    ----------
    function : str or Lambda
    given : tuple of (set of str) or None
        The names in each positional argument. None if the arguments are unknown.
    named : dict of str to (set of str)
        The names in each keyword argument.
    everything : frozenset of str
        The names in all arguments.
    line : int
    """

    function: str | ast.Lambda
    given: tuple[frozenset[str], ...] | None
    named: dict[str, frozenset[str]]
    everything: frozenset[str]
    line: int = 0


@dataclass(frozen=True, eq=False)
class Function:
    """Function, lambda or method, with the functions in its body.

    Attributes
    ----------
    owner : str
        The first parameter of a method, otherwise an empty string.
    parameters : tuple of str
        The positional parameters, without `owner`.
    local : frozenset of str
    declared : frozenset of str
        The names that are declared to be global.
    reads : frozenset of str
        The names that are not local.
    changes : tuple of Changed
    mentions : tuple of Mention
    returns_functions : bool
        True if the result of a call can contain a function, or is an object with methods.
    """

    owner: str
    parameters: tuple[str, ...]
    local: frozenset[str]
    declared: frozenset[str]
    reads: frozenset[str]
    changes: tuple[Changed, ...]
    mentions: tuple[Mention, ...]
    returns_functions: bool


def defined(code: ast.AST) -> Iterator[Function]:
    """Yield the functions, methods and lambdas that a statement defines."""
    waiting: list[tuple[ast.AST, bool]] = [(code, False)]
    while waiting:
        node, method = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield function(node, method=method)
            continue
        inside = isinstance(node, ast.ClassDef)
        waiting.extend((child, inside) for child in ast.iter_child_nodes(node))


def function(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, *, method: bool = False
) -> Function:
    """Create a `Function` from a definition or a lambda."""
    parts = list(ast.walk(node))
    body = node.body if isinstance(node.body, list) else [node.body]
    names = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
    owner = names[0] if method and names and isinstance(node, ast.FunctionDef) else ""
    declared = {name for part in parts if isinstance(part, ast.Global) for name in part.names}
    local = {part.arg for part in parts if isinstance(part, ast.arg)}
    local |= {
        part.id
        for part in parts
        if isinstance(part, ast.Name) and isinstance(part.ctx, (ast.Store, ast.Del))
    }
    local |= {part.name for part in parts if isinstance(part, scopes.DEFINITIONS) if part != node}
    changes = {(c.attribute, c.through, ast.dump(c.root)): c for c in scopes.changed(node, True)}
    kinds = (*scopes.DEFINITIONS, ast.Lambda)
    return Function(
        owner=owner,
        parameters=tuple(names[1:] if owner else names),
        local=frozenset(local - declared),
        declared=frozenset(declared),
        reads=frozenset(_names(body) - (local - declared)),
        changes=tuple(changes.values()),
        mentions=tuple(one for part in body for one in mentions(part, inside=True)),
        returns_functions=method or any(isinstance(one, kinds) for one in parts if one != node),
    )


def mentions(code: ast.AST, *, inside: bool = False) -> Iterator[Mention]:
    """Yield the names and lambdas in code that is executed, with the calls that contain them.

    The bodies of functions are included only if `inside` is True.
    """
    waiting: list[tuple[ast.AST, Mention]] = [(code, Mention("", None, {}, frozenset()))]
    found: dict[tuple[str, frozenset[str]], Mention] = {}
    while waiting:
        node, around = waiting.pop()
        if isinstance(node, ast.Lambda) and not inside:
            yield replace(around, function=node, given=None, line=node.lineno)
        elif isinstance(node, ast.Call):
            call = _call(node)
            parts = [*node.args, *(one.value for one in node.keywords)]
            waiting.extend((part, call) for part in parts)
            if isinstance(node.func, ast.Name):
                yield replace(call, function=node.func.id)
            else:
                waiting.append((node.func, call))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            key = (node.id, around.everything)
            found[key] = replace(around, function=node.id, given=None, line=node.lineno)
        elif inside or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting.extend((child, around) for child in ast.iter_child_nodes(node))
    yield from found.values()


def _call(node: ast.Call) -> Mention:
    unpacked = any(isinstance(one, ast.Starred) for one in node.args)
    unpacked = unpacked or any(one.arg is None for one in node.keywords)
    named = {one.arg: _names([one.value]) for one in node.keywords if one.arg is not None}
    given = tuple(_names([one]) for one in node.args)
    owner = _names([node.func]) if isinstance(node.func, ast.Attribute) else frozenset()
    everything = frozenset(owner.union(*given, *(_names([one.value]) for one in node.keywords)))
    return Mention("", None if unpacked else given, named, everything, node.lineno)


def _names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    parts = (part for node in nodes for part in ast.walk(node))
    return frozenset(one.id for one in parts if isinstance(one, ast.Name))


class Reached:
    """Functions that a statement calls, directly or through other functions, when it is executed.

    Parameters
    ----------
    statement : stmt
    functions_of : callable
        Returns the functions that a global name can refer to.
    is_of_model : callable
        Returns True if the value of a global name contains a part of the model.

    Attributes
    ----------
    arguments : dict of Function to dict of str to (frozenset of str)
        The names that each parameter of a function can refer to. The key ``""`` stands for any
        local name.
    returned : list of Function
        The functions that the results of the statement can contain.
    """

    def __init__(
        self,
        statement: ast.stmt,
        functions_of: Callable[[str], Iterable[Function]],
        is_of_model: Callable[[str], bool],
    ) -> None:
        self.arguments: dict[Function, dict[str, frozenset[str]]] = {}
        self.returned = list(defined(statement))
        self._functions_of, self._is_of_model = functions_of, is_of_model
        self._lines: dict[Function, int] = {}
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return
        waiting: list[Function] = []
        for one in mentions(statement):
            for called in self._called(one):
                if one.given is None or called.returns_functions:
                    self.returned.append(called)
                self._lines.setdefault(called, one.line)
                self._call(called, one, frozenset, waiting)
        while waiting:
            caller = waiting.pop()
            for one in caller.mentions:
                for called in self._called(one):
                    self._lines.setdefault(called, self._lines[caller])
                    self._call(called, one, partial(self.meant, caller), waiting)

    def _called(self, mention: Mention) -> Iterable[Function]:
        if isinstance(mention.function, ast.Lambda):
            return (function(mention.function),)
        return self._functions_of(mention.function)

    def _call(
        self,
        called: Function,
        mention: Mention,
        meant: Callable[[frozenset[str]], frozenset[str]],
        waiting: list[Function],
    ) -> None:
        everything = meant(mention.everything)
        if mention.given is None or called.owner:
            new = dict.fromkeys(called.parameters, everything)
        else:
            given = dict(zip(called.parameters, mention.given, strict=False)) | mention.named
            new = {name: meant(names) for name, names in given.items()}
        new[""] = everything | set(filter(self._is_of_model, called.reads))
        old = self.arguments.get(called, {})
        merged = old | {name: names | old.get(name, frozenset()) for name, names in new.items()}
        if merged != old:  # always true when a function is first called
            self.arguments[called] = merged
            waiting.append(called)

    def meant(self, function: Function, names: frozenset[str]) -> frozenset[str]:
        """Return the global names that names in the body of a function can refer to."""
        arguments = self.arguments[function]
        return frozenset().union(
            *(
                arguments.get(name, arguments[""] if name in function.local else {name})
                for name in names
            )
        )

    def declared(self) -> set[str]:
        """Return the global names that the functions assign."""
        return {name for function in self.arguments for name in function.declared}

    def reads(self) -> set[str]:
        """Return the global names that the functions read."""
        return {name for function in self.arguments for name in function.reads}

    def changes(self) -> Iterator[Changed]:
        """Yield each change that a function makes to a global name, with the line of the call."""
        for called, arguments in self.arguments.items():
            for change in called.changes:
                if not isinstance(change.root, ast.Name):
                    continue
                name = change.root.id
                if name == called.owner and not change.through:
                    continue  # an attribute of a new object
                hidden = name in called.local and name not in arguments
                if hidden and change.attribute in ("", "name"):
                    continue
                meant = self.meant(called, frozenset({name}))
                for one in sorted(meant, key=lambda one: (not self._is_of_model(one), one)):
                    yield replace(change, line=self._lines[called], root=ast.Name(one, ast.Load()))
