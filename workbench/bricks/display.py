"""Display of a hierarchy of bricks, as a text tree or as collapsible HTML with a diagram.

The HTML consists of an image and ``<details>`` elements without scripts or style sheets. It uses
the colours of the page, so that it is readable in light and dark notebooks.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from workbench.diagrams.of_brick import of_brick
from workbench.diagrams.page import image
from workbench.utils.plain import find_bricks

if TYPE_CHECKING:
    from workbench.tensor import Variable

FRAME = "font-family: var(--jp-code-font-family, monospace); font-size: 90%; line-height: 1.6;"
INDENT = (
    "margin-left: 1.2em; border-left: 1px solid rgba(128, 128, 128, 0.35); padding-left: 0.6em;"
)
FAINT = "opacity: 0.65;"


class Shown(Protocol):
    """The attributes of a brick that are displayed."""

    @property
    def name(self) -> str:
        """The name of the brick."""

    @property
    def allocated(self) -> bool:
        """True if the brick has been allocated."""

    @property
    def parameters(self) -> Iterable[Variable | None]:
        """The parameters of this brick, without the parameters of its children."""

    @property
    def children(self) -> Iterable[Any]:
        """The children: bricks and other components."""

    def describe(self) -> str:
        """Return the dimensions and options of the brick as a short text."""

    def _bricks(self) -> Sequence[Shown]:
        """Return the children that are bricks."""


def as_text(brick: Shown) -> str:
    """Return the hierarchy of a brick as text, with one line for each brick.

    Examples
    --------
    >>> from workbench.bricks import MLP, Tanh
    >>> mlp = MLP([Tanh(), None], [20, 10, 5])
    >>> mlp.allocate()
    >>> print(as_text(mlp))
    MLP mlp: 20 -> 5 · 265 parameters
    ├─ Linear linear_0: 20 -> 10 · 210 parameters: W (20, 10), b (10,)
    ├─ Tanh tanh
    └─ Linear linear_1: 10 -> 5 · 55 parameters: W (10, 5), b (5,)
    """
    first, *below = _lines(brick)
    return "\n".join([first if brick.allocated else f"{first} · not allocated", *below])


def _lines(brick: Shown) -> list[str]:
    lines = [" · ".join(part for part in (_title(brick), _parameters(brick)) if part)]
    children = brick._bricks()
    for i, child in enumerate(children):
        first, rest = ("└─ ", "   ") if i == len(children) - 1 else ("├─ ", "│  ")
        below = _lines(child)
        lines += [first + below[0], *(rest + line for line in below[1:])]
    return lines


def as_html(brick: Shown) -> str:
    """Return a diagram of a brick, and its hierarchy as nested ``<details>`` elements."""
    note = "" if brick.allocated else f'<div style="{FAINT}">not allocated</div>'
    drawn = of_brick(brick)
    shown = "" if drawn is None else f"<div>{image(drawn.folded())}</div>"
    return f'<div>{shown}<div style="{FRAME}">{_node(brick)}{note}</div></div>'


def _node(brick: Shown) -> str:
    name, kind, details = (
        html.escape(text) for text in (brick.name, type(brick).__name__, brick.describe())
    )
    head = f'<b>{name}</b> <span style="{FAINT}">{kind}</span> {details}'
    if parameters := _parameters(brick):
        head += f' <span style="{FAINT}">· {html.escape(parameters)}</span>'
    children = brick._bricks()
    if not children:
        return f"<div>{head}</div>"
    below = "".join(_node(child) for child in children)
    return f'<details open><summary>{head}</summary><div style="{INDENT}">{below}</div></details>'


def _title(brick: Shown) -> str:
    details = brick.describe()
    return f"{type(brick).__name__} {brick.name}{': ' + details if details else ''}"


def _parameters(brick: Shown) -> str:
    """Return the parameter count of a brick and its descendants, and the brick's own parameters."""
    parts = find_bricks([brick], lambda _: True)
    if not all(part.allocated for part in parts):
        return ""
    all_of_them = {p: None for part in parts for p in part.parameters if p is not None}
    if not all_of_them:
        return ""
    count = sum(math.prod(parameter.shape) for parameter in all_of_them)
    own = ", ".join(_parameter(p) for p in brick.parameters if p is not None)
    noun = "parameter" if count == 1 else "parameters"
    return f"{count:,} {noun}{': ' + own if own else ''}"


def _parameter(parameter: Variable) -> str:
    return f"{parameter!r} {tuple(parameter.shape)}"
