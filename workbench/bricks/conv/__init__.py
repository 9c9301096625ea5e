"""Bricks that transform images, which are variables of shape (B, C, H, W).

B is the size of the batch, C the number of channels, H the height and W the width.
"""

from workbench.bricks.conv.convolution import Convolutional
from workbench.bricks.conv.pooling import AveragePooling, MaxPooling, Pooling
from workbench.bricks.conv.sequence import ConvolutionalSequence, Flattener
from workbench.bricks.conv.transpose import ConvolutionalTranspose
from workbench.names import explain_missing

__all__ = [
    "AveragePooling",
    "Convolutional",
    "ConvolutionalSequence",
    "ConvolutionalTranspose",
    "Flattener",
    "MaxPooling",
    "Pooling",
]

explain_missing(__name__)
