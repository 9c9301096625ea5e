"""`from_code`, which reads a specification from Python code that builds a model.

The code is read as a syntax tree and never executed. Only these parts are interpreted: imports,
constructors of registered classes, application methods, inputs, operations, parameters that a
`VariableFilter` selects, literals and their arithmetic, lists, loops and conditions with known
values, and assignments to settings and names. Every other statement is skipped, and the names that
it defines are *opaque*. An error is raised if the model needs their values, if the cost or the list
of monitored variables is opaque, or if the statement changes the model; see
`workbench.builder.skipping`.
"""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from workbench.bricks import symbolic_parameters
from workbench.builder.arithmetic import FAILURES
from workbench.builder.convert import described, not_shown
from workbench.builder.expressions import needed, variables_in
from workbench.builder.graph import Graph
from workbench.builder.names import Opaque, Unreadable, imported
from workbench.builder.scopes import leaving
from workbench.builder.skipping import Skipped, Skipping
from workbench.builder.spec import Spec
from workbench.errors import BuilderError, WorkbenchError
from workbench.hints import hinted
from workbench.tensor import SharedVariable, Variable

COSTS = ("cost", "loss", "objective")
"""Possible names of the cost, in order of precedence."""

COST = (
    "line {line}: `{name}`, the cost of the model, cannot be read ({reason}); write it with "
    "bricks, operations and known values, or use another name if it is not the cost; "
    "help(workbench.builder.parse) lists the code that can be read"
)
TRAINED = (
    "line {line}: the cost that is minimised here, from line {other}, cannot be read ({reason}); "
    "write it with bricks, operations and known values; help(workbench.builder.parse) lists the "
    "code that can be read"
)
MONITORED = (
    "line {line}: the list `monitored` cannot be read ({reason}); write it as a list of variables, "
    "or use another name if it does not contain the monitored variables"
)
OUTPUT = (
    "line {line}: `{name}` is computed from the model, but cannot be read ({reason}); write it "
    "with bricks, operations and known values, or list the outputs in `monitored`; "
    "help(workbench.builder.parse) lists the code that can be read"
)
UNSURE = "the loop changes the model, but can end at an unknown iteration ({reason})"


@hinted
def from_code(text: str) -> Spec:
    """Read the specification of the model that Python code builds, without executing the code.

    Bricks are constructed and applied, as in `from_spec`, but no memory is allocated for
    parameters. Only registered classes and their methods, functions for inputs and operations, and
    a few other functions such as ``range`` and ``numpy.array`` are called.

    The cost is the last variable that `text` assigns to ``cost`` (or ``loss``, or ``objective``);
    numbers and arrays, as in a training loop, do not replace it. If an algorithm in `text`
    minimises another variable, that variable is the cost.

    The monitored variables are the items of the list ``monitored``. Without such a list, every
    variable that has a name in `text` is monitored, except the cost and variables from which other
    variables are computed. If there is a cost, variables that cannot be read are omitted.

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
        If the text is not valid Python code, or if the cost or another part of the model cannot be
        read. The message contains the line number.

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


class ReadCode(NamedTuple):
    """Result of reading code.

    Attributes
    ----------
    spec : Spec
    skipped : list of Skipped
    default_seed : int or None
        The value that the code assigns to ``config.default_seed``.
    """

    spec: Spec
    skipped: list[Skipped]
    default_seed: int | None


def read_code(text: str, *, faulty: bool = False) -> ReadCode:
    """Return the specification that code describes, and what else was read.

    If `faulty` is True, variables with wrong shapes or dtypes are not an error.
    """
    reader = Reader(faulty=faulty)
    with symbolic_parameters():
        reader.run(parsed(text))
        return ReadCode(reader.described()[0], reader.skipped, reader.objects.default_seed)


def parsed(text: str) -> list[ast.stmt]:
    """Return the statements of code; raise `BuilderError` if it is not valid Python code."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in text.split("\n")]
    try:
        statements = ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise BuilderError(f"{where}this is not Python code: {reason}") from None
    for statement in statements:
        if (left := leaving(statement)) is not None:
            word = "break" if isinstance(left, ast.Break) else "continue"
            raise BuilderError(f"line {left.lineno}: {word} outside a loop; move it into a loop")
    return statements


class _Left(Exception):
    """Exception that ends an iteration of a loop.

    Attributes
    ----------
    loop : bool
        True if the loop ends as well.
    """

    def __init__(self, *, loop: bool) -> None:
        super().__init__()
        self.loop = loop


class _Unsure(Unreadable):
    """Error raised for a loop that ends at an unknown iteration."""


