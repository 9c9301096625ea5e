"""Bricks on images, which are variables of shape (B, C, H, W): batch, channels, height, width."""

from workbench.bricks.conv.convolution import Convolutional
from workbench.bricks.conv.pooling import AveragePooling, MaxPooling, Pooling
from workbench.bricks.conv.sequence import ConvolutionalSequence, Flattener
from workbench.bricks.conv.transpose import ConvolutionalTranspose

__all__ = [
    "AveragePooling",
    "Convolutional",
    "ConvolutionalSequence",
    "ConvolutionalTranspose",
    "Flattener",
    "MaxPooling",
    "Pooling",
]
