"""Tables of the bricks in a graph, with output shapes, numbers of parameters, and memory use."""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.graph.annotations import get_application_call
from workbench.graph.hierarchy import Component, get_brick
from workbench.roles import OUTPUT, PARAMETER, has_roles
from workbench.tensor import SharedVariable, Variable

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("brick", "type", "output", "parameters", "trained", "memory")
STYLE = "text-align: left; padding-right: 1.2em; white-space: pre;"


@dataclass(frozen=True)
class Row:
    """Row of a summary, which describes one brick without its children.

    Attributes
    ----------
    path : str
    depth : int
        The number of ancestors of this brick in the table.
    type : str
        The class name.
    shapes : tuple of str
        The shapes of the outputs; empty if the brick is not applied.
    parameters, trained : int
        The number of elements in this brick's parameters, and the number of trained elements.
    others : int
        The number of elements in its other shared variables, such as running statistics.
    memory : int
        The size of its parameters and other shared variables in bytes.
    """

    path: str
    depth: int
    type: str
    shapes: tuple[str, ...]
    parameters: int
    trained: int
    others: int
    memory: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def state(self) -> str:
        """The entry in the column ``trained``: ``"yes"``, ``"partly"`` or ``"no"``.

        The entry is empty if there are no parameters.
        """
        if not self.parameters:
            return ""
        return "yes" if self.trained == self.parameters else "partly" if self.trained else "no"


class Summary:
    """Table of bricks, which is shown as text or, in a notebook, as HTML.

    `workbench.model.Model.summary` and `workbench.bricks.Brick.summary` create summaries.

    Parameters
    ----------
    rows : sequence of Row
        One row for each brick, with parents before their children.

    Attributes
    ----------
    parameters, trained, others, memory : int
        Sums over all rows.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = tuple(rows)

    @property
    def parameters(self) -> int:
        """The total number of elements in all parameters."""
        return sum(row.parameters for row in self.rows)

    @property
    def trained(self) -> int:
        """The total number of elements in the trained parameters."""
        return sum(row.trained for row in self.rows)

    @property
    def others(self) -> int:
        """The total number of elements in other shared variables, such as running statistics."""
        return sum(row.others for row in self.rows)

    @property
    def memory(self) -> int:
        """The total size of all values, in bytes."""
        return sum(row.memory for row in self.rows)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows as a pandas frame, indexed by path."""
        import pandas as pd

        rows = [
            {
                "type": row.type,
                "output": ", ".join(row.shapes),
                "parameters": row.parameters,
                "trained": row.trained,
                "others": row.others,
                "memory": row.memory,
            }
            for row in self.rows
        ]
        return pd.DataFrame(rows, index=pd.Index([row.path for row in self.rows], name="brick"))

    def __str__(self) -> str:
        lines = [COLUMNS, *(_cells(row) for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
        right = {COLUMNS.index("parameters"), COLUMNS.index("memory")}
        text = [
            "  ".join(
                cell.rjust(width) if i in right else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        rule = "-" * max(map(len, text))
        return "\n".join([text[0], rule, *text[1:], rule, self._totals()])

    def _totals(self) -> str:
        frozen = self.parameters - self.trained
        parts = [f"{self.parameters:,} parameters ({self.trained:,} trained, {frozen:,} frozen)"]
        if self.others:
            parts.append(f"{self.others:,} other values")
        return ", ".join([*parts, in_bytes(self.memory)])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        def line(cells: Iterable[str], tag: str) -> str:
            inner = "".join(f'<{tag} style="{STYLE}">{html.escape(c)}</{tag}>' for c in cells)
            return f"<tr>{inner}</tr>"

        body = "".join(line(_cells(row), "td") for row in self.rows)
        head = f"<thead>{line(COLUMNS, 'th')}</thead>"
        return f"<table>{head}<tbody>{body}</tbody></table><div>{self._totals()}</div>"


def summarize(
    variables: Iterable[Variable],
    tops: Iterable[Component],
    trained: Collection[SharedVariable] | None = None,
) -> Summary:
    """Create the summary of some bricks and all their descendants.

    Parameters
    ----------
    variables : iterable of Variable
        The variables of the graph that applies the bricks.
    tops : iterable of Component
        The bricks at the top of the hierarchy.
    trained : collection of SharedVariable, optional
        The parameters that are trained; by default all.
    """
    outputs: dict[Component, dict[Variable, None]] = {}
    others: dict[Component, dict[SharedVariable, None]] = {}
    for variable in variables:
        brick = get_brick(variable)
        if brick is None:
            continue
        if isinstance(variable, SharedVariable) and not has_roles(variable, [PARAMETER]):
            others.setdefault(brick, {})[variable] = None
        elif has_roles(variable, [OUTPUT]) and get_application_call(variable) is not None:
            outputs.setdefault(brick, {})[variable] = None
    rows: list[Row] = []
    counted: set[SharedVariable] = set()
    stack = [(top, "", 0) for top in reversed(list(tops))]
    seen: set[Component] = set()
    while stack:
        brick, above, depth = stack.pop()
        if brick in seen:
            continue
        seen.add(brick)
        path = f"{above}/{brick.name}" if above else brick.name
        own = [p for p in _parameters(brick) if p not in counted]
        counted.update(own)
        kept = [v for v in others.get(brick, ()) if v not in counted]
        counted.update(kept)
        rows.append(
            Row(
                path,
                depth,
                type(brick).__name__,
                tuple(shape_text(v) for v in _last(outputs.get(brick, {}))),
                sum(map(_size, own)),
                sum(_size(p) for p in own if trained is None or p in trained),
                sum(map(_size, kept)),
                sum(_size(v) * v.dtype.itemsize for v in (*own, *kept)),
            )
        )
        stack += [(child, path, depth + 1) for child in reversed(list(brick.children))]
    return Summary(rows)


def in_bytes(number: int) -> str:
    """Return a number of bytes as text.

    Examples
    --------
    >>> in_bytes(900), in_bytes(2_500_000)
    ('900 B', '2.4 MiB')
    """
    amount, units = float(number), ("B", "KiB", "MiB", "GiB")
    for unit in units:
        if amount < 1024 or unit == units[-1]:
            break
        amount /= 1024
    return f"{number} B" if unit == "B" else f"{amount:.1f} {unit}"


def _parameters(brick: Component) -> list[SharedVariable]:
    found: Any = brick._parameters or ()
    return [p for p in found if isinstance(p, SharedVariable)]


def _size(variable: SharedVariable) -> int:
    return math.prod(int(n) for n in variable.tensor.shape)


def _last(outputs: Iterable[Variable]) -> list[Variable]:
    """Return the outputs of the last application."""
    found = list(outputs)
    call = get_application_call(found[-1]) if found else None
    return [v for v in found if get_application_call(v) is call]


def shape_text(variable: Variable) -> str:
    """Return the shape of a variable as text, such as ``(?, 10)``."""
    sizes = [str(n) if isinstance(n, int) else "?" for n in variable.shape]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


def _cells(row: Row) -> tuple[str, ...]:
    count = f"{row.parameters:,}" if row.parameters else ""
    memory = in_bytes(row.memory) if row.memory else ""
    shapes = ", ".join(row.shapes)
    return ("  " * row.depth + row.name, row.type, shapes, count, row.state, memory)
