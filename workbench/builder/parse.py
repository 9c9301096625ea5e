"""`from_code`, which reads a specification from Python code that builds a model.

The code is read as a syntax tree and never executed. Only these parts are interpreted: imports,
constructors of registered classes, application methods, inputs, operations, literals and their
arithmetic, lists, loops and conditions with known values, and assignments to settings and names.
Every other statement is skipped, and the names that it defines are *opaque*: an error is raised
only if the model needs their values, or if a loop, condition or ``with`` block that creates bricks
would be skipped.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.bricks import Brick, symbolic_parameters
from workbench.builder import scopes
from workbench.builder.arithmetic import FAILURES
from workbench.builder.convert import described, not_shown
from workbench.builder.expressions import Expressions, needed
from workbench.builder.graph import Graph
from workbench.builder.names import Opaque, Reference, Unreadable, imported, resolved
from workbench.builder.spec import Spec
from workbench.errors import BuilderError, WorkbenchError
from workbench.hints import hinted
from workbench.tensor import SharedVariable, Variable

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
    `text` is monitored, except the cost and variables that other variables are computed from.

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
    return read_code(text)[0]


def read_code(text: str) -> tuple[Spec, list[Skipped]]:
    """Return the specification that code describes, and the statements that were skipped."""
    reader = Reader()
    with symbolic_parameters():
        reader.run(parsed(text))
        return reader.described()[0], reader.skipped


def parsed(text: str) -> list[ast.stmt]:
    """Return the statements of code; raise `BuilderError` if it is not valid Python code."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in text.split("\n")]
    try:
        return ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise BuilderError(f"{where}this is not Python code: {reason}") from None


@dataclass(frozen=True)
class Skipped:
    """Statement that was skipped.

    Attributes
    ----------
    line : int
    reason : str
    creates_brick : bool
        True if a class of bricks is called in the statement.
    """

    line: int
    reason: str
    creates_brick: bool


class Reader(Expressions):
    """Reader of statements, which stores the values of the names that they assign.

    Attributes
    ----------
    skipped : list of Skipped
    """

    def __init__(self) -> None:
        super().__init__()
        self.skipped: list[Skipped] = []

    def described(self) -> tuple[Spec, Graph]:
        """Return the specification and the graph that it describes.

        Raises
        ------
        BuilderError
            If bricks are applied, but only to values that cannot be read, or if a part of the model
            cannot be described.
        """
        if self.objects.unread and not self.objects.applied_to_variables:
            line, value = self.objects.unread[0]
            raise BuilderError(f"line {line}: {needed(value)}")
        self.objects.rename_equal()
        known = self.known
        name = next((name for name in COSTS if isinstance(known.get(name), Variable)), "")
        cost = known.get(name)
        monitored = known.get("monitored")
        listed = isinstance(monitored, list) and all(isinstance(v, Variable) for v in monitored)
        inner = {cost, *self.objects.consumed}
        sinks = [v for v in self._bound if v not in inner and not isinstance(v, SharedVariable)]
        shown: list[Variable] = list(monitored) if listed else sinks  # type: ignore[arg-type]
        for place, variable in [(name, cost), *(("monitored", one) for one in shown)]:
            if isinstance(variable, SharedVariable):
                raise BuilderError(f"line {self._lines[place]}: {not_shown(variable)}")
        roots = [*([] if cost is None else [cost]), *shown, *sinks]
        try:
            return described(self.objects.tops(), roots, cost, shown)
        except BuilderError as error:
            named = [brick for brick in self.objects.tops() if brick.name == error.brick]
            if not named:
                raise
            line = max(self._lines[brick] for brick in named)
            raise BuilderError(f"line {line}: {error}") from None

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
                self._skip(statement, str(reason))
            except WorkbenchError as error:
                if str(error).startswith("line "):
                    raise
                raise BuilderError(f"line {statement.lineno}: {error}") from error
            except FAILURES as error:  # of an operation on plain values
                self._skip(statement, f"{type(error).__name__}: {error}")

    def _skip(self, statement: ast.stmt, reason: str) -> None:
        """Skip a statement; raise `BuilderError` if it is a block that creates bricks."""
        first = next(self._creations(statement), None)
        if first is not None and isinstance(statement, (ast.If, ast.For, ast.While, ast.With)):
            line, cls = first
            raise BuilderError(
                f"line {line}: {cls.__name__} is created in a block that cannot be read "
                f"({reason}); move it out of the block that begins in line {statement.lineno}"
            ) from None
        self.skipped.append(Skipped(statement.lineno, reason, first is not None))
        value = Opaque(statement.lineno, reason, self._of_model(statement))
        self.known.update(dict.fromkeys(scopes.bound(statement), value))

    def _creations(self, statement: ast.stmt) -> Iterator[tuple[int, type[Brick]]]:
        """Yield the lines where a statement creates bricks, and the classes of these bricks."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and (cls := self._class(node.func)) is not None:
                yield node.lineno, cls

    def _class(self, node: ast.expr) -> type[Brick] | None:
        """Return the class of bricks that an expression names, or None."""
        path = self._path(node)
        found = None if path is None else resolved(Reference(path))
        return found if isinstance(found, type) and issubclass(found, Brick) else None

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import() | ast.ImportFrom():
                self.known.update(imported(statement))
            case ast.Assign(targets=targets, value=value):
                setting = isinstance(targets[0], ast.Attribute)
                found = self._argument(value) if setting else self.value(value)
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


def _loaded(target: ast.expr) -> ast.expr:
    """Return the target of an assignment as an expression whose value can be read."""
    return ast.parse(ast.unparse(target), mode="eval").body
