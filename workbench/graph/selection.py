"""Selections, which are lists of variables with methods that apply to all of them.

`select` returns the variables of a source that meet a criterion. Functions that accept a
list of variables or a criterion use `chosen`, which raises an error if a criterion selects no
variable.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, Self, TypeVar

import numpy
import torch

from workbench.errors import ParameterError, SelectionError, WorkbenchError, nearest
from workbench.graph.criteria import is_criterion
from workbench.graph.hierarchy import Component, get_brick, path_of
from workbench.hints import Hinted
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.shapes import known
from workbench.utils.paths import ByPath
from workbench.utils.predicates import Predicate, as_predicate

LISTED = 10
"""Maximum number of variables in an error message."""

COLUMNS = ("path", "role", "shape", "dtype", "values")


class Replaceable(Protocol):
    """Interface of the graphs that `Selection.replace` accepts."""

    def replace(self, replacements: Mapping[Variable, Variable]) -> Self:
        """Return a graph with some variables replaced."""


G = TypeVar("G", bound=Replaceable)


class Selection(Hinted, list[Variable]):
    """A list of variables that can be read, set and replaced together.

    Its `repr` is the `repr` of a list; `print` and notebooks show a table.

    Parameters
    ----------
    variables : iterable of Variable
    criterion : Predicate, optional
        The condition that the variables meet.
    source : iterable of Variable, optional
        All variables that were examined.

    Attributes
    ----------
    criterion : Predicate or None

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Linear
    >>> from workbench.graph import ComputationGraph
    >>> from workbench.initialization import Constant
    >>> from workbench.roles import PARAMETER
    >>> linear = Linear(3, 2, weights_init=Constant(1), biases_init=Constant(0))
    >>> linear.initialize()
    >>> graph = ComputationGraph(linear.apply(tensor.matrix("x")))
    >>> selection = graph.select(PARAMETER)
    >>> isinstance(selection, Selection), selection
    (True, [W, b])
    >>> print(selection)
    path       role    shape   dtype    values
    /linear.W  WEIGHT  (3, 2)  float32  6
    /linear.b  BIAS    (2,)    float32  2
    total                               8
    >>> selection.set_values({"/linear.W": [[1, 2], [3, 4], [5, 6]], "/linear.b": [0, 1]})
    >>> selection.get_values()["/linear.b"]
    array([0., 1.], dtype=float32)
    """

    def __init__(
        self,
        variables: Iterable[Variable] = (),
        criterion: Predicate | None = None,
        source: Iterable[Variable] = (),
    ) -> None:
        super().__init__(variables)
        self.criterion = criterion
        # Only the error about an empty selection needs the source; storing it would keep the graph.
        self._source = [] if self else list(source)

    @property
    def paths(self) -> list[str]:
        """The path of each variable, or its name if it belongs to no brick."""
        return [label(variable) for variable in self]

    def get_values(self) -> ByPath[numpy.ndarray[Any, Any]]:
        """Return copies of the values, by path.

        Raises
        ------
        SelectionError
            If no variable is selected, two variables have the same path, or a variable is not
            shared and therefore has no value.
        """
        return ByPath({path: v.get_value() for path, v in self._shared("get_values").items()})

    def set_values(self, values: Mapping[Any, Any] | float) -> None:
        """Set the values of all selected variables.

        If an entry is invalid, no value is changed.

        Parameters
        ----------
        values : dict of str or Variable to array, or number
            An array for each variable, by path or by variable, or a number for all elements.

        Raises
        ------
        ParameterError
            If a path is unknown, missing or given twice, or a value is not valid for its variable.
        SelectionError
            In the same cases as `get_values`.
        """
        variables = self._shared("set_values")
        if not isinstance(values, Mapping):
            filled = numpy.asarray(values)
            if filled.ndim:
                raise ParameterError(
                    "set_values: values must be a number or a dictionary with paths as keys, not "
                    f"an array of shape {filled.shape}"
                )
            values = {p: numpy.full(tuple(v.shape), filled) for p, v in variables.items()}
        given = {path_of(k) if isinstance(k, Variable) else k: v for k, v in values.items()}
        assign(variables, given, "variable of the selection", "variable")

    def replace(self, graph: G, replacement: Callable[[Variable], Variable]) -> G:
        """Return a new graph with each selected variable replaced.

        Parameters
        ----------
        graph : ComputationGraph
        replacement : callable
            A function that is called with each variable and returns its replacement.

        Raises
        ------
        SelectionError
            If no variable is selected.

        Examples
        --------
        >>> from workbench import tensor
        >>> from workbench.graph import ComputationGraph
        >>> x = tensor.scalar("x")
        >>> graph = ComputationGraph(x + 1)
        >>> graph.select("x").replace(graph, lambda v: 10 * v).outputs[0].eval({"x": 2.0})
        tensor(21.)
        """
        self.check("replace")
        return graph.replace({variable: replacement(variable) for variable in self})

    def check(self, user: str) -> None:
        """Raise `SelectionError` if no variable is selected; the message starts with `user`."""
        if not self:
            raise SelectionError(nothing_selected(self.criterion, self._source, user))

    def _shared(self, user: str) -> ByPath[SharedVariable]:
        """Return the variables by path; raise an error if a variable is not shared."""
        self.check(user)
        found: ByPath[SharedVariable] = ByPath()
        for variable in dict.fromkeys(self):
            path = path_of(variable)
            if not isinstance(variable, SharedVariable):
                raise SelectionError(
                    f"{user}: {path} has no value, because it is not a shared variable; select "
                    "parameters only, as in PARAMETER & SharedVariable"
                )
            if path in found:
                raise SelectionError(
                    f"{user}: two variables have the path {path!r}; give them different names"
                )
            found[path] = variable
        return found

    def _rows(self) -> Iterator[tuple[str, ...]]:
        total = 0
        for variable in self:
            sizes = () if variable.is_number else tuple(known(s) for s in variable.fake.shape)
            count = None if None in sizes else math.prod(size or 0 for size in sizes)
            total += count or 0
            shown = ["?" if size is None else str(size) for size in sizes]
            shape = f"({', '.join(shown)}{',' * (len(shown) == 1)})"
            roles = ", ".join(map(repr, variable.tag.roles))
            dtype = str(variable.dtype).removeprefix("torch.")
            yield label(variable), roles, shape, dtype, "?" if count is None else f"{count:,}"
        yield "total", "", "", "", f"{total:,}"

    def __str__(self) -> str:
        rows = [COLUMNS, *self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        def row(cells: Iterable[str], tag: str) -> str:
            return f"<tr>{''.join(f'<{tag}>{html.escape(c)}</{tag}>' for c in cells)}</tr>"

        *rows, total = self._rows()
        body = "".join(row(cells, "td") for cells in rows)
        return (
            f"<table><thead>{row(COLUMNS, 'th')}</thead><tbody>{body}</tbody>"
            f"<tfoot>{row(total, 'th')}</tfoot></table>"
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def label(variable: Variable) -> str:
    """Return the path of a variable, or its name if it belongs to no brick."""
    brick, name = get_brick(variable), variable.tag.name
    if brick is None or name is None:
        return path_of(variable)
    return f"/{brick.path()}.{name}"


def variables_of(source: Any) -> Iterator[Variable]:
    """Yield the variables of a source.

    Parameters
    ----------
    source : iterable of Variable, ComputationGraph, Model, Brick, Selector or list of Brick
        For bricks, the variables are their parameters and the parameters of all descendants.
    """
    bricks: dict[Component, None] = {}
    items: Iterable[Any] = [source] if isinstance(source, Component) else source
    for item in items:
        waiting = [item] if isinstance(item, Component) else []
        if not waiting:
            yield item
        while waiting:
            brick = waiting.pop()
            if brick not in bricks:
                bricks[brick] = None
                yield from (parameter for parameter in brick.parameters if parameter is not None)
                waiting.extend(reversed(brick.children))


def select(criterion: object, source: Any, user: str | None = None) -> Selection:
    """Return the variables of `source` that meet `criterion`, in order.

    Parameters
    ----------
    criterion : object
        See `as_predicate`.
    source : object
        See `variables_of`.
    user : str, optional
        Name of the function that needs at least one variable, for the error message.

    Raises
    ------
    SelectionError
        If `user` is given and no variable is selected.
    """
    predicate = as_predicate(criterion)
    variables = list(variables_of(source))
    selection = Selection(filter(predicate.selects, variables), predicate, variables)
    if user is not None:
        selection.check(user)
    return selection


def chosen(given: Any, source: Any, user: str) -> list[Any]:
    """Return the variables that the caller of a function has specified.

    Parameters
    ----------
    given : iterable of Variable, or criterion
        The variables, which are returned unchanged even if they are not in `source`, or a criterion
        that selects among the variables of `source`.
    source : object
        See `variables_of`.
    user : str
        Name of the function, for the error message.

    Raises
    ------
    SelectionError
        If a criterion selects no variable.
    """
    return select(given, source, user) if is_criterion(given) else list(given)


def nothing_selected(criterion: Predicate | None, source: Iterable[Variable], user: str) -> str:
    """Return the error message for a criterion that selects no variable."""
    source = list(source)
    names = dict.fromkeys(n for v in source for n in (v.name, v.tag.name) if n is not None)
    labels = dict.fromkeys(map(label, source))
    wanted = () if criterion is None else criterion.texts()
    hints = (nearest(text, labels if "/" in text else names) for text in wanted)
    shown = [
        f"{label(v)} ({', '.join(map(repr, v.tag.roles)) or 'no role'})" for v in source[:LISTED]
    ]
    shown += [f"and {len(source) - LISTED} more"] if len(source) > LISTED else []
    what = "nothing was selected" if criterion is None else f"{criterion!r} selects nothing"
    available = ", ".join(shown) or "none"
    return f"{user}: {what}; available variables: {available}{next(filter(None, hints), '')}"


def assign(
    variables: ByPath[SharedVariable], values: Mapping[str, Any], kind: str, noun: str
) -> None:
    """Set the values of all `variables`.

    If an entry is invalid, no value is changed.

    Parameters
    ----------
    variables : dict of str to SharedVariable
    values : dict of str to array
        The values, keyed by the paths of `variables`, with or without a leading ``/``.
    kind, noun : str
        A long and a short description of a variable, for error messages.

    Raises
    ------
    ParameterError
        If a path is unknown, missing or given twice, or a value is not valid for its variable.
    """
    given: dict[str, Any] = {}
    for path, value in values.items():
        full = variables.spelled(path)
        if full in given:
            raise ParameterError(f"no {noun} was set: {full!r} is given twice")
        given[full] = value
    problems = [
        f"{path!r} is not a {kind}{nearest(path, variables, ' ({})')}"
        for path in given
        if path not in variables
    ]
    problems += [f"{path!r} has no value" for path in variables if path not in given]
    arrays = {path: numpy.asarray(value) for path, value in given.items()}
    for path, array in arrays.items():
        if path in variables:
            problems += _misfits(path, array, variables[path])
    if problems:
        raise ParameterError(f"no {noun} was set: " + "; ".join(problems))
    for path, array in arrays.items():
        variables[path].set_value(array)


def _misfits(path: str, array: numpy.ndarray[Any, Any], variable: SharedVariable) -> list[str]:
    if array.dtype.kind not in "fiub":
        return [f"{path!r} must have numeric values, not values of dtype {array.dtype}"]
    if array.shape != tuple(variable.shape):
        return [f"{path!r} must have shape {tuple(variable.shape)}, not {array.shape}"]
    try:
        variable.check_value(torch.tensor(array), array)
    except WorkbenchError as error:
        return [f"{path!r} is not valid: {error}"]
    return []
