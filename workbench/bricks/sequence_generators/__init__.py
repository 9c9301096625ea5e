"""Sequence generators: networks that generate sequences element by element.

The states of a *transition* represent the sequence so far. A *readout* uses these states, and the
glimpses of an optional attention mechanism, to generate the next element and compute its cost. The
element is then *fed back* into the transition.
"""

from workbench.bricks.sequence_generators.assembled import SequenceGenerator
from workbench.bricks.sequence_generators.emitters import SoftmaxEmitter, TrivialEmitter
from workbench.bricks.sequence_generators.feedback import LookupFeedback, TrivialFeedback
from workbench.bricks.sequence_generators.generator import BaseSequenceGenerator
from workbench.bricks.sequence_generators.interface import (
    AbstractEmitter,
    AbstractFeedback,
    AbstractReadout,
)
from workbench.bricks.sequence_generators.readout import Readout
from workbench.bricks.sequence_generators.transition import FakeAttentionRecurrent
from workbench.names import explain_missing

__all__ = [
    "AbstractEmitter",
    "AbstractFeedback",
    "AbstractReadout",
    "BaseSequenceGenerator",
    "FakeAttentionRecurrent",
    "LookupFeedback",
    "Readout",
    "SequenceGenerator",
    "SoftmaxEmitter",
    "TrivialEmitter",
    "TrivialFeedback",
]

explain_missing(__name__)
