"""Selection of bricks and parameters by their paths in the hierarchy.

A path consists of the names of bricks, starting at a root, and may end with the name of a
parameter: ``/mlp/linear_0`` or ``/mlp/linear_0.W``. The leading separator is optional.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from workbench.errors import SelectionError, nearest
from workbench.graph.hierarchy import Component, get_brick
from workbench.graph.paths import Path, at_or_above
from workbench.graph.selection import Selection, select
from workbench.hints import Hinted
from workbench.names import explain_missing
from workbench.tensor import Variable
from workbench.utils.paths import ByPath
from workbench.utils.predicates import Predicate

__all__ = [
    "Path",
    "Selector",
]


class Selector(Predicate, Hinted):
    """Set of bricks in a hierarchy, including their descendants.

    As a criterion, a selector selects the variables of all these bricks.

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
    >>> from workbench.roles import WEIGHT
    >>> selector.select(WEIGHT & selector.select("mlp/linear_1")).paths
    ['/mlp/linear_1.W']
    """

    def __init__(self, bricks: Component | Sequence[Component]) -> None:
        self.bricks = [bricks] if isinstance(bricks, Component) else list(bricks)

    def get_parameters(self, parameter_name: str | None = None) -> ByPath[Variable]:
        """Return the parameters of the bricks and their descendants, keyed by path.

        Parameters
        ----------
        parameter_name : str, optional
            If given, return only parameters with this name.

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

    def selects(self, variable: Variable) -> bool:
        """Return True if `variable` belongs to one of the bricks or to a descendant."""
        brick = get_brick(variable)
        return brick is not None and any(above in self.bricks for above in at_or_above(brick))

    @overload
    def select(self, path: Path | str) -> Selector | Selection: ...

    @overload
    def select(self, path: Any) -> Any: ...

    def select(self, path: Any) -> Any:
        """Select by a criterion, or by a path that starts with the name of a selected brick.

        Parameters
        ----------
        path : Path, str or criterion
            A string is a path. `workbench.filter.as_predicate` lists the other criteria.

        Returns
        -------
        Selector or Selection
            For a path, the bricks at the path or, if the path ends with the name of a parameter,
            the parameters of this name in these bricks and their descendants. For a criterion, the
            parameters that meet the criterion.

        Raises
        ------
        SelectionError
            If a name on the path does not exist, or no parameter meets the criterion.
        """
        if not isinstance(path, (Path, str)):
            return select(path, self, "Selector.select")
        path = Path.parse(path) if isinstance(path, str) else path
        current, below = self, self.bricks
        for node in path.nodes:
            if isinstance(node, Path.ParameterName):
                parameters = current.get_parameters(node)
                if not parameters:
                    known = {p.rpartition(".")[2] for p in current.get_parameters()}
                    raise SelectionError(_nothing(path, node, known))
                return Selection(parameters.values(), path, self.get_parameters().values())
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
    there = ", ".join(sorted(known)) or "none"
    return (
        f"the path {str(path)!r} does not exist: there is no {node!r} (available names: {there})"
        f"{nearest(node, known)}"
    )


explain_missing(__name__)
