"""What readouts of sequence generators, and the two ends of a readout, have to offer.

Shapes: T elements of a sequence, B sequences in a batch, R the size of a readout. Where a shape
begins with ``...``, that is B for one element of each sequence, T and B for whole sequences.
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
    """Base class of what makes outputs of readouts, and knows what they cost.

    A subclass defines `emit`, `cost` and `initial_outputs`, and tells the dimension of ``outputs``
    in `get_dim`: zero if an output is a number.

    Attributes
    ----------
    readout_dim : int
        R; given by the `Readout` that the emitter belongs to.
    """

    readout_dim: Any

    @application(inputs=["readouts"], outputs=["outputs"])
    def emit(self, readouts: Variable) -> Variable:
        """Make one output a sequence, of readouts of shape (B, R)."""
        raise NotImplementedError(f"{type(self).__name__} must define emit")

    @application(inputs=["readouts", "outputs"], outputs=["costs"])
    def cost(self, readouts: Variable, outputs: Variable) -> Variable:
        """The cost of each output, of shape (...,), given readouts of shape (..., R)."""
        raise NotImplementedError(f"{type(self).__name__} must define cost")

    @application(inputs=["batch_size"], outputs=["outputs"])
    def initial_outputs(self, batch_size: Any) -> Variable:
        """What is fed back before anything has been made, for each of `batch_size` sequences."""
        raise NotImplementedError(f"{type(self).__name__} must define initial_outputs")


class AbstractFeedback(Brick):
    """Base class of what turns outputs into something that a network can take.

    A subclass defines `feedback`, and tells the dimension of ``feedback`` in `get_dim`.
    """

    @application(inputs=["outputs"], outputs=["feedback"])
    def feedback(self, outputs: Variable) -> Variable:
        """Vectors, of shape (..., D), for outputs."""
        raise NotImplementedError(f"{type(self).__name__} must define feedback")


class AbstractReadout(Initializable):
    """Base class of the bridge from a recurrent network to the sequence that it makes.

    A subclass defines all five applications, and tells the dimensions of ``outputs`` and
    ``feedback`` in `get_dim`. `Readout` does that with parts that can be exchanged.

    Parameters
    ----------
    source_names : list of str
        What readouts are made of: states, glimpses and contexts of the generator, and
        ``"feedback"``. Needed by `allocate`.
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
            The sources by name, each of shape (..., its dimension); others are left alone.
        """
        raise NotImplementedError(f"{type(self).__name__} must define readout")

    @application(inputs=["readouts"], outputs=["outputs"])
    def emit(self, readouts: Variable) -> Variable:
        """Make one output a sequence, of readouts of shape (B, R)."""
        raise NotImplementedError(f"{type(self).__name__} must define emit")

    @application(inputs=["readouts", "outputs"], outputs=["costs"])
    def cost(self, readouts: Variable, outputs: Variable) -> Variable:
        """The cost of each output, given readouts.

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
        """What is fed back before anything has been made, for each of `batch_size` sequences."""
        raise NotImplementedError(f"{type(self).__name__} must define initial_outputs")

    @application(inputs=["outputs"], outputs=["feedback"])
    def feedback(self, outputs: Variable) -> Variable:
        """What goes back into the network, of shape (..., D)."""
        raise NotImplementedError(f"{type(self).__name__} must define feedback")
