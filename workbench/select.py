"""Selecting bricks and parameters by their place in the hierarchy.

A path is the names of bricks from a root downwards, and perhaps a parameter at its end:
``/mlp/linear_0`` or ``/mlp/linear_0.W``. To give one, the separator in front is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from workbench.errors import SelectionError, nearest
from workbench.graph.hierarchy import PARAMETER_SEPARATOR, PATH_SEPARATOR, Component
from workbench.hints import Hinted
from workbench.names import explain_missing
from workbench.tensor import Variable
from workbench.utils.paths import ByPath

__all__ = [
    "Path",
    "Selector",
]


class Path(Hinted):
    """A place in a hierarchy of bricks.

    Parameters
    ----------
    nodes : list or tuple of Path.BrickName and Path.ParameterName
        A parameter can stand only at the end.

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
        """The name of a brick in a path."""

        __slots__ = ()

        def part(self) -> str:
            """How it is written."""
            return Path.separator + self

    class ParameterName(str):
        """The name of a parameter in a path."""

        __slots__ = ()

        def part(self) -> str:
            """How it is written."""
            return Path.parameter_separator + self

    def __init__(self, nodes: Sequence[Path.BrickName | Path.ParameterName]) -> None:
        self.nodes = tuple(nodes)
        for i, node in enumerate(self.nodes):
            if not isinstance(node, (Path.BrickName, Path.ParameterName)):
                raise SelectionError(
                    f"a path consists of Path.BrickName and Path.ParameterName, got {node!r}; "
                    "Path.parse makes one of a text"
                )
            if isinstance(node, Path.ParameterName) and i < len(self.nodes) - 1:
                raise SelectionError(f"nothing can follow the parameter {node!r} in a path")

    @staticmethod
    def parse(string: str) -> Path:
        """Make a path of its text; a separator in front makes no difference.

        Raises
        ------
        SelectionError
            If a name is empty, or a parameter does not stand at the end.
        """
        pieces = Path.separator_re.split(string)
        if pieces[0]:
            pieces = [Path.separator, *pieces]
        else:
            del pieces[0]
        names, marks = pieces[1::2], pieces[::2]
        if not names or not all(names) or PARAMETER_SEPARATOR in marks[:-1]:
            raise SelectionError(
                f"{string!r} is no path; write brick names with '/' between them and perhaps one "
                "parameter at the end, as in 'mlp/linear_0.W'"
            )
        kinds = {Path.separator: Path.BrickName, Path.parameter_separator: Path.ParameterName}
        return Path([kinds[mark](name) for mark, name in zip(marks, names, strict=True)])

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


class Selector(Hinted):
    """Some bricks of a hierarchy, with all below them.

    Parameters
    ----------
    bricks : list of Brick

    Examples
    --------
    >>> from workbench.bricks import MLP, Tanh
    >>> mlp = MLP([Tanh(), Tanh()], [5, 7, 2])
    >>> mlp.allocate()
    >>> selector = Selector([mlp])
    >>> selector.get_parameters("W")
    {'/mlp/linear_0.W': W, '/mlp/linear_1.W': W}
    >>> selector.select("/mlp/linear_1")
    Selector([<Linear linear_1: 7 -> 2>])
    >>> selector.select("mlp/linear_1.b")
    [b]
    """

    def __init__(self, bricks: Component | Sequence[Component]) -> None:
        self.bricks = [bricks] if isinstance(bricks, Component) else list(bricks)

    def get_parameters(self, parameter_name: str | None = None) -> ByPath[Variable]:
        """The parameters of the bricks and of all below them, by path.

        Parameters
        ----------
        parameter_name : str, optional
            Return only parameters of this name.

        Raises
        ------
        SelectionError
            If two different parameters have the same path.
        """
        found: ByPath[Variable] = ByPath()
        stack = [(brick, Path([Path.BrickName(brick.name)])) for brick in reversed(self.bricks)]
        while stack:
            brick, path = stack.pop()
            for parameter in brick.parameters:
                if parameter is None or parameter_name not in (None, parameter.name):
                    continue
                key = str(path + Path([Path.ParameterName(parameter.name)]))
                if found.setdefault(key, parameter) is not parameter:
                    raise SelectionError(
                        f"two parameters have the path {key!r}; give the bricks different names"
                    )
            below = ((c, path + Path([Path.BrickName(c.name)])) for c in reversed(brick.children))
            stack.extend(below)
        return found

    def select(self, path: Path | str) -> Selector | list[Variable]:
        """Follow a path that begins with the name of a selected brick.

        Parameters
        ----------
        path : Path or str

        Returns
        -------
        Selector or list of Variable
            The bricks at the path; or, if it ends with a parameter, the parameters of this name at
            and below it.

        Raises
        ------
        SelectionError
            If there is nothing of that name.
        """
        path = Path.parse(path) if isinstance(path, str) else path
        current, below = self, self.bricks
        for node in path.nodes:
            if isinstance(node, Path.ParameterName):
                parameters = current.get_parameters(node)
                if not parameters:
                    known = {p.rpartition(".")[2] for p in current.get_parameters()}
                    raise SelectionError(_nothing(path, node, known))
                return list(parameters.values())
            matching = [brick for brick in below if brick.name == node]
            if not matching:
                raise SelectionError(_nothing(path, node, {brick.name for brick in below}))
            current = Selector(list(dict.fromkeys(matching)))
            below = [child for brick in current for child in brick.children]
        return current

    def __iter__(self) -> Iterator[Component]:
        return iter(self.bricks)

    def __len__(self) -> int:
        return len(self.bricks)

    def __repr__(self) -> str:
        return f"Selector({self.bricks})"


def _nothing(path: Path, node: str, known: set[str]) -> str:
    there = ", ".join(sorted(known)) or "nothing"
    return f"nothing at {str(path)!r}: there is no {node!r} ({there}){nearest(node, known)}"


explain_missing(__name__)
