"""`from_code`, which reads a specification from Python code that builds a model.

The code is read as a syntax tree and never executed. Only these parts are interpreted: imports,
constructors of registered classes, application methods, inputs, operations, literals and their
arithmetic, lists, loops and conditions with known values, and assignments to settings and names.
Every other statement is skipped, and the names that it defines are *opaque*: an error is raised
only if the model needs their values.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from workbench.bricks import BoundApplication, symbolic_parameters
from workbench.builder.arithmetic import FAILURES, LONGEST, MOST, ON_VARIABLES, OPERATORS, limited
from workbench.builder.convert import described
from workbench.builder.graph import Graph
from workbench.builder.names import Opaque, Reference, Unreadable, calls, imported, resolved
from workbench.builder.objects import Objects
from workbench.builder.spec import Spec
from workbench.errors import BuilderError, WorkbenchError
from workbench.hints import hinted
from workbench.tensor import Variable

COSTS = ("cost", "loss", "objective")
"""Possible names of the cost, in order of precedence."""


@hinted
def from_code(text: str) -> Spec:
    """Read the specification of the model that Python code builds, without executing the code.

    Bricks are constructed and applied, as in `from_spec`, but no memory is allocated for
    parameters. Only registered classes and their methods, functions for inputs and operations, and
    a few other functions such as ``range`` and ``numpy.array`` are called.

    The cost is the variable ``cost`` (or ``loss``, or ``objective``). The monitored variables are
    the items of the list ``monitored``. Without such a list, every variable that has a name in
    `text` is monitored, except the cost and variables from which other variables are computed.

    Parameters
    ----------
    text : str
        The code, such as the cells of a notebook or the result of `to_code`. Lines that start with
        ``%`` or ``!`` are skipped.

    Returns
    -------
    Spec

    Raises
    ------
    BuilderError
        If the text is not valid Python code, or if a part of the model cannot be read. The message
        contains the line number.

    Examples
    --------
    >>> from workbench.builder import from_code
    >>> spec = from_code('''
    ... from workbench import tensor
    ... from workbench.bricks import Linear, Sequence, Tanh
    ... widths = [4, 8, 3]
    ... layers = [Linear(a, b, name=f"layer_{b}") for a, b in zip(widths, widths[1:])]
    ... net = Sequence([layers[0], Tanh(), layers[1]], name="net")
    ... scores = net.apply(tensor.matrix("features"))
    ... scores.name = "scores"
    ... ''')
    >>> [brick.name for brick in spec.bricks], spec.monitored
    (['net'], ('scores',))
    """
    reader = Reader()
    with symbolic_parameters():
        reader.run(parsed(text))
        return reader.described()[0]


def parsed(text: str) -> list[ast.stmt]:
    """Return the statements of code; raise `BuilderError` if it is not valid Python code."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in text.split("\n")]
    try:
        return ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise BuilderError(f"{where}this is not Python code: {reason}") from None


