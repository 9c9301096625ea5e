"""Paths of bricks and parameters in a hierarchy, as text and as selection criteria."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from workbench.errors import SelectionError
from workbench.graph.hierarchy import PARAMETER_SEPARATOR, PATH_SEPARATOR, Component, get_brick
from workbench.hints import Hinted
from workbench.tensor import Variable
from workbench.utils.predicates import Predicate


class Path(Predicate, Hinted):
    """Path in a hierarchy of bricks.

    As a criterion, a path selects the variables of the brick at the path and all bricks below
    it. The first name must be the name of a brick without parents. If the path ends with a
    parameter, it selects only variables with this name.

    Parameters
    ----------
    nodes : list or tuple of Path.BrickName and Path.ParameterName
        The names on the path; only the last name may be a parameter.

    Attributes
    ----------
    nodes : tuple

    Examples
    --------
    >>> path = Path.parse("mlp/linear_0.W")
    >>> path, path.nodes[-1]
    (Path('/mlp/linear_0.W'), 'W')
    >>> str(Path([Path.BrickName("mlp")]) + Path([Path.ParameterName("b")]))
    '/mlp.b'
    """

    separator = PATH_SEPARATOR
    parameter_separator = PARAMETER_SEPARATOR
    separator_re = re.compile(r"([/.])")

    class BrickName(str):
        """Name of a brick in a path."""

        __slots__ = ()

        def part(self) -> str:
            """Return the name with a leading separator."""
            return Path.separator + self

    class ParameterName(str):
        """Name of a parameter in a path."""

        __slots__ = ()

        def part(self) -> str:
            """Return the name with a leading separator."""
            return Path.parameter_separator + self

    def __init__(self, nodes: Sequence[Path.BrickName | Path.ParameterName]) -> None:
        self.nodes = tuple(nodes)
        for i, node in enumerate(self.nodes):
            if not isinstance(node, (Path.BrickName, Path.ParameterName)):
                raise SelectionError(
                    f"a path must consist of Path.BrickName and Path.ParameterName, not {node!r}; "
                    "Path.parse converts a string to a path"
                )
            if isinstance(node, Path.ParameterName) and i < len(self.nodes) - 1:
                raise SelectionError(f"the parameter {node!r} must be the last name in a path")

    @staticmethod
    def parse(string: str) -> Path:
        """Convert a string to a path; a leading separator is optional.

        Raises
        ------
        SelectionError
            If a name is empty, or a parameter is not at the end.
        """
        pieces = Path.separator_re.split(string)
        if pieces[0]:
            pieces = [Path.separator, *pieces]
        else:
            del pieces[0]
        names, marks = pieces[1::2], pieces[::2]
        if not names or not all(names) or PARAMETER_SEPARATOR in marks[:-1]:
            raise SelectionError(
                f"{string!r} is not a path; write brick names separated by '/', with at most one "
                "parameter at the end, as in 'mlp/linear_0.W'"
            )
        kinds = {Path.separator: Path.BrickName, Path.parameter_separator: Path.ParameterName}
        return Path([kinds[mark](name) for mark, name in zip(marks, names, strict=True)])

    def selects(self, variable: Variable) -> bool:
        """Return True if `variable` is at the path or below it."""
        brick = get_brick(variable)
        if brick is None or not self.nodes:
            return False
        *bricks, last = self.nodes
        if isinstance(last, Path.ParameterName):
            if last not in (variable.name, variable.tag.name):
                return False
        else:
            bricks.append(last)
        return not bricks or any(_ends(above, bricks) for above in at_or_above(brick))

    def texts(self) -> Iterator[str]:
        """Yield the path as a string."""
        yield str(self)

    def __add__(self, other: Path) -> Path:
        return Path(self.nodes + other.nodes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Path) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return "".join(node.part() for node in self.nodes)

    def __repr__(self) -> str:
        return f"Path({str(self)!r})"


def at_or_above(brick: Component) -> list[Component]:
    """Return a brick and all of its ancestors, without duplicates."""
    found = {brick: None}
    waiting = [brick]
    while waiting:
        new = [parent for parent in waiting.pop().parents if parent not in found]
        found.update(dict.fromkeys(new))
        waiting.extend(new)
    return list(found)


def _ends(brick: Component, names: Sequence[str]) -> bool:
    """Return True if `names` form a path from a brick without parents to `brick`."""
    if brick.name != names[-1]:
        return False
    if len(names) == 1:
        return not brick.parents
    return any(_ends(parent, names[:-1]) for parent in brick.parents)
