"""Attention: bricks that choose what to look at in something large.

The *network*, mostly a recurrent one, has *states*. What it looks at is the *attended*, a sequence,
say, perhaps with a *mask*. What it gets to see are *glimpses*.
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
