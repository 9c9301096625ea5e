"""`Linear`, the linear transformation."""

from __future__ import annotations

from typing import Unpack

import torch

from workbench.bricks.application import application
from workbench.bricks.checks import check_last_dim
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.initializable import LinearLike
from workbench.bricks.lazy import lazy
from workbench.bricks.options import InitializableOptions
from workbench.bricks.to_torch import TorchCall, layer_of, value_of
from workbench.roles import BIAS, WEIGHT
from workbench.tensor import Variable


class Linear(LinearLike, Feedforward):
    """A linear transformation with an optional bias: ``output = input_ @ W + b``.

    Parameters
    ----------
    input_dim : int
        Size of the last dimension of the input. Required by `allocate`.
    output_dim : int
        Size of the last dimension of the output. Required by `allocate`.
    **kwargs
        Options of `Initializable`: `weights_init`, `biases_init`, `use_bias`, `seed` and `name`.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> linear = Linear(3, 2, weights_init=Constant(1), biases_init=Constant(0.5))
    >>> linear.initialize()
    >>> linear.apply(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[6.5000, 6.5000]])
    """

    @lazy(allocation=["input_dim", "output_dim"])
    def __init__(
        self, input_dim: int, output_dim: int, **kwargs: Unpack[InitializableOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim

    def _allocate(self) -> None:
        self._add_parameter((self.input_dim, self.output_dim), "W", WEIGHT)
        if self.use_bias:
            self._add_parameter((self.output_dim,), "b", BIAS)

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        if not call.plain:
            return None
        values = {"weight": value_of(self.W).T}
        if self.use_bias:
            values["bias"] = value_of(self.b)
        sizes = self.input_dim, self.output_dim
        return layer_of(torch.nn.Linear, *sizes, values=values, options={"bias": self.use_bias})

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Apply the linear transformation to the last dimension.

        Parameters
        ----------
        input_ : Variable
            Floats of shape (..., input_dim).

        Returns
        -------
        Variable
            Floats of shape (..., output_dim).
        """
        check_last_dim(self, "apply", "input_", input_, "input_dim")
        output = input_ @ self.W
        return output + self.b if self.use_bias else output
