"""Recurrent bricks, which define the computation of one step and are applied to sequences."""

from workbench.bricks.recurrent.architectures import LSTM, GatedRecurrent, SimpleRecurrent
from workbench.bricks.recurrent.base import BaseRecurrent
from workbench.bricks.recurrent.bidirectional import Bidirectional
from workbench.bricks.recurrent.iteration import recurrent
from workbench.bricks.recurrent.stack import RecurrentStack
from workbench.names import explain_missing

__all__ = [
    "LSTM",
    "BaseRecurrent",
    "Bidirectional",
    "GatedRecurrent",
    "RecurrentStack",
    "SimpleRecurrent",
    "recurrent",
]

explain_missing(__name__)
