"""`ImageLayer`, the base class of bricks that transform images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench.bricks.base import Brick
from workbench.bricks.lazy import is_set


class ImageLayer(Brick):
    """Base class of bricks that transform images and that `ConvolutionalSequence` can configure.

    An image has the shape (C, H, W): channels, height and width. `get_dim` returns the shapes of
    ``input_`` and ``output``, with ``None`` for unknown sizes.

    Attributes
    ----------
    num_channels : int
        Number of channels of the input.
    image_size : tuple of (int or None)
        Height and width of the input; None if unknown.
    num_output_channels : int

    Examples
    --------
    >>> import workbench as wb
    >>> from workbench.bricks import application
    >>> from workbench.bricks.conv import ConvolutionalSequence
    >>> class Mirror(ImageLayer):
    ...     @application(inputs=["input_"], outputs=["output"])
    ...     def apply(self, input_):
    ...         return input_.flip(3)
    ...     def get_dim(self, name):
    ...         return (self.num_channels, *self.image_size)
    ...     @property
    ...     def num_output_channels(self):
    ...         return self.num_channels
    >>> layers = [Mirror(), wb.Convolutional((3, 3), 4)]
    >>> ConvolutionalSequence(layers, num_channels=1, image_size=(8, 8)).get_dim("output")
    (4, 6, 6)
    """

    num_channels: Any
    image_size: Any
    num_output_channels: Any

    def describe(self) -> str:
        return f"{shape_text(self.get_dim('input_'))} -> {shape_text(self.get_dim('output'))}"


def shape_text(dim: Iterable[Any]) -> str:
    """Return a shape as text, with question marks for unknown sizes."""
    return f"({', '.join(str(size) if is_set(size) else '?' for size in dim)})"
