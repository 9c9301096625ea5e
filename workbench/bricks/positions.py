"""Positional encodings; without them, attention ignores the order of a sequence.

Sequences have the shape (..., T, D), with time before features. Other dimensions, such as the
batch, precede them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Unpack

import torch

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.checks import check_last_dim, shown
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.fixes import fix_of
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import lazy
from workbench.bricks.options import BrickOptions, InitializableOptions
from workbench.errors import BrickError, ShapeError, about
from workbench.initialization import IsotropicGaussian
from workbench.roles import WEIGHT
from workbench.tensor import Variable


class PositionalEncoding(Feedforward):
    """Base class of bricks that encode the positions of the elements of a sequence.

    Attributes
    ----------
    dim : int
        Size of the last dimension of input and output. Required by `allocate`.
    """

    dim: Any

    @property
    def input_dim(self) -> Any:
        """The same as `dim`."""
        return self.dim

    @input_dim.setter
    def input_dim(self, value: int) -> None:
        self.dim = value

    @property
    def output_dim(self) -> Any:
        """The same as `dim`."""
        return self.dim

    @output_dim.setter
    def output_dim(self, value: int) -> None:
        self.dim = value

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Encode positions in floats of shape (..., T, dim); the output has the same shape."""
        raise NotImplementedError(f"{type(self).__name__} must define the method apply")


def check_sequence(brick: Brick, input_: Variable) -> None:
    """Check that the input consists of floats and has the shape (..., T, dim).

    Raises
    ------
    ShapeError, DtypeError
        If a check fails.
    """
    if input_.ndim < 2:
        raise ShapeError(
            f"{brick.path()}.apply: input_ has shape {shown(input_)}, but a sequence must have the "
            "shape (..., T, D); add a dimension for time, as in input_.unsqueeze(-2)"
        )
    check_last_dim(brick, "apply", "input_", input_, "dim")


class _Paired(PositionalEncoding):
    """Base class of encodings that operate on pairs of features and have no parameters."""

    @lazy(allocation=["dim"])
    def __init__(self, dim: int, base: float = 10_000.0, **kwargs: Unpack[BrickOptions]) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.base = base

    def _allocate(self) -> None:
        if self.dim % 2:
            error = BrickError(
                f"{self.path()}: dim is {self.dim}, but must be even, because features are encoded "
                "in pairs"
            )
            raise about(error, self.path(), fix_of(self, "dim", self.dim + 1))

    def _angles(self, input_: Variable) -> Variable:
        """Return the product of each position and each frequency, of shape (T, dim / 2)."""
        position = torch.arange(input_.shape[-2], device=input_.device, dtype=torch.float64)
        exponents = torch.arange(0, self.dim, 2, device=input_.device, dtype=torch.float64)
        return torch.outer(position, self.base ** -(exponents / self.dim))  # type: ignore[return-value]


class SinusoidalPositions(_Paired):
    r"""Positional encoding that adds sines and cosines of the position with several wavelengths.

    At time step :math:`t`, :math:`\sin(t / b^{2i/D})` is added to feature :math:`2i` and
    :math:`\cos(t / b^{2i/D})` to feature :math:`2i + 1`.

    Parameters
    ----------
    dim : int
        The number D of features, which must be even. Required by `allocate`.
    base : float, optional
        The base b; the wavelengths range from :math:`2\pi` to almost :math:`2\pi b`.

    References
    ----------
    Vaswani and others, *Attention is all you need*, 2017.

    Examples
    --------
    >>> import torch
    >>> SinusoidalPositions(2).apply(torch.zeros(3, 2))
    tensor([[ 0.0000,  1.0000],
            [ 0.8415,  0.5403],
            [ 0.9093, -0.4161]])
    """

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Add the encoding to floats of shape (..., T, dim)."""
        check_sequence(self, input_)
        angles = self._angles(input_)
        encoding: Variable = _interleaved(angles.sin(), angles.cos()).to(input_.dtype)
        return input_ + encoding


class LearnedPositions(PositionalEncoding, Initializable):
    """Positional encoding that adds a learned vector to each element, depending on its position.

    Parameters
    ----------
    length : int
        The maximum length of a sequence. Required by `allocate`.
    dim : int
        The number of features. Required by `allocate`.
    **kwargs
        Options of `Initializable`; `biases_init` and `use_bias` are not used.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> positions = LearnedPositions(10, 2, weights_init=Constant(0.5))
    >>> positions.initialize()
    >>> positions.apply(torch.zeros(3, 2)), positions.W.shape
    (tensor([[0.5000, 0.5000],
             [0.5000, 0.5000],
             [0.5000, 0.5000]]), (10, 2))
    """

    default_schemes = MappingProxyType({"weights_init": IsotropicGaussian(0.1)})

    @lazy(allocation=["length", "dim"])
    def __init__(self, length: int, dim: int, **kwargs: Unpack[InitializableOptions]) -> None:
        super().__init__(**kwargs)
        self.length = length
        self.dim = dim

    @property
    def W(self) -> Variable:
        """The learned vectors, a matrix of shape (length, dim)."""
        vectors: Variable = self.parameters[0]
        return vectors

    def describe(self) -> str:
        return f"{super().describe()}, {self.length or '?'} positions"

    def _allocate(self) -> None:
        self._add_parameter((self.length, self.dim), "W", WEIGHT)

    def _initialize(self) -> None:
        self._scheme("weights_init").initialize(self.parameters[0], self.rng)

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Add the vectors to floats of shape (..., T, dim), where T is at most `length`."""
        check_sequence(self, input_)
        steps = input_.shape[-2]
        if isinstance(steps, int) and steps > self.length:
            raise ShapeError(
                f"{self.path()}.apply: input_ has shape {shown(input_)}, that is, {steps} time "
                f"steps, more than length={self.length}; set a larger length, or pass shorter "
                "sequences"
            )
        return input_ + self.W[:steps]


class RotaryPositions(_Paired):
    """Positional encoding that rotates pairs of features by angles proportional to the position.

    The dot product of two rotated vectors depends only on the distance between their positions.
    `MultiHeadAttention` can apply this brick to its queries and keys.

    Parameters
    ----------
    dim : int
        The number of features, which must be even. Required by `allocate`.
    base : float, optional
        The base of the frequencies; see `SinusoidalPositions`.

    References
    ----------
    Su and others, *RoFormer: enhanced transformer with rotary position embedding*, 2021.

    Examples
    --------
    >>> import torch
    >>> RotaryPositions(2).apply(torch.ones(2, 2))
    tensor([[ 1.0000,  1.0000],
            [-0.3012,  1.3818]])
    """

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Rotate the pairs of features in floats of shape (..., T, dim)."""
        check_sequence(self, input_)
        angles = self._angles(input_)
        cos, sin = angles.cos().to(input_.dtype), angles.sin().to(input_.dtype)
        first, second = input_[..., 0::2], input_[..., 1::2]
        return _interleaved(first * cos - second * sin, first * sin + second * cos)


def _interleaved(first: Variable, second: Variable) -> Variable:
    """Interleave the features of two variables."""
    pairs: Any = torch.stack([first, second], -1)  # type: ignore[list-item]
    interleaved: Variable = pairs.flatten(-2)
    return interleaved
