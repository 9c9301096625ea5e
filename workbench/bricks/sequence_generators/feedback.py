"""Feedback bricks, which convert outputs of a sequence generator to inputs of its network."""

from __future__ import annotations

from typing import Any, Unpack

from workbench.bricks.application import application
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import is_set, lazy
from workbench.bricks.lookup import LookupTable
from workbench.bricks.options import BrickOptions, InitializableOptions, with_children
from workbench.bricks.sequence_generators.interface import AbstractFeedback
from workbench.tensor import Variable


class TrivialFeedback(AbstractFeedback):
    """Feedback brick that returns vector outputs unchanged.

    Parameters
    ----------
    output_dim : int
        The size of an output. Required by `allocate`.

    Examples
    --------
    >>> import torch
    >>> TrivialFeedback(output_dim=2).feedback(torch.tensor([[1.0, 2.0]]))
    tensor([[1., 2.]])
    """

    @lazy(allocation=["output_dim"])
    def __init__(self, output_dim: int, **kwargs: Unpack[BrickOptions]) -> None:
        super().__init__(**kwargs)
        self.output_dim = output_dim

    def get_dim(self, name: str) -> Any:
        return self.output_dim if name in ("outputs", "feedback") else super().get_dim(name)

    @application(inputs=["outputs"], outputs=["feedback"])
    def feedback(self, outputs: Variable) -> Variable:
        """Return the outputs, of shape (..., output_dim)."""
        return outputs


class LookupFeedback(AbstractFeedback, Initializable):
    """Feedback brick that replaces integer outputs with learned vectors.

    Parameters
    ----------
    num_outputs : int
        The number of possible outputs, one more than the largest output. Required by `allocate`.
    feedback_dim : int
        The size of a vector. Required by `allocate`.
    **kwargs
        Options of `Initializable`; `biases_init` and `use_bias` are not used.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> feedback = LookupFeedback(3, 2, weights_init=Constant([[0, 1], [2, 3], [4, 5]]))
    >>> feedback.initialize()
    >>> feedback.feedback(torch.tensor([2, 0]))
    tensor([[4., 5.],
            [0., 1.]])
    """

    @lazy(allocation=["num_outputs", "feedback_dim"])
    def __init__(
        self, num_outputs: int, feedback_dim: int, **kwargs: Unpack[InitializableOptions]
    ) -> None:
        self.lookup = LookupTable()
        super().__init__(**with_children(kwargs, self.lookup))
        self.num_outputs = num_outputs
        self.feedback_dim = feedback_dim

    @property
    def output_dim(self) -> Any:
        """The size of a vector, `feedback_dim`."""
        return self.feedback_dim

    @output_dim.setter
    def output_dim(self, value: Any) -> None:
        # A readout sets the dimension of the emitter's outputs, which is zero for scalars.
        if is_set(value) and value != 0:
            self.feedback_dim = value

    def _push_allocation_config(self) -> None:
        self.lookup.length = self.num_outputs
        self.lookup.dim = self.feedback_dim

    def get_dim(self, name: str) -> Any:
        known = {"outputs": 0, "feedback": self.feedback_dim}
        return known[name] if name in known else super().get_dim(name)

    @application(inputs=["outputs"], outputs=["feedback"])
    def feedback(self, outputs: Variable) -> Variable:
        """Return vectors of shape (..., feedback_dim) for integers of any shape (...,)."""
        vectors: Variable = self.lookup.apply(outputs)
        return vectors
