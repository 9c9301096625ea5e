"""Evaluation of expressions in code that builds a model, and assignment of their values."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, ItemsView, Iterator, KeysView, Sequence, ValuesView
from types import BuiltinMethodType
from typing import Any

from workbench.bricks import BoundApplication, Brick
from workbench.builder import scopes, selections
from workbench.builder.arithmetic import (
    ELEMENTS,
    LONGEST,
    MOST,
    ON_VARIABLES,
    OPERATORS,
    limited,
)
from workbench.builder.names import (
    INPUTS,
    KEYWORDS,
    SELECTIONS,
    Opaque,
    Reference,
    Unreadable,
    calls,
    check_exists,
    resolved,
    without_variables,
)
from workbench.builder.objects import Objects
from workbench.builder.operations import Operation, flat
from workbench.errors import BuilderError
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph
from workbench.tensor import Variable

DATA = ("dtype", "eval", "get_value", "name", "ndim", "shape")
"""Attributes and methods of a variable that return data rather than variables."""


PLAIN = frozenset({bool, float, int, str, type(None)})

COMPARING = ("all", "any", "max", "min", "sorted", "str")
"""Python functions whose results depend on the elements of lists."""


class Expressions:
    """Evaluator that computes expressions and stores the values of names.

    Attributes
    ----------
    known : dict of str to object
        The values of the names that have been assigned.
    objects : Objects
        The bricks and variables that have been created.
    """

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.objects = Objects()
        self._steps = self._visited = 0
        self._bound: dict[Variable, None] = {}
        self._lines: dict[str | Brick, int] = {}  # the line of the last change
        self._variables: dict[str, Variable] = {}  # the last variable that each name referred to

    def _count(self) -> None:
        self._steps += 1
        if self._steps > MOST:
            raise BuilderError(f"the code requires more than {MOST:,} steps; shorten its loops")

    def _visit(self) -> None:
        self._visited += 1
        if self._visited > ELEMENTS:
            raise BuilderError(
                f"the lists in the code have more than {ELEMENTS:,} elements in total; shorten "
                "the lists, or the loops that use them"
            )

    def _elements(self, value: Any) -> list[Any]:
        """Return the values in nested lists, tuples and dictionaries, and count the elements."""
        found, waiting = [], [value]
        while waiting:
            self._visit()
            one = waiting.pop()
            if isinstance(one, dict):
                waiting.extend(one.values())
            elif isinstance(one, (list, tuple)):
                waiting.extend(one)
            else:
                found.append(one)
        return found

    def _inside(self, value: Any) -> list[Any]:
        """Return the values in nested lists and dictionaries, without numbers and strings."""
        found, waiting, seen = [], [value], set()
        while waiting:
            one = waiting.pop()
            if not isinstance(one, (list, tuple, dict)):
                found.append(one)
            elif id(one) not in seen:
                seen.add(id(one))
                parts = list(one.values()) if isinstance(one, dict) else one
                if not PLAIN.issuperset(map(type, parts)):
                    waiting.extend(parts)
        return found

    def _of_model(self, code: ast.AST) -> bool:
        """Return True if code reads a variable, or a value that depends on a variable."""
        names = set(scopes.read(code, self._gives_data))
        values = self._inside([self.known[name] for name in names if name in self.known])
        return any(isinstance(v, (Variable, ComputationGraph)) or _depends(v) for v in values)

    def _gives_data(self, node: ast.AST) -> bool:
        """Return True if the value of an expression is not a variable, even if it reads one."""
        if isinstance(node, ast.Call):
            path = self._path(node.func)
            return self._gives_data(node.func) or (path is not None and without_variables(path))
        return isinstance(node, ast.Attribute) and node.attr in DATA

    def _path(self, node: ast.expr) -> str | None:
        """Return the path of the module, class or function that an expression names."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.insert(0, node.attr)
            node = node.value
        start = self.known.get(node.id) if isinstance(node, ast.Name) else None
        return ".".join([start.path, *names]) if isinstance(start, Reference) else None

    def _assign(self, target: ast.expr, value: Any) -> None:
        self._elements(value)
        match target:
            case ast.Name(id=name):
                self.known[name] = value
                self._lines[name] = target.lineno
                if isinstance(value, Variable):
                    self._variables[name] = value
                if name != "_":
                    self._bound.update(dict.fromkeys(variables_in(value)))
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = _gathered(targets, list(self._listed(value)))
                if len(values) != len(targets):
                    raise Unreadable(
                        f"there are {len(values)} values for {len(targets)} names in an assignment",
                        needed=True,
                    )
                for one, part in zip(targets, values, strict=True):
                    self._assign(one.value if isinstance(one, ast.Starred) else one, part)
            case ast.Attribute(value=owner, attr=name):
                self._set(self.value(owner), name, value, target.lineno)
            case ast.Subscript(value=owner, slice=key):
                container = self.value(owner)
                if type(container) not in (list, dict):
                    raise Unreadable("an assignment to an element")
                container[self._plain(self.value(key))] = value
            case _:
                raise Unreadable("an unknown kind of assignment")

    def _set(self, owner: Any, name: str, value: Any, line: int) -> None:
        """Assign an attribute of an object."""
        of_model = isinstance(owner, (Brick, Variable))
        self.objects.set(owner, name, self._usable(value) if of_model else value)
        if isinstance(owner, Brick):
            self._lines[owner] = line

    def _setattr(self, node: ast.Call) -> None:
        if len(node.args) != 3 or node.keywords:
            raise Unreadable("a call to setattr with arguments that are not known")
        owner, name = self.value(node.args[0]), self._plain(self.value(node.args[1]))
        if not isinstance(name, str):
            raise Unreadable("a call to setattr with a name that is not a string")
        self._set(owner, name, self._argument(node.args[2]), node.lineno)

    def value(self, node: ast.expr) -> Any:
        """Return the value of an expression."""
        self._count()
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._named(name)
            case ast.List(elts=parts):
                return list(self._parts(parts))
            case ast.Tuple(elts=parts):
                return tuple(self._parts(parts))
            case ast.Dict(keys=keys, values=values):
                return self._dictionary(keys, values)
            case ast.Attribute(value=owner, attr=name):
                return self.objects.attribute(self.value(owner), name)
            case ast.Call():
                return self._call(node)
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, self.value(left), self.value(right))
            case ast.UnaryOp(op=op, operand=operand):
                return self._unary(op, self.value(operand))
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compared(left, ops, others)
            case ast.BoolOp(op=op, values=parts):
                return self._chosen(parts, isinstance(op, ast.Or))
            case ast.Subscript(value=owner, slice=key):
                return self.objects.element(self.value(owner), self._key(key))
            case ast.ListComp(elt=element, generators=generators):
                return list(self._comprehended([element], generators))
            case ast.GeneratorExp(elt=element, generators=generators):
                return list(self._comprehended([element], generators))
            case ast.DictComp(key=key, value=value, generators=generators):
                pair = ast.Tuple([key, value], ast.Load())
                return self._keyed(dict(self._comprehended([pair], generators)))
            case ast.JoinedStr(values=parts):
                text = "".join(map(self._formatted, parts))
                if len(text) > LONGEST:
                    raise Unreadable("a very long string")
                return text
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body if self._plain(self.value(test)) else orelse)
            case ast.NamedExpr(target=target, value=value):
                found = self.value(value)
                self._assign(target, found)
                return found
        raise Unreadable(f"an expression of the kind {type(node).__name__}")

    def _named(self, name: str) -> Any:
        if name in self.known:
            return self.known[name]
        if name == "__name__":  # as in a notebook or script
            return "__main__"
        found = resolved(Reference(name))
        if found is None and name in vars(builtins):
            raise Unreadable(f"the Python function {name!r} cannot be read here")
        if found is None:
            raise Unreadable(f"{name!r} is not defined in this code")
        return Reference(name)

    def _parts(self, nodes: list[ast.expr]) -> Iterator[Any]:
        for node in nodes:
            if isinstance(node, ast.Starred):
                yield from self._listed(self.value(node.value))
            else:
                yield self.value(node)

    def _key(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Slice):
            ends = (node.lower, node.upper, node.step)
            return slice(*(None if end is None else self._plain(self.value(end)) for end in ends))
        if isinstance(node, ast.Tuple):
            return tuple(self._key(part) for part in node.elts)
        return self._plain(self.value(node))

    def _plain(self, value: Any) -> Any:
        """Return `value`; raise an error unless it is a number, string, None or list of these."""
        self._visit()
        if isinstance(value, (list, tuple)):
            return type(value)(self._plain(part) for part in value)
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, Opaque):
            raise Unreadable(value.reason)
        raise Unreadable("code that depends on a value other than a known number, string or list")

    def _listed(self, value: Any) -> list[Any]:
        if isinstance(value, (list, tuple, dict)):
            if len(value) > MOST:
                raise Unreadable(f"a list of more than {MOST:,} elements")
            return list(value)
        if isinstance(value, Opaque):
            raise Unreadable(value.reason)
        raise Unreadable("a sequence that is not known before the code runs")

    def _iterated(self, node: ast.expr) -> list[Any]:
        return self._listed(self.value(node))

    def _comprehended(
        self, element: list[ast.expr], generators: list[ast.comprehension]
    ) -> Iterator[Any]:
        """Yield the value of a comprehension's element for each combination of items."""
        generator, *inner = generators
        nodes = [*element, *(test for one in generators for test in one.ifs)]
        if any(isinstance(part, ast.NamedExpr) for node in nodes for part in ast.walk(node)):
            raise Unreadable("an assignment in a comprehension")
        outer = dict(self.known), dict(self._variables), dict(self._bound)
        lines: dict[str | Brick, int] = {
            name: line for name, line in self._lines.items() if isinstance(name, str)
        }
        try:
            for one in self._iterated(generator.iter):
                self._assign(generator.target, one)
                if not all(self._plain(self.value(test)) for test in generator.ifs):
                    continue
                if inner:
                    yield from self._comprehended(element, inner)
                else:
                    yield self.value(element[0])
        finally:
            self.known, self._variables, self._bound = outer
            self._lines.update(lines)

    def _dictionary(
        self, keys: Sequence[ast.expr | None], values: Sequence[ast.expr]
    ) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, node in zip(keys, values, strict=True):
            value = self.value(node)
            if key is not None:
                found[self.value(key)] = value
            elif isinstance(value, dict):
                found |= value
            else:
                raise Unreadable("entries that are not known before the code runs")
        return self._keyed(found)

    def _keyed(self, found: dict[Any, Any]) -> dict[Any, Any]:
        """Return a dictionary; raise `Unreadable` for an unknown key, as it may equal any other."""
        for key in self._elements(list(found)):
            if isinstance(key, Opaque):
                raise Unreadable(key.reason)
        return found

    def _compared(
        self, left: ast.expr, ops: Sequence[ast.cmpop], others: Sequence[ast.expr]
    ) -> Any:
        one, result = self.value(left), True
        for op, node in zip(ops, others, strict=True):
            other = self.value(node)
            result = self._compared_values(op, one, other)
            if len(ops) > 1 and not self._plain(result):
                break
            one = other
        return result

    def _compared_values(self, op: ast.cmpop, one: Any, other: Any) -> Any:
        if isinstance(op, (ast.Is, ast.IsNot)):
            for value in (one, other):
                if isinstance(value, (Opaque, Reference)):
                    raise Unreadable("an identity that is not known before the code runs")
            return (one is other) == isinstance(op, ast.Is)
        if isinstance(op, (ast.In, ast.NotIn)):
            inside = self._plain(one) in self._plain(self._plain_list(other))
            return inside == isinstance(op, ast.In)
        return self._binary(op, one, other)

    def _chosen(self, parts: list[ast.expr], first_true: bool) -> Any:
        """Return the value of ``and`` or ``or``."""
        for node in parts:
            value = self.value(node)
            if bool(self._plain(value)) == first_true:
                break
        return value

    def _formatted(self, node: ast.expr) -> str:
        if isinstance(node, ast.FormattedValue):
            if node.format_spec is not None or node.conversion != -1:
                raise Unreadable("a format specification in a string")
            value = self.value(node.value)
            self._elements(value)
            return str(self._plain(value))
        return str(self.value(node))

    def _binary(self, op: ast.AST, left: Any, right: Any) -> Any:
        function = OPERATORS.get(type(op))
        if function is None:
            raise Unreadable("an unknown kind of operator")
        operands = (left, right)
        if any(isinstance(operand, Variable) for operand in operands):
            if not isinstance(op, ON_VARIABLES):
                raise Unreadable("a specification has no operation for this operator", needed=True)
            return self.objects.operated(function, *map(self._usable, operands))
        for operand in operands:
            if isinstance(operand, Opaque):
                raise Unreadable(operand.reason)
        if not all(isinstance(o, (bool, int, float, str, list, tuple)) for o in operands):
            raise Unreadable("an operation on values that are not known before the code runs")
        if not isinstance(op, (ast.Add, ast.Mult)):  # these do not change list elements
            left, right = map(self._plain, operands)
        return limited(function, left, right)

    def _unary(self, op: ast.AST, operand: Any) -> Any:
        function = OPERATORS.get(type(op))
        if function is None:
            raise Unreadable("an unknown kind of operator")
        if isinstance(operand, Variable):
            if not isinstance(op, ON_VARIABLES):
                raise Unreadable("a specification has no operation for this operator", needed=True)
            return self.objects.operated(function, operand)
        return function(self._plain(operand))

    def _usable(self, value: Any) -> Any:
        """Return a value that the model needs; raise an error if it cannot be read."""
        if isinstance(value, Opaque):
            raise Unreadable(needed(value), needed=True)
        if isinstance(value, (list, tuple)):
            return type(value)(self._usable(part) for part in value)
        if isinstance(value, dict):
            return {key: self._usable(part) for key, part in value.items()}
        return value

    def _call(self, node: ast.Call) -> Any:
        function = self._called(node)
        found = resolved(function) if isinstance(function, Reference) else None
        if found is setattr:
            return self._setattr(node)
        part = isinstance(function, BoundApplication) or _is_part(found)
        args, kwargs = self._arguments(node, self._argument if part else self.value)
        if isinstance(function, Reference):
            if found is None:
                check_exists(function.path)
                raise Unreadable(f"a call to {function.path}, which is not part of a model")
            if found in calls.values():
                return self._plain_call(function.path, found, args, kwargs)
            if found in SELECTIONS.values():
                return selections.made(found, args, kwargs)
            if isinstance(found, Operation) and not _has_variable(args, kwargs):
                self._check_data(args, kwargs)
                raise Unreadable(f"a call to {function.path} without a variable")
            made = self.objects.made(found, self._usable(args), self._usable(kwargs))
            if isinstance(made, Brick):
                self._lines[made] = node.lineno
            return made
        if isinstance(function, BoundApplication):
            if not _has_variable(args, kwargs):
                self._check_data(args, kwargs)
                self._check_given(node, function, flat([args, list(kwargs.values())]))
            return self.objects.applied(function, self._usable(args), self._usable(kwargs))
        if isinstance(function, VariableFilter) and len(args) == 1 and not kwargs:
            return selections.filtered(function, args[0])
        if isinstance(function, BuiltinMethodType):
            return self._method_of_plain(function, args, kwargs)
        if callable(function):
            return function(*self._usable(args), **self._usable(kwargs))
        raise Unreadable("a call to an object that is not part of a model")

    def _called(self, node: ast.Call) -> Any:
        """Return the function that is called."""
        if not isinstance(node.func, ast.Attribute):
            function = self.value(node.func)
            if isinstance(function, Opaque):
                raise Unreadable(function.reason)
            return function
        owner = self._argument(node.func.value)
        if isinstance(owner, Opaque) and node.func.attr == "apply":
            args, kwargs = self._arguments(node, self._argument)
            if _has_variable(args, kwargs):
                self.objects.unread.append((node.lineno, owner))
        return self.objects.attribute(owner, node.func.attr)

    def _arguments(
        self, node: ast.Call, value: Callable[[ast.expr], Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        args: list[Any] = []
        for one in node.args:
            args += self._parts([one]) if isinstance(one, ast.Starred) else [value(one)]
        kwargs: dict[str, Any] = {}
        for keyword in node.keywords:
            given = value(keyword.value)
            if keyword.arg is not None:
                kwargs[keyword.arg] = given
            elif isinstance(given, dict):
                kwargs.update(given)
            else:
                raise Unreadable("arguments that are not known before the code runs")
        self._elements([args, kwargs])
        return args, kwargs

    def _argument(self, node: ast.expr) -> Any:
        """Return the value of an argument, or an `Opaque` if the value cannot be read."""
        try:
            return self.value(node)
        except Unreadable as reason:
            if reason.needed:
                raise
            return Opaque(node.lineno, str(reason), self._of_model(node))

    def _check_data(self, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Raise `Unreadable` if an argument depends on a variable but cannot be read."""
        for value in self._elements([args, kwargs]):
            if _depends(value):
                raise Unreadable(needed(value), needed=True)

    def _check_given(self, node: ast.Call, function: BoundApplication, given: list[Any]) -> None:
        """Raise `Unreadable` if a brick is applied to an unknown value, such as data."""
        unknown = next((value for value in given if isinstance(value, Opaque)), None)
        if unknown is None:
            return
        if any(value is unknown for value in self.known.values()):
            self.objects.unread.append((node.lineno, unknown))
        raise Unreadable(f"a call to {function.path} without a variable")

    def _plain_call(
        self, path: str, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        """Call a Python function with plain values."""
        if function is not dict:
            for name, value in kwargs.items():
                if name not in KEYWORDS.get(path, ()):
                    raise Unreadable(f"a call to {path} with the argument {name!r}")
                self._plain_list(value)
        args = [self._plain_list(one) for one in args]
        if path in COMPARING:
            args = [self._plain(one) for one in args]
        found = function(*args, **kwargs)
        if isinstance(found, Variable):  # a sum of variables
            self.objects.consumed.update(v for v in self._elements(args) if v is not found)
            self.objects.touched.append(found)
        return self._keyed(found) if isinstance(found, dict) else found

    def _method_of_plain(
        self, method: BuiltinMethodType, args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        """Call a method of a list, dictionary, tuple or string."""
        name = method.__name__
        if name in ("extend", "update"):
            args = [self._listed(one) if name == "extend" else one for one in args]
            if not all(isinstance(one, (list, dict)) for one in args):
                raise Unreadable(f"a call to {name} with values that are not known")
        elif name != "append":
            args = [*map(self._plain, args[:1]), *args[1:]]
        if name in ("count", "index"):
            self._plain(method.__self__)
        if name == "update":
            self._keyed(dict(*args))
        found = method(*args, **kwargs)
        return list(found) if isinstance(found, (KeysView, ItemsView, ValuesView)) else found

    def _plain_list(self, value: Any) -> Any:
        return self._listed(value) if isinstance(value, (list, tuple, dict)) else self._plain(value)


def needed(value: Opaque) -> str:
    """Return the message for an unreadable value that the model needs."""
    return (
        f"the model needs a value from line {value.line}, which cannot be read ({value.reason}); "
        "help(workbench.builder.parse) lists the code that can be read"
    )


def _depends(value: Any) -> bool:
    """Return True for a value that cannot be read but depends on a variable."""
    return isinstance(value, Opaque) and value.of_model


def _gathered(targets: list[ast.expr], values: list[Any]) -> list[Any]:
    """Return one value for each target, with a list for a target such as ``*rest``."""
    star = next((i for i, one in enumerate(targets) if isinstance(one, ast.Starred)), None)
    if star is None or len(values) < len(targets) - 1:
        return values
    after = len(values) - (len(targets) - 1 - star)
    return [*values[:star], values[star:after], *values[after:]]


def _has_variable(args: list[Any], kwargs: dict[str, Any]) -> bool:
    return any(isinstance(value, Variable) for value in flat([args, list(kwargs.values())]))


def _is_part(found: Any) -> bool:
    """Return True for a brick class or a function that creates inputs."""
    return (isinstance(found, type) and issubclass(found, Brick)) or found in INPUTS.values()


def variables_in(value: Any) -> list[Variable]:
    """Return the variables in nested lists and tuples."""
    if isinstance(value, (list, tuple)):
        return [variable for part in value for variable in variables_in(part)]
    return [value] if isinstance(value, Variable) else []
