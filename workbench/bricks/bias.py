"""`Bias`, the brick that adds biases."""

from __future__ import annotations

from typing import Unpack

from workbench.bricks.application import application
from workbench.bricks.checks import check_last_dim
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import lazy
from workbench.bricks.options import InitializableOptions
from workbench.roles import BIAS
from workbench.tensor import Variable


class Bias(Feedforward, Initializable):
    """Brick that adds a bias, ``output = input_ + b``.

    Parameters
    ----------
    dim : int
        Size of the last dimension of input and output. Required by `allocate`.
    **kwargs
        Options of `Initializable`; `weights_init` is not used.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> bias = Bias(2, biases_init=Constant([1, 2]))
    >>> bias.initialize()
    >>> bias.apply(torch.zeros(1, 2))
    tensor([[1., 2.]])
    """

    @lazy(allocation=["dim"])
    def __init__(self, dim: int, **kwargs: Unpack[InitializableOptions]) -> None:
        super().__init__(**kwargs)
        self.dim = dim

    @property
    def input_dim(self) -> int:
        """The same as `dim`."""
        return self.dim

    @input_dim.setter
    def input_dim(self, value: int) -> None:
        self.dim = value

    @property
    def output_dim(self) -> int:
        """The same as `dim`."""
        return self.dim

    @output_dim.setter
    def output_dim(self, value: int) -> None:
        self.dim = value

    def _allocate(self) -> None:
        self._add_parameter((self.dim,), "b", BIAS)

    def _initialize(self) -> None:
        self._scheme("biases_init").initialize(self.parameters[0], self.rng)

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Add the bias along the last dimension, which has size `dim`."""
        check_last_dim(self, "apply", "input_", input_, "dim")
        b: Variable = self.parameters[0]
        return input_ + b
