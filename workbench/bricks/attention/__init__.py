"""Attention mechanisms, bricks that select information from a large input.

A mechanism uses the *states* of a network, usually a recurrent network, to select the relevant
elements of its input. The input is called *attended*; it is usually a sequence, optionally with a
*mask*. The outputs of the mechanism are called *glimpses*.
"""

from workbench.bricks.attention.content import SequenceContentAttention, ShallowEnergyComputer
from workbench.bricks.attention.interface import (
    AbstractAttention,
    AbstractAttentionRecurrent,
    GenericSequenceAttention,
)
from workbench.bricks.attention.transition import AttentionRecurrent
from workbench.names import explain_missing

__all__ = [
    "AbstractAttention",
    "AbstractAttentionRecurrent",
    "AttentionRecurrent",
    "GenericSequenceAttention",
    "SequenceContentAttention",
    "ShallowEnergyComputer",
]

explain_missing(__name__)
