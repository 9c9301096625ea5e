"""`Feedforward`, the interface of bricks with one input and one output."""

from __future__ import annotations

from typing import Any

from workbench.bricks.base import Brick
from workbench.bricks.lazy import is_set


class Feedforward(Brick):
    """Base class of bricks with one input and one output.

    Attributes
    ----------
    input_dim : int
    output_dim : int

    Examples
    --------
    >>> from workbench.bricks import MLP, Linear, Tanh
    >>> [(one.input_dim, one.output_dim) for one in (Linear(3, 2), MLP([Tanh(), None], [5, 4, 1]))]
    [(3, 2), (5, 1)]
    >>> isinstance(Linear(3, 2), Feedforward)
    True
    """

    input_dim: Any
    output_dim: Any

    def get_dim(self, name: str) -> Any:
        if name == "input_":
            return self.input_dim
        if name == "output":
            return self.output_dim
        return super().get_dim(name)

    def describe(self) -> str:
        ends = (getattr(self, "input_dim", None), getattr(self, "output_dim", None))
        return " -> ".join(str(end) if is_set(end) else "?" for end in ends)
