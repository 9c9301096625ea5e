"""Interfaces of readouts of sequence generators, and of their emitters and feedback bricks.

Shapes: T elements of a sequence, B sequences in a batch, R the size of a readout. In a
shape, ``...`` is B for one element of each sequence, and T and B for whole sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import lazy
from workbench.bricks.options import InitializableOptions
from workbench.tensor import Variable


class AbstractEmitter(Brick):
    """Base class of bricks that make outputs from readouts, and compute their cost.

    A subclass defines `emit`, `cost` and `initial_outputs`. Its `get_dim` returns the dimension of
    ``outputs``: zero if an output is a number.

    Attributes
    ----------
    readout_dim : int
        R; set by the `Readout` that has the emitter.
    """

    readout_dim: Any

    @application(inputs=["readouts"], outputs=["outputs"])
    def emit(self, readouts: Variable) -> Variable:
        """Make one output for each sequence, from readouts of shape (B, R)."""
        raise NotImplementedError(f"{type(self).__name__} must define emit")

    @application(inputs=["readouts", "outputs"], outputs=["costs"])
    def cost(self, readouts: Variable, outputs: Variable) -> Variable:
        """Compute the cost of each output, of shape (...,), from readouts of shape (..., R)."""
        raise NotImplementedError(f"{type(self).__name__} must define cost")

    @application(inputs=["batch_size"], outputs=["outputs"])
    def initial_outputs(self, batch_size: Any) -> Variable:
        """Return the outputs to feed back before the first step, for `batch_size` sequences."""
        raise NotImplementedError(f"{type(self).__name__} must define initial_outputs")


class AbstractFeedback(Brick):
    """Base class of bricks that turn outputs into input vectors of a network.

    A subclass defines `feedback`, and its `get_dim` returns the dimension of ``feedback``.
    """

    @application(inputs=["outputs"], outputs=["feedback"])
    def feedback(self, outputs: Variable) -> Variable:
        """Return vectors, of shape (..., D), for outputs."""
        raise NotImplementedError(f"{type(self).__name__} must define feedback")


class AbstractReadout(Initializable):
    """Base class of bricks between a recurrent network and the sequence that it makes.

    A subclass defines all five applications, and its `get_dim` returns the dimensions of
    ``outputs`` and ``feedback``. `Readout` is made of parts that can be replaced.

    Parameters
    ----------
    source_names : list of str
        The sources of readouts: states, glimpses and contexts of the generator, and ``"feedback"``.
        Needed by `allocate`.
    readout_dim : int
        R. Needed by `allocate`.
    source_dims : list of int
        The sizes of the sources; a sequence generator sets them. Needed by `allocate`.
    **kwargs
        As for `Initializable`.
    """

    @lazy(allocation=["source_names", "readout_dim", "source_dims"])
    def __init__(
        self,
        source_names: Sequence[str],
        readout_dim: int,
        *,
        source_dims: Sequence[Any],
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.source_names: Any = source_names
        self.readout_dim: Any = readout_dim
        self.source_dims = source_dims

    @application
    def readout(self, **kwargs: Variable) -> Variable:
        """Make readouts, of shape (..., R).

        Parameters
        ----------
        **kwargs
            The sources by name, each of shape (..., its dimension); others are ignored.
        """
        raise NotImplementedError(f"{type(self).__name__} must define readout")

    @application(inputs=["readouts"], outputs=["outputs"])
    def emit(self, readouts: Variable) -> Variable:
        """Make one output for each sequence, from readouts of shape (B, R)."""
        raise NotImplementedError(f"{type(self).__name__} must define emit")

    @application(inputs=["readouts", "outputs"], outputs=["costs"])
    def cost(self, readouts: Variable, outputs: Variable) -> Variable:
        """Compute the cost of each output from readouts.

        Parameters
        ----------
        readouts : Variable
            Of shape (..., R).
        outputs : Variable
            Of shape (...,), or with one more dimension.

        Returns
        -------
        Variable
            Of shape (...,).
        """
        raise NotImplementedError(f"{type(self).__name__} must define cost")

    @application(inputs=["batch_size"], outputs=["outputs"])
    def initial_outputs(self, batch_size: Any) -> Variable:
        """Return the outputs to feed back before the first step, for `batch_size` sequences."""
        raise NotImplementedError(f"{type(self).__name__} must define initial_outputs")

    @application(inputs=["outputs"], outputs=["feedback"])
    def feedback(self, outputs: Variable) -> Variable:
        """Return the vectors to feed back into the network, of shape (..., D)."""
        raise NotImplementedError(f"{type(self).__name__} must define feedback")