class Reader(Skipping):
    """Reader that interprets statements and stores the values that they assign to names."""

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
        name, cost = self._cost()
        shown_by_name = self._monitored()
        inner = {cost, *self.objects.consumed}
        sinks = [v for v in self._bound if v not in inner and not isinstance(v, SharedVariable)]
        if cost is None and shown_by_name is None:
            self._check_outputs()
        shown = sinks if shown_by_name is None else shown_by_name
        for place, variable in [(name, cost), *(("monitored", one) for one in shown)]:
            if isinstance(variable, SharedVariable):
                raise BuilderError(f"line {self._lines[place]}: {not_shown(variable)}")
        roots = [*([] if cost is None else [cost]), *shown, *sinks]
        try:
            stand_ins = self.objects.stand_ins
            return described(self.objects.tops(), roots, cost, shown, stand_ins)
        except BuilderError as error:
            named = [brick for brick in self.objects.tops() if brick.name == error.brick]
            if not named:
                raise
            line = max(self._lines[brick] for brick in named)
            raise BuilderError(f"line {line}: {error}") from None

    def _cost(self) -> tuple[str, Variable | None]:
        """Return the name of the cost and the cost, or an empty string and None."""
        name, cost = self._named_cost()
        trained = {value: line for line, value in self._trained if _can_be_cost(value)}
        if trained and cost not in trained:
            cost, line = next(iter(trained.items()))
            if isinstance(cost, Opaque):
                raise BuilderError(TRAINED.format(line=line, other=cost.line, reason=cost.reason))
            name = next((key for key, value in self._variables.items() if value is cost), "")
        return name, cost

    def _named_cost(self) -> tuple[str, Variable | None]:
        for name in COSTS:
            value = self.known.get(name)
            if isinstance(value, Opaque) and not value.data and name not in self._defined:
                raise BuilderError(COST.format(line=value.line, name=name, reason=value.reason))
            if isinstance(value, (list, tuple)) and variables_in(value):
                line, reason = self._lines[name], "it is a list of variables"
                raise BuilderError(COST.format(line=line, name=name, reason=reason))
            if isinstance(value, Variable):
                return name, value
            if name in self._variables and value is not None:  # later, it became a number
                return name, self._variables[name]
        return "", None

    def _monitored(self) -> list[Variable] | None:
        """Return the variables in the list ``monitored``, or None if there is no such list."""
        value = self.known.get("monitored")
        if isinstance(value, Opaque) and not value.data:
            raise BuilderError(MONITORED.format(line=value.line, reason=value.reason))
        if not isinstance(value, (list, tuple)):
            return None
        other = [one for one in value if not isinstance(one, Variable)]
        if other and len(other) < len(value):
            reason = f"{other[0]!r:.60} is not a variable"
            raise BuilderError(MONITORED.format(line=self._lines["monitored"], reason=reason))
        return None if other else list(value)

    def _check_outputs(self) -> None:
        """Raise `BuilderError` if a variable that may be an output cannot be read."""
        for name, value in self.known.items():
            if isinstance(value, Opaque) and value.direct:
                raise BuilderError(OUTPUT.format(line=value.line, name=name, reason=value.reason))

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
                if leaving(statement) is not None:
                    raise _Unsure(str(reason)) from None
                self._skip(statement, str(reason))
            except WorkbenchError as error:
                if str(error).startswith("line "):
                    raise
                raise BuilderError(f"line {statement.lineno}: {error}") from error
            except FAILURES as error:  # of an operation on plain values
                self._skip(statement, f"{type(error).__name__}: {error}")

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
                new = self._binary(op, old, self.value(value))
                if type(old) is list and type(new) is list:
                    old[:] = new  # other names for this list change as well
                    new = old
                self._assign(target, new)
            case ast.Expr(value=value):
                self.value(value)
            case ast.For(target=target, iter=iterated, body=body, orelse=orelse):
                self._loop(target, self._iterated(iterated), body, orelse)
            case ast.Break() | ast.Continue():
                raise _Left(loop=isinstance(statement, ast.Break))
            case ast.Delete(targets=targets):
                for target in targets:
                    self._delete(target)
            case ast.If(test=test, body=body, orelse=orelse):
                self.run(body if self._plain(self.value(test)) else orelse)
            case ast.Pass():
                pass
            case _:
                raise Unreadable(f"a statement of the kind {type(statement).__name__}")

    def _loop(
        self, target: ast.expr, values: list[Any], body: list[ast.stmt], orelse: list[ast.stmt]
    ) -> None:
        before = len(self.objects.touched)
        for one in values:
            self._assign(target, one)
            try:
                self.run(body)
            except _Left as left:
                if left.loop:
                    return
            except _Unsure as reason:
                if len(self.objects.touched) > before:
                    raise Unreadable(UNSURE.format(reason=reason), needed=True) from None
                raise Unreadable(str(reason)) from None
        self.run(orelse)

    def _delete(self, target: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self.known.pop(name, None)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for one in targets:
                    self._delete(one)
            case ast.Subscript(value=owner, slice=key):
                container = self.value(owner)
                if type(container) not in (list, dict):
                    raise Unreadable("a deletion of an element")
                del container[self._key(key)]
            case _:
                raise Unreadable("a deletion of an attribute")


def _can_be_cost(value: Any) -> bool:
    if isinstance(value, Variable):
        return value.ndim == 0
    return isinstance(value, Opaque) and not value.data


def _loaded(target: ast.expr) -> ast.expr:
    """Return the target of an assignment as an expression whose value can be read."""
    return ast.parse(ast.unparse(target), mode="eval").body
