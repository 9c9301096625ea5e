"""`Maxout`, and `LinearMaxout`, which applies a linear transformation first."""

from __future__ import annotations

from typing import Unpack

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.checks import shown
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.fixes import fix_of
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import lazy
from workbench.bricks.linear import Linear
from workbench.bricks.options import BrickOptions, InitializableOptions, with_children
from workbench.errors import ShapeError, about
from workbench.tensor import Variable


class Maxout(Brick):
    """Brick that computes the maximum of each group of adjacent features.

    Parameters
    ----------
    num_pieces : int
        The number of features in a group. Required by `allocate`.

    References
    ----------
    Goodfellow et al., *Maxout networks*, 2013.

    Examples
    --------
    >>> import torch
    >>> Maxout(2).apply(torch.tensor([[1.0, 5.0, 4.0, 3.0]]))
    tensor([[5., 4.]])
    """

    @lazy(allocation=["num_pieces"])
    def __init__(self, num_pieces: int, **kwargs: Unpack[BrickOptions]) -> None:
        super().__init__(**kwargs)
        self.num_pieces = num_pieces

    def describe(self) -> str:
        number = self.num_pieces
        return f"{number} piece{'s' * (number != 1)}" if number else "? pieces"

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Reduce the last dimension, whose size must be a multiple of `num_pieces`."""
        size = input_.shape[-1]
        if isinstance(size, int) and size % self.num_pieces:
            error = ShapeError(
                f"{self.path()}.apply: input_ has shape {shown(input_)}; its last dimension must "
                f"be a multiple of num_pieces={self.num_pieces}; set num_pieces to a divisor "
                f"of {size}, or pass an input with a different number of features"
            )
            pieces = next((n for n in range(self.num_pieces, 1, -1) if size % n == 0), None)
            fix = None if pieces is None else fix_of(self, "num_pieces", pieces)
            raise about(error, self.path(), fix)
        output: Variable = input_.unflatten(-1, (-1, self.num_pieces)).amax(-1)
        return output


class LinearMaxout(Initializable, Feedforward):
    """A linear transformation followed by `Maxout`.

    Parameters
    ----------
    input_dim : int
        Size of the last dimension of the input. Required by `allocate`.
    output_dim : int
        Size of the last dimension of the output. Required by `allocate`.
    num_pieces : int
        The number of linear functions for each output. Required by `allocate`.
    **kwargs
        Options of `Initializable`.

    Examples
    --------
    >>> brick = LinearMaxout(input_dim=4, output_dim=3, num_pieces=2)
    >>> brick.allocate()
    >>> print(brick)
    LinearMaxout linearmaxout: 4 -> 3 · 30 parameters
    ├─ Linear linear: 4 -> 6 · 30 parameters: W (4, 6), b (6,)
    └─ Maxout maxout: 2 pieces
    """

    @lazy(allocation=["input_dim", "output_dim", "num_pieces"])
    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        num_pieces: int,
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        self.linear = Linear()
        self.maxout = Maxout()
        super().__init__(**with_children(kwargs, self.linear, self.maxout))
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.num_pieces = num_pieces

    def _push_allocation_config(self) -> None:
        self.linear.input_dim = self.input_dim
        self.linear.output_dim = self.output_dim * self.num_pieces
        self.linear.use_bias = self.use_bias
        self.maxout.num_pieces = self.num_pieces

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Map the last dimension, of size `input_dim`, to a dimension of size `output_dim`."""
        output: Variable = self.maxout.apply(self.linear.apply(input_))
        return output
