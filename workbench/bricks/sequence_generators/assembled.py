"""`SequenceGenerator`, a sequence generator with optional attention."""

from __future__ import annotations

from typing import Any, Unpack

from workbench.bricks.attention import (
    AbstractAttention,
    AbstractAttentionRecurrent,
    AttentionRecurrent,
)
from workbench.bricks.base import Brick
from workbench.bricks.options import InitializableOptions
from workbench.bricks.parallel import Fork
from workbench.bricks.recurrent import BaseRecurrent
from workbench.bricks.recurrent.base import check_recurrent
from workbench.bricks.sequence_generators.generator import MASK, BaseSequenceGenerator
from workbench.bricks.sequence_generators.interface import AbstractReadout
from workbench.bricks.sequence_generators.transition import FakeAttentionRecurrent


class SequenceGenerator(BaseSequenceGenerator):
    """Generator of sequences with a recurrent transition, a readout and optional attention.

    Parameters
    ----------
    readout : AbstractReadout
        The brick that generates outputs from states, glimpses, contexts and feedback.
    transition : BaseRecurrent
        The transition, whose states represent the sequence so far.
    attention : AbstractAttention, optional
        The attention mechanism that is applied in every step.
    add_contexts : bool, optional
        True to add the attended sequence and its mask as contexts; see `AttentionRecurrent`.
    fork : Brick, optional
        The brick that computes the input sequences of the transition from the feedback; by default
        a `Fork` for all sequences whose names do not contain "mask".
    **kwargs
        Options of `Initializable`.

    References
    ----------
    Graves, *Generating sequences with recurrent neural networks*, 2013; with attention: Bahdanau,
    Cho and Bengio, *Neural machine translation by jointly learning to align and translate*, 2014.

    Examples
    --------
    If all weights are zero, the three letters are equally likely, so the cost of each is the
    logarithm of three:

    >>> from workbench import tensor
    >>> from workbench.bricks.recurrent import GatedRecurrent
    >>> from workbench.bricks.sequence_generators import LookupFeedback, Readout, SoftmaxEmitter
    >>> from workbench.initialization import Constant
    >>> generator = SequenceGenerator(
    ...     Readout(source_names=["states", "feedback"], readout_dim=3,
    ...             emitter=SoftmaxEmitter(random_seed=1), feedback_brick=LookupFeedback(3, 2)),
    ...     GatedRecurrent(dim=4), weights_init=Constant(0), biases_init=Constant(0))
    >>> generator.initialize()
    >>> letters = tensor.lmatrix("letters")
    >>> cost = generator.cost(letters)
    >>> round(float(cost.eval({letters: [[0], [2], [1]]})), 3)
    3.296
    >>> drawn = generator.generate(n_steps=5, batch_size=2, as_dict=True)["outputs"]
    >>> drawn.eval().shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        readout: AbstractReadout,
        transition: BaseRecurrent,
        attention: AbstractAttention | None = None,
        add_contexts: bool = True,
        *,
        fork: Brick | None = None,
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        check_recurrent("SequenceGenerator", transition)
        applied: Any = transition
        normal = [name for name in applied.apply.sequences if MASK not in name]
        whole: AbstractAttentionRecurrent
        if attention is None:
            whole = FakeAttentionRecurrent(transition, name="with_fake_attention")
        else:
            whole = AttentionRecurrent(
                transition, attention, add_contexts=add_contexts, name="att_trans"
            )
        super().__init__(readout, whole, Fork(normal) if fork is None else fork, **kwargs)
