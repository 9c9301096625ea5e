"""Attention: bricks that select parts of a large input.

The *network*, usually a recurrent one, has *states*. It attends to the *attended*, usually a
sequence, optionally with a *mask*. The results are *glimpses*.
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