class Reader:
    """Reader of statements, which stores the values of the names that they assign."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.objects = Objects()
        self._steps = 0
        self._bound: dict[Variable, None] = {}

    def described(self) -> tuple[Spec, Graph]:
        """Return the specification and the graph that it describes."""
        named = [self.known.get(name) for name in COSTS]
        cost = next((value for value in named if isinstance(value, Variable)), None)
        monitored = self.known.get("monitored")
        listed = isinstance(monitored, list) and all(isinstance(v, Variable) for v in monitored)
        sinks = [v for v in self._bound if v not in self.objects.consumed and v is not cost]
        shown: list[Variable] = list(monitored) if listed else sinks  # type: ignore[arg-type]
        roots = [*([] if cost is None else [cost]), *shown, *sinks]
        return described(self.objects.tops(), roots, cost, shown)

    # Statements.

    def run(self, statements: list[ast.stmt]) -> None:
        """Read statements one after another."""
        for statement in statements:
            self._count()
            try:
                self._statement(statement)
            except Unreadable as reason:
                if reason.needed:
                    raise BuilderError(f"line {statement.lineno}: {reason}") from None
                for name in _assigned(statement):
                    self.known[name] = Opaque(statement.lineno, str(reason))
            except WorkbenchError as error:
                if str(error).startswith("line "):
                    raise
                raise BuilderError(f"line {statement.lineno}: {error}") from error
            except FAILURES as error:  # of an operation on plain values
                for name in _assigned(statement):
                    self.known[name] = Opaque(statement.lineno, f"an error: {error}")

    def _count(self) -> None:
        self._steps += 1
        if self._steps > MOST:
            raise BuilderError(f"the code requires more than {MOST:,} steps; shorten its loops")

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import() | ast.ImportFrom():
                self.known.update(imported(statement))
            case ast.Assign(targets=targets, value=value):
                found = self.value(value)
                for target in targets:
                    self._assign(target, found)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self._assign(target, self.value(value))
            case ast.AugAssign(target=target, op=op, value=value):
                old = self.value(_loaded(target))
                self._assign(target, self._binary(op, old, self.value(value)))
            case ast.Expr(value=value):
                self.value(value)
            case ast.For(target=target, iter=iterated, body=body, orelse=[]):
                for one in self._iterated(iterated):
                    self._assign(target, one)
                    self.run(body)
            case ast.If(test=test, body=body, orelse=orelse):
                self.run(body if self._plain(self.value(test)) else orelse)
            case ast.Pass():
                pass
            case _:
                raise Unreadable(f"a statement of the kind {type(statement).__name__}")

    def _assign(self, target: ast.expr, value: Any) -> None:
        match target:
            case ast.Name(id=name):
                self.known[name] = value
                if name != "_":
                    self._bound.update(dict.fromkeys(_variables_in(value)))
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = list(self._listed(value))
                if len(values) != len(targets):
                    raise Unreadable(
                        f"the numbers of values ({len(values)}) and names ({len(targets)}) differ",
                        needed=True,
                    )
                for one, part in zip(targets, values, strict=True):
                    self._assign(one, part)
            case ast.Attribute(value=owner, attr=name):
                self.objects.set(self.value(owner), name, self._usable(value))
            case ast.Subscript(value=owner, slice=key):
                container = self.value(owner)
                if type(container) not in (list, dict):
                    raise Unreadable("an assignment to an element")
                container[self._plain(self.value(key))] = value
            case _:
                raise Unreadable("an unknown kind of assignment")

    # Expressions.

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
                pairs = zip(keys, values, strict=True)
                return {self.value(k): self.value(v) for k, v in pairs if k is not None}
            case ast.Attribute(value=owner, attr=name):
                return self.objects.attribute(self.value(owner), name)
            case ast.Call():
                return self._call(node)
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, self.value(left), self.value(right))
            case ast.UnaryOp(op=op, operand=operand):
                return self._unary(op, self.value(operand))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._binary(op, self.value(left), self.value(right))
            case ast.Subscript(value=owner, slice=key):
                return self.objects.element(self.value(owner), self._key(key))
            case ast.ListComp(elt=element, generators=[generator]):
                return list(self._comprehended(element, generator))
            case ast.GeneratorExp(elt=element, generators=[generator]):
                return list(self._comprehended(element, generator))
            case ast.JoinedStr(values=parts):
                text = "".join(map(self._formatted, parts))
                if len(text) > LONGEST:
                    raise Unreadable("a very long string")
                return text
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body if self._plain(self.value(test)) else orelse)
        raise Unreadable(f"an expression of the kind {type(node).__name__}")

    def _named(self, name: str) -> Any:
        if name in self.known:
            return self.known[name]
        found = resolved(Reference(name))
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
        if isinstance(value, (list, tuple)):
            return type(value)(self._plain(part) for part in value)
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise Unreadable("code that depends on a value other than a known number, string or list")

    def _listed(self, value: Any) -> list[Any]:
        if isinstance(value, (list, tuple, dict)):
            if len(value) > MOST:
                raise Unreadable(f"a list of more than {MOST:,} elements")
            return list(value)
        raise Unreadable("a sequence that is not known before the code runs")

    def _iterated(self, node: ast.expr) -> list[Any]:
        return self._listed(self.value(node))

    def _comprehended(self, element: ast.expr, generator: ast.comprehension) -> Iterator[Any]:
        outer = dict(self.known)
        for one in self._iterated(generator.iter):
            self._assign(generator.target, one)
            if all(self._plain(self.value(test)) for test in generator.ifs):
                yield self.value(element)
        self.known = outer

    def _formatted(self, node: ast.expr) -> str:
        if isinstance(node, ast.FormattedValue):
            if node.format_spec is not None or node.conversion != -1:
                raise Unreadable("a format specification in a string")
            return str(self._plain(self.value(node.value)))
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
        if not all(isinstance(o, (bool, int, float, str, list, tuple)) for o in operands):
            raise Unreadable("an operation on values that are not known before the code runs")
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
            raise Unreadable(
                f"the model needs a value from line {value.line}, which cannot be read "
                f"({value.reason}); help(workbench.builder.parse) lists the code that can be read",
                needed=True,
            )
        if isinstance(value, (list, tuple)):
            return type(value)(self._usable(part) for part in value)
        if isinstance(value, dict):
            return {key: self._usable(part) for key, part in value.items()}
        return value

    def _call(self, node: ast.Call) -> Any:
        function = self.value(node.func)
        if isinstance(function, Opaque):
            raise Unreadable(function.reason)
        args = list(self._parts(node.args))
        kwargs: dict[str, Any] = {}
        for one in node.keywords:
            given = self.value(one.value)
            if one.arg is not None:
                kwargs[one.arg] = given
            elif isinstance(given, dict):
                kwargs.update(given)
            else:
                raise Unreadable("arguments that are not known before the code runs")
        if isinstance(function, Reference):
            found = resolved(function)
            if found is None:
                raise Unreadable(f"a call to {function.path}, which is not part of a model")
            if found in calls.values():
                return found(*(self._plain_list(arg) for arg in args), **kwargs)
            return self.objects.made(found, self._usable(args), self._usable(kwargs))
        if isinstance(function, BoundApplication):
            return self.objects.applied(function, self._usable(args), self._usable(kwargs))
        if callable(function):
            return function(*self._usable(args), **self._usable(kwargs))
        raise Unreadable("a call to an object that is not part of a model")

    def _plain_list(self, value: Any) -> Any:
        return self._listed(value) if isinstance(value, (list, tuple, dict)) else self._plain(value)


def _assigned(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name


def _loaded(target: ast.expr) -> ast.expr:
    """Return the target of an assignment as an expression whose value can be read."""
    return ast.parse(ast.unparse(target), mode="eval").body


def _variables_in(value: Any) -> list[Variable]:
    if isinstance(value, (list, tuple)):
        return [variable for part in value for variable in _variables_in(part)]
    return [value] if isinstance(value, Variable) else []
