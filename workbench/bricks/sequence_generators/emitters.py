"""Emitters, which generate outputs from readouts.

In the shapes below, B is the number of sequences and R the size of a readout. ``...`` stands for B
in a tensor with one element of each sequence, and for T and B in a tensor with T elements of each
sequence.
"""

from __future__ import annotations

from typing import Any, Unpack

import torch

from workbench.bricks.application import application
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import lazy
from workbench.bricks.options import BrickOptions, EmitterOptions, with_children
from workbench.bricks.random_numbers import Random
from workbench.bricks.sequence_generators.interface import AbstractEmitter
from workbench.bricks.softmax import NDimensionalSoftmax
from workbench.errors import DtypeError, ShapeError
from workbench.tensor import Variable, as_variable
from workbench.tensor.device import default_device, floatx


class TrivialEmitter(AbstractEmitter):
    """Emitter that returns the readouts as outputs, with a cost of zero.

    To train a generator, define `cost` in a subclass, for example as a squared difference.

    Parameters
    ----------
    readout_dim : int
        The size R of a readout. Required by `allocate`.

    Examples
    --------
    >>> import torch
    >>> emitter = TrivialEmitter(readout_dim=2)
    >>> emitter.emit(torch.tensor([[1.0, 2.0]]))
    tensor([[1., 2.]])
    """

    @lazy(allocation=["readout_dim"])
    def __init__(self, readout_dim: int, **kwargs: Unpack[BrickOptions]) -> None:
        super().__init__(**kwargs)
        self.readout_dim = readout_dim

    def get_dim(self, name: str) -> Any:
        return self.readout_dim if name in ("readouts", "outputs") else super().get_dim(name)

    @application(inputs=["readouts"], outputs=["outputs"])
    def emit(self, readouts: Variable) -> Variable:
        """Return the readouts unchanged."""
        return readouts

    @application(inputs=["readouts", "outputs"], outputs=["costs"])
    def cost(self, readouts: Variable, outputs: Variable) -> Variable:
        """Return zeros of shape (...,)."""
        where: Any = {"dtype": readouts.dtype, "device": readouts.device}
        zeros: Any = torch.zeros(readouts.shape[:-1], **where)
        return zeros  # type: ignore[no-any-return]

    @application(inputs=["batch_size"], outputs=["outputs"])
    def initial_outputs(self, batch_size: Any) -> Variable:
        """Return zeros of shape (B, R)."""
        shape = (batch_size, self.readout_dim)
        zeros: Any = torch.zeros(shape, dtype=floatx(), device=default_device())
        return zeros  # type: ignore[no-any-return]


class SoftmaxEmitter(AbstractEmitter, Initializable, Random):
    """Emitter that draws integers from 0 to R - 1, with probabilities from a softmax of readouts.

    Parameters
    ----------
    initial_output : int or Variable, optional
        The output that is fed back before the first element. It is not part of the sequence.
    **kwargs
        Options of `Initializable` and `Random`; `random_seed` is the seed of the draws.

    Examples
    --------
    >>> import torch
    >>> emitter = SoftmaxEmitter(random_seed=1)
    >>> readouts = torch.tensor([[0.0, 9.0, 0.0]]).log()
    >>> emitter.probs(readouts), emitter.emit(readouts)
    (tensor([[0., 1., 0.]]), tensor([1]))
    >>> emitter.cost(torch.zeros(1, 4), torch.tensor([2])).exp()
    tensor([4.])
    """

    def __init__(self, initial_output: Any = 0, **kwargs: Unpack[EmitterOptions]) -> None:
        self.softmax: Any = NDimensionalSoftmax()
        options: Any = with_children(kwargs, self.softmax)  # Initializable passes them to Random
        super().__init__(**options)
        self.initial_output = initial_output

    def get_dim(self, name: str) -> Any:
        return 0 if name == "outputs" else super().get_dim(name)

    @application(inputs=["readouts"], outputs=["probabilities"])
    def probs(self, readouts: Variable) -> Variable:
        """Compute the probability of each integer; the result has the shape of the readouts."""
        probabilities: Variable = self.softmax.apply(readouts, extra_ndim=readouts.ndim - 2)
        return probabilities

    @application(inputs=["readouts"], outputs=["outputs"])
    def emit(self, readouts: Variable) -> Variable:
        """Draw one integer for each row of readouts; the result has dtype int64 and shape (B,)."""
        return self.random_stream.categorical(self.probs(readouts))

    @application(inputs=["readouts", "outputs"], outputs=["costs"])
    def cost(self, readouts: Variable, outputs: Variable) -> Variable:
        """Compute the negative log-probability of each output.

        Parameters
        ----------
        readouts : Variable
            Readouts of shape (..., R).
        outputs : Variable
            Integers from 0 to R - 1, of shape (...,).

        Returns
        -------
        Variable
            The cost of each output, of shape (...,).
        """
        if outputs.ndim != readouts.ndim - 1:
            raise ShapeError(
                f"{self.path()}.cost: outputs has ndim={outputs.ndim} and readouts has "
                f"ndim={readouts.ndim}, but readouts must have one dimension more than outputs; "
                "the shapes must be (T, B) and (T, B, R), or (B,) and (B, R)"
            )
        costs: Variable = self.softmax.categorical_cross_entropy(
            outputs, readouts, extra_ndim=readouts.ndim - 2
        )
        return costs

    @application(inputs=["batch_size"], outputs=["outputs"])
    def initial_outputs(self, batch_size: Any) -> Variable:
        """Return `initial_output` for each sequence, with dtype int64 and shape (B,)."""
        initial = as_variable(self.initial_output)
        if initial.dtype is not torch.int64 or initial.ndim:
            raise DtypeError(
                f"{self.path()}: initial_output is {self.initial_output!r}, but must be one "
                "integer, or a scalar variable of dtype int64"
            )
        outputs: Variable = initial.expand(batch_size)
        return outputs
