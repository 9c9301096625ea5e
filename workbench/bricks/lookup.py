"""`LookupTable`, a brick that maps each integer, such as the index of a word, to a vector."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Unpack

import torch

from workbench.bricks.application import application
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import lazy
from workbench.bricks.options import InitializableOptions
from workbench.bricks.to_torch import TorchCall, layer_of, value_of
from workbench.errors import BrickError, DtypeError
from workbench.initialization import IsotropicGaussian
from workbench.names import explain_missing
from workbench.roles import WEIGHT
from workbench.tensor import Variable
from workbench.tensor.indexing import rows

__all__ = [
    "LookupTable",
]


class LookupTable(Initializable, Feedforward):
    """Brick that replaces each integer with the row of a table at that index.

    Parameters
    ----------
    length : int
        The number of rows, one more than the largest index. Required by `allocate`.
    dim : int
        The size of a row. Required by `allocate`.
    **kwargs
        Options of `Initializable`; `biases_init` and `use_bias` are not used.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> lookup = LookupTable(3, 2, weights_init=Constant([[0, 1], [2, 3], [4, 5]]))
    >>> lookup.initialize()
    >>> lookup.apply(torch.tensor([2, 0]))
    tensor([[4., 5.],
            [0., 1.]])
    """

    default_schemes = MappingProxyType({"weights_init": IsotropicGaussian(0.1)})

    @lazy(allocation=["length", "dim"])
    def __init__(self, length: int, dim: int, **kwargs: Unpack[InitializableOptions]) -> None:
        super().__init__(**kwargs)
        self.length = length
        self.dim = dim

    @property
    def W(self) -> Variable:
        """The table, a matrix of shape (length, dim)."""
        weights: Variable = self.parameters[0]
        return weights

    @property
    def input_dim(self) -> int:
        """Always zero, since an index is a scalar."""
        return 0

    @input_dim.setter
    def input_dim(self, value: int) -> None:
        if value:
            raise BrickError(
                f"{self.path()}: input_dim must be 0, not {value}, because the inputs of a lookup "
                "table are indices; do not set input_dim"
            )

    @property
    def output_dim(self) -> int:
        """The same as `dim`."""
        return self.dim

    @output_dim.setter
    def output_dim(self, value: int) -> None:
        self.dim = value

    def get_dim(self, name: str) -> Any:
        return self.input_dim if name == "indices" else super().get_dim(name)

    def describe(self) -> str:
        return f"{self.length or '?'} row{'s' * (self.length != 1)} of {self.dim or '?'}"

    def _allocate(self) -> None:
        self._add_parameter((self.length, self.dim), "W", WEIGHT)

    def _initialize(self) -> None:
        self._scheme("weights_init").initialize(self.parameters[0], self.rng)

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        if not call.plain:
            return None
        values = {"weight": value_of(self.W)}
        return layer_of(torch.nn.Embedding, self.length, self.dim, values=values)

    @application(inputs=["indices"], outputs=["output"])
    def apply(self, indices: Variable) -> Variable:
        """Return the rows with the given indices.

        Parameters
        ----------
        indices : Variable
            Integers of any shape, from zero to ``length - 1``.

        Returns
        -------
        Variable
            Floats with the shape of `indices`, followed by a dimension of size `dim`.

        Raises
        ------
        DtypeError
            If `indices` are not integers.
        OutOfRangeError
            If an index is below zero or above ``length - 1``. The error is raised when the output
            is computed.
        """
        if indices.dtype.is_floating_point or indices.dtype is torch.bool:
            raise DtypeError(
                f"{self.path()}.apply: indices have dtype "
                f"{str(indices.dtype).removeprefix('torch.')}, but must be integers; use "
                "tensor.lvector or tensor.lmatrix, or convert them, as in indices.long()"
            )
        return rows(self.W, indices, f"{self.path()}.apply: indices")


explain_missing(__name__)
