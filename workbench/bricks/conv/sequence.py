"""Sequences of bricks for images, and `Flattener`, which reshapes images to vectors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import torch

from workbench.bricks.activations import Activation
from workbench.bricks.application import BoundApplication, application
from workbench.bricks.base import Brick
from workbench.bricks.conv.convolution import BorderMode, Convolutional
from workbench.bricks.conv.images import Size, size_of
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.image_layer import ImageLayer, shape_text
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import lazy
from workbench.bricks.options import SchemeOptions
from workbench.bricks.sequences import Sequence
from workbench.bricks.to_torch import TorchCall
from workbench.errors import BrickError
from workbench.tensor import Variable


class ConvolutionalSequence(Sequence, Initializable, ImageLayer, Feedforward):
    """Sequence of bricks for images, which sets the input shape of each brick.

    Parameters
    ----------
    layers : list of Brick or BoundApplication
        Instances of `ImageLayer` (convolutions, poolings, normalisations, other sequences) and
        activations.
    num_channels : int
        The number of input channels. Required by `allocate`.
    image_size : tuple of (int or None), optional
        Height and width of the input. Without them, `get_dim` returns None for these sizes.
    border_mode : optional
        If given, it is pushed to all convolutions; see `Convolutional`.
    tied_biases : bool, optional
        If given, it is pushed to all convolutions.
    use_bias : bool, optional
        If given, it is pushed to all convolutions.
    **kwargs
        Options of `Initializable`.

    Raises
    ------
    BrickError
        If one of the layers is neither an `ImageLayer` nor an activation.

    Notes
    -----
    When the configuration is pushed, `num_channels` and `image_size` of each layer are set to the
    output shape of the previous layer. To use different border modes, set them on the layers and do
    not pass `border_mode` to the sequence.

    Examples
    --------
    >>> from workbench.bricks import Rectifier
    >>> from workbench.bricks.conv import Convolutional, MaxPooling
    >>> layers = [Convolutional((5, 5), 20, name="first"), Rectifier(), MaxPooling((2, 2)),
    ...           Convolutional((3, 3), 50, name="second")]
    >>> sequence = ConvolutionalSequence(layers, num_channels=1, image_size=(28, 28))
    >>> sequence.get_dim("output")
    (50, 10, 10)
    >>> sequence
    <ConvolutionalSequence convolutionalsequence: (1, 28, 28) -> (50, 10, 10)>
    >>> layers[3].num_channels, layers[3].image_size
    (20, (12, 12))
    """

    @lazy(allocation=["num_channels"])
    def __init__(
        self,
        layers: Iterable[Brick | BoundApplication],
        num_channels: int,
        image_size: Size | None = (None, None),
        border_mode: BorderMode | None = None,
        tied_biases: bool | None = None,
        *,
        use_bias: bool | None = None,
        **kwargs: Unpack[SchemeOptions],
    ) -> None:
        options: Any = {"use_bias": use_bias, **kwargs}  # Sequence passes them to Initializable
        super().__init__(layers, **options)
        self.layers: list[Brick] = [method.brick for method in self.application_methods]
        self.num_channels = num_channels
        self.image_size = image_size
        self.border_mode = border_mode
        self.tied_biases = tied_biases
        for layer in self.layers:
            if not isinstance(layer, (ImageLayer, Activation)):
                raise BrickError(
                    f"{self.path()}: {layer!r} is neither an ImageLayer (such as a convolution, "
                    "pooling or normalisation) nor an activation; apply bricks for vectors after "
                    "this sequence and a Flattener"
                )

    @property
    def num_output_channels(self) -> Any:
        """The number of output channels of the last layer."""
        return self.get_dim("output")[0]

    @property
    def input_dim(self) -> tuple[Any, ...]:
        """The tuple (num_channels, height, width) of the input."""
        return (self.num_channels, *size_of(self, self.image_size))

    @input_dim.setter
    def input_dim(self, value: tuple[Any, ...]) -> None:
        self.num_channels, self.image_size = value[0], tuple(value[1:])

    @property
    def output_dim(self) -> Any:
        """The shape of an output without the batch axis, as returned by `get_dim`."""
        return self.get_dim("output")

    def describe(self) -> str:
        if self.allocation_config_pushed:
            return f"{shape_text(self.input_dim)} -> {shape_text(self._output())}"
        return f"{shape_text(self.input_dim)} -> ?"

    def get_dim(self, name: str) -> Any:
        if name == "output":
            if not self.allocation_config_pushed:
                self.push_allocation_config()
            for layer in self.layers:
                layer._require(layer.allocation_args, "allocation")
            return self._output()
        return Feedforward.get_dim(self, name)

    def _output(self) -> Any:
        """Return the output shape of the last layer; sizes may be unknown."""
        last = [layer for layer in self.layers if isinstance(layer, ImageLayer)][-1:]
        return _output_of(last[0]) if last else self.input_dim

    def _push_allocation_config(self) -> None:
        num_channels, image_size = self.num_channels, size_of(self, self.image_size)
        for layer in self.layers:
            if not isinstance(layer, ImageLayer):
                continue
            if isinstance(layer, (Convolutional, ConvolutionalSequence)):
                self._push_to(layer)
            layer.num_channels = num_channels
            layer.image_size = image_size
            # If the layer is a sequence, its output shape depends on the settings that it pushes.
            layer.push_allocation_config()
            num_channels, height, width = _output_of(layer)
            image_size = height, width

    def _push_to(self, layer: Convolutional | ConvolutionalSequence) -> None:
        for setting in ("border_mode", "tied_biases", "use_bias"):
            value = getattr(self, setting)
            if value is not None:
                setattr(layer, setting, value)


def _output_of(layer: ImageLayer) -> Any:
    return layer._output() if isinstance(layer, ConvolutionalSequence) else layer.get_dim("output")


class Flattener(Brick):
    """Brick that reshapes each example to a vector, so that an `MLP` can follow bricks for images.

    Examples
    --------
    >>> import torch
    >>> Flattener().apply(torch.zeros(2, 20, 4, 4)).shape
    torch.Size([2, 320])
    """

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        return torch.nn.Flatten()

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Merge all dimensions except the first, the batch dimension."""
        output: Variable = input_.flatten(1)
        return output
