"""Interfaces of the readouts of sequence generators, and of emitters and feedback bricks.

In the shapes below, T is the number of elements of a sequence, B the number of sequences in a
batch, and R the size of a readout. ``...`` stands for B in a tensor with one element of each
sequence, and for T and B in a tensor with whole sequences.
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
    """Base class of bricks that generate outputs from readouts, and compute the cost of outputs.

    A subclass defines `emit`, `cost` and `initial_outputs`. Its `get_dim` returns the dimension of
    ``outputs``, which is zero if an output is a scalar.

    Attributes
    ----------
    readout_dim : int
        The size R of a readout, set by the `Readout` that contains the emitter.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks import application
    >>> class Nearest(AbstractEmitter):
    ...     @application(outputs=["outputs"])
    ...     def emit(self, readouts):
    ...         return readouts.round()
    ...     @application(outputs=["costs"])
    ...     def cost(self, readouts, outputs):
    ...         return ((readouts - outputs) ** 2).sum(-1)
    ...     @application(outputs=["outputs"])
    ...     def initial_outputs(self, batch_size):
    ...         return torch.zeros(batch_size, self.readout_dim)
    ...     def get_dim(self, name):
    ...         return self.readout_dim if name == "outputs" else super().get_dim(name)
    >>> Nearest().emit(torch.tensor([[0.25, 1.5]]))
    tensor([[0., 2.]])
    >>> Nearest().cost(torch.tensor([[0.5, 1.5]]), torch.tensor([[0.0, 2.0]]))
    tensor([0.5000])
    """

    readout_dim: Any

    @application(inputs=["readouts"], outputs=["outputs"])
    def emit(self, readouts: Variable) -> Variable:
        """Generate one output for each sequence, from readouts of shape (B, R)."""
        raise NotImplementedError(f"{type(self).__name__} must define the method emit")

    @application(inputs=["readouts", "outputs"], outputs=["costs"])
    def cost(self, readouts: Variable, outputs: Variable) -> Variable:
        """Compute costs of shape (...,) from outputs and from readouts of shape (..., R)."""
        raise NotImplementedError(f"{type(self).__name__} must define the method cost")

    @application(inputs=["batch_size"], outputs=["outputs"])
    def initial_outputs(self, batch_size: Any) -> Variable:
        """Return the outputs to feed back before the first step, for `batch_size` sequences."""
        raise NotImplementedError(f"{type(self).__name__} must define the method initial_outputs")


class AbstractFeedback(Brick):
    """Base class of bricks that convert outputs to input vectors of a network.

    A subclass defines `feedback`, and its `get_dim` returns the dimension of ``feedback``.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks import application
    >>> class OneHot(AbstractFeedback):
    ...     def __init__(self, size, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.size = size
    ...     @application(outputs=["feedback"])
    ...     def feedback(self, outputs):
    ...         return torch.nn.functional.one_hot(outputs, self.size).float()
    ...     def get_dim(self, name):
    ...         return self.size if name == "feedback" else super().get_dim(name)
    >>> OneHot(3).feedback(torch.tensor([2, 0]))
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """

    @application(inputs=["outputs"], outputs=["feedback"])
    def feedback(self, outputs: Variable) -> Variable:
        """Convert each output to a vector of size D; the result has the shape (..., D)."""
        raise NotImplementedError(f"{type(self).__name__} must define the method feedback")


class AbstractReadout(Initializable):
    """Base class of bricks that connect a recurrent network to the sequence that it generates.

    A subclass defines all five applications, and its `get_dim` returns the dimensions of
    ``outputs`` and ``feedback``. `Readout` delegates the applications to an emitter and other
    bricks, which can be replaced.

    Parameters
    ----------
    source_names : list of str
        Names of the variables that readouts are computed from: states, glimpses and contexts of
        the generator, and ``"feedback"``. Required by `allocate`.
    readout_dim : int
        The size R of a readout. Required by `allocate`.
    source_dims : list of int
        Sizes of the sources, set by a sequence generator. Required by `allocate`.
    **kwargs
        Options of `Initializable`.

    Examples
    --------
    >>> from workbench.bricks.sequence_generators import Readout
    >>> issubclass(Readout, AbstractReadout)
    True
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
        """Compute readouts of shape (..., R).

        Parameters
        ----------
        **kwargs
            The sources by name, each of shape (..., D), where D is the dimension of the source;
            other arguments are ignored.
        """
        raise NotImplementedError(f"{type(self).__name__} must define the method readout")

    @application(inputs=["readouts"], outputs=["outputs"])
    def emit(self, readouts: Variable) -> Variable:
        """Generate one output for each sequence, from readouts of shape (B, R)."""
        raise NotImplementedError(f"{type(self).__name__} must define the method emit")

    @application(inputs=["readouts", "outputs"], outputs=["costs"])
    def cost(self, readouts: Variable, outputs: Variable) -> Variable:
        """Compute the cost of each output from readouts.

        Parameters
        ----------
        readouts : Variable
            Readouts of shape (..., R).
        outputs : Variable
            Outputs of shape (...,), or with one more dimension.

        Returns
        -------
        Variable
            The cost of each output, of shape (...,).
        """
        raise NotImplementedError(f"{type(self).__name__} must define the method cost")

    @application(inputs=["batch_size"], outputs=["outputs"])
    def initial_outputs(self, batch_size: Any) -> Variable:
        """Return the outputs to feed back before the first step, for `batch_size` sequences."""
        raise NotImplementedError(f"{type(self).__name__} must define the method initial_outputs")

    @application(inputs=["outputs"], outputs=["feedback"])
    def feedback(self, outputs: Variable) -> Variable:
        """Convert outputs to vectors of shape (..., D), which are fed back into the network."""
        raise NotImplementedError(f"{type(self).__name__} must define the method feedback")
