"""`Readout`, a readout for sequence generators, composed of other bricks."""

from __future__ import annotations

from typing import Any, Unpack

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.bias import Bias
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.lazy import is_set
from workbench.bricks.options import ReadoutOptions, with_children
from workbench.bricks.parallel import Merge
from workbench.bricks.sequence_generators.emitters import TrivialEmitter
from workbench.bricks.sequence_generators.feedback import TrivialFeedback
from workbench.bricks.sequence_generators.interface import (
    AbstractEmitter,
    AbstractFeedback,
    AbstractReadout,
)
from workbench.errors import BrickError, SignatureError, nearest
from workbench.tensor import Variable


class Readout(AbstractReadout):
    """Brick that computes readouts from its sources, and contains an emitter and a feedback brick.

    `merge` transforms and adds the sources, and `post_merge` transforms the sum.

    Parameters
    ----------
    emitter : AbstractEmitter, optional
        The brick that generates outputs; by default a `TrivialEmitter`, whose outputs are the
        readouts.
    feedback_brick : AbstractFeedback, optional
        The brick that converts outputs to vectors; by default a `TrivialFeedback`, for outputs that
        are vectors.
    merge : Brick, optional
        A brick with the applications and settings of `Merge`; by default a `Merge`.
    merge_prototype : Feedforward, optional
        The brick that the default `merge` copies for each source; by default `Linear` without bias.
    post_merge : Feedforward, optional
        The brick that transforms the sum; by default a `Bias`.
    merged_dim : int, optional
        The size of the sum; by default `readout_dim`.
    **kwargs
        Options of `AbstractReadout`; ``source_names`` and ``readout_dim`` are required by
        `allocate`.

    Raises
    ------
    BrickError
        If both `merge` and `merge_prototype` are given. `allocate` also raises this error if
        outputs are scalars and no feedback brick converts them to vectors.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks.sequence_generators import LookupFeedback, SoftmaxEmitter
    >>> from workbench.initialization import Constant
    >>> readout = Readout(
    ...     source_names=["states", "feedback"], source_dims=[2, 3], readout_dim=4,
    ...     emitter=SoftmaxEmitter(), feedback_brick=LookupFeedback(4, 3),
    ...     weights_init=Constant(1), biases_init=Constant(0.5))
    >>> readout.initialize()
    >>> readout.readout(states=torch.ones(1, 2), feedback=torch.zeros(1, 3))
    tensor([[2.5000, 2.5000, 2.5000, 2.5000]])
    >>> readout.initial_outputs(2).eval()
    tensor([0, 0])
    """

    def __init__(
        self,
        emitter: AbstractEmitter | None = None,
        feedback_brick: AbstractFeedback | None = None,
        merge: Brick | None = None,
        merge_prototype: Feedforward | None = None,
        post_merge: Feedforward | None = None,
        merged_dim: int | None = None,
        **kwargs: Unpack[ReadoutOptions],
    ) -> None:
        if merge is not None and merge_prototype is not None:
            raise BrickError(
                f"Readout: merge is {merge!r} and merge_prototype is {merge_prototype!r}; pass "
                "only one of them, because only the default merge uses merge_prototype"
            )
        self._own_feedback = feedback_brick is None
        self.emitter: Any = emitter or TrivialEmitter()
        self.feedback_brick: Any = feedback_brick or TrivialFeedback()
        self.merge: Any = merge or Merge(prototype=merge_prototype)
        self.post_merge: Any = post_merge or Bias()
        own = [self.emitter, self.feedback_brick, self.merge, self.post_merge]
        super().__init__(**with_children(kwargs, *own))
        self.merged_dim = merged_dim

    @property
    def readout_dim(self) -> Any:
        """The size R of a readout, which is also set on the emitter."""
        return self._readout_dim

    @readout_dim.setter
    def readout_dim(self, value: Any) -> None:
        # Set immediately, since a sequence generator reads dimensions before this brick pushes
        # them.
        self._readout_dim = self.emitter.readout_dim = value

    @property
    def source_names(self) -> Any:
        """The source names, which are also set on `merge`."""
        return self._source_names

    @source_names.setter
    def source_names(self, value: Any) -> None:
        self._source_names = value
        if is_set(value):
            self.merge.input_names = value

    def _push_allocation_config(self) -> None:
        merged_dim = self.merged_dim if is_set(self.merged_dim) else self.readout_dim
        if self._own_feedback:
            self.feedback_brick.output_dim = self._vector_dim()
        elif not is_set(getattr(self.feedback_brick, "output_dim", 0)):
            self.feedback_brick.output_dim = self.emitter.get_dim("outputs")
        self.merge.input_dims = self.source_dims
        self.merge.output_dim = merged_dim
        self.post_merge.input_dim = merged_dim
        self.post_merge.output_dim = self.readout_dim
        if self.post_merge.input_dim != merged_dim:
            raise BrickError(
                f"{self.path()}: merged_dim is {merged_dim} and readout_dim is {self.readout_dim}, "
                f"but {self.post_merge!r} does not change the dimension; pass a post_merge that "
                "changes it, such as Linear()"
            )

    def _vector_dim(self) -> Any:
        dim = self.emitter.get_dim("outputs")
        if dim == 0:
            raise BrickError(
                f"{self.path()}: the outputs of {self.emitter!r} are scalars, but must be vectors "
                "to be fed back directly; pass a feedback_brick that converts them, such as "
                f"LookupFeedback({self.readout_dim}, feedback_dim=...)"
            )
        return dim

    def get_dim(self, name: str) -> Any:
        if name in ("readouts", "output_0"):
            return self.readout_dim
        if name == "outputs":
            return self.emitter.get_dim("outputs")
        if name == "feedback":
            return self._vector_dim() if self._own_feedback else self.feedback_brick.get_dim(name)
        if is_set(self.source_names) and is_set(self.source_dims) and name in self.source_names:
            return dict(zip(self.source_names, self.source_dims, strict=True))[name]
        return super().get_dim(name)

    # Blocks declared no name here, so models select this output by its default name.
    @application(outputs=["output_0"])
    def readout(self, **kwargs: Variable) -> Variable:
        """Merge the sources and transform the sum.

        Parameters
        ----------
        **kwargs
            The sources by name, each of shape (..., D), where D is the dimension of the source;
            other arguments are ignored.

        Returns
        -------
        Variable
            Readouts of shape (..., R).
        """
        missing = [name for name in self.source_names if kwargs.get(name) is None]
        if missing:
            raise SignatureError(
                f"{self.path()}.readout requires the source {missing[0]!r}, but was called with "
                f"({', '.join(kwargs)}){nearest(missing[0], kwargs)}"
            )
        merged = self.merge.apply(**{name: kwargs[name] for name in self.source_names})
        readouts: Variable = self.post_merge.apply(merged)
        return readouts

    @readout.property("inputs")
    def readout_inputs(self) -> list[str]:
        """Return the source names."""
        return list(self.source_names or ())

    @application(inputs=["readouts"], outputs=["outputs"])
    def emit(self, readouts: Variable) -> Variable:
        """Generate outputs with the emitter."""
        outputs: Variable = self.emitter.emit(readouts)
        return outputs

    @application(inputs=["readouts", "outputs"], outputs=["costs"])
    def cost(self, readouts: Variable, outputs: Variable) -> Variable:
        """Use the emitter to compute the cost of outputs."""
        costs: Variable = self.emitter.cost(readouts, outputs)
        return costs

    @application(inputs=["batch_size"], outputs=["outputs"])
    def initial_outputs(self, batch_size: Any) -> Variable:
        """Return the initial outputs of the emitter."""
        outputs: Variable = self.emitter.initial_outputs(batch_size)
        return outputs

    @application(inputs=["outputs"], outputs=["feedback"])
    def feedback(self, outputs: Variable) -> Variable:
        """Convert outputs to vectors with the feedback brick."""
        vectors: Variable = self.feedback_brick.feedback(outputs)
        return vectors
