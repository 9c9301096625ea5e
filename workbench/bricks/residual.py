"""Residual connections, which add the output of a brick to its input."""

from __future__ import annotations

from typing import Any, Unpack

from workbench.bricks.application import BoundApplication, application
from workbench.bricks.base import Brick
from workbench.bricks.checks import application_of, shown
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.fixes import fix_of_output
from workbench.bricks.image_layer import ImageLayer
from workbench.bricks.initializable import Initializable
from workbench.bricks.options import InitializableOptions, with_children
from workbench.errors import BrickError, ShapeError, about
from workbench.tensor import Variable


class Residual(Initializable, ImageLayer, Feedforward):
    """Residual connection around a brick, ``output = input_ + inner(input_)``.

    If `inner` is an `ImageLayer`, this brick can be a layer of a
    `workbench.bricks.conv.ConvolutionalSequence`.

    Parameters
    ----------
    inner : Brick or BoundApplication
        A brick with one input and one output, whose shapes must be equal unless there is a
        `shortcut`.
    shortcut : Brick or BoundApplication, optional
        A brick whose output replaces the input in the sum, for example a 1 x 1 convolution if the
        number of channels changes.
    **kwargs
        Options of `Initializable`.

    Raises
    ------
    BrickError
        If an argument is neither a brick nor an application.
    ShapeError
        If the brick is applied and the two terms of the sum have different shapes.

    References
    ----------
    He, Zhang, Ren and Sun, *Deep residual learning for image recognition*, 2015.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks import Rectifier
    >>> Residual(Rectifier()).apply(torch.tensor([-1.0, 2.0]))
    tensor([-1.,  4.])
    """

    def __init__(
        self,
        inner: Brick | BoundApplication,
        shortcut: Brick | BoundApplication | None = None,
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        given = [inner] if shortcut is None else [inner, shortcut]
        self.branches = [application_of("Residual: a branch", branch) for branch in given]
        bricks = dict.fromkeys(branch.brick for branch in self.branches)
        super().__init__(**with_children(kwargs, *bricks))

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Add the output of the inner brick to the input, or to the output of the shortcut."""
        added: Variable = self.branches[0](input_)
        base: Variable = self.branches[1](input_) if len(self.branches) > 1 else input_
        sizes = zip(added.shape, base.shape, strict=False)
        differ = any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in sizes)
        if added.ndim != base.ndim or differ:
            what = "the output of the shortcut" if len(self.branches) > 1 else "input_"
            inner = self.branches[0]
            name = getattr(inner, "outputs", ["output"])[0]
            fix = fix_of_output(inner, name, tuple(base.shape))
            error = ShapeError(
                f"{self.path()}.apply: the output of {self.branches[0].brick.name} has shape "
                f"{shown(added)}, but {what} has shape {shown(base)}; the two are added, so their "
                "shapes must be equal; change the inner brick, or pass a shortcut whose output has "
                "the same shape as the output of the inner brick"
            )
            raise about(error, self.path(), fix)
        return base + added

    def get_dim(self, name: str) -> Any:
        first = self.branches[0]
        if name == "input_":
            return first.brick.get_dim(first.inputs[0])
        if name == "output":
            return first.brick.get_dim(first.outputs[0])
        return super().get_dim(name)

    def describe(self) -> str:
        return ""

    # Settings that parents push to all branches.

    @property
    def input_dim(self) -> Any:
        """The `input_dim` of the inner brick."""
        return self._inner(Feedforward).input_dim

    @input_dim.setter
    def input_dim(self, value: Any) -> None:
        self._set(Feedforward, "input_dim", value)

    @property
    def output_dim(self) -> Any:
        """The `output_dim` of the inner brick."""
        return self._inner(Feedforward).output_dim

    @output_dim.setter
    def output_dim(self, value: Any) -> None:
        self._set(Feedforward, "output_dim", value)

    @property
    def num_channels(self) -> Any:
        """The `num_channels` of the inner brick."""
        return self._inner(ImageLayer).num_channels

    @num_channels.setter
    def num_channels(self, value: int) -> None:
        self._set(ImageLayer, "num_channels", value)

    @property
    def image_size(self) -> Any:
        """The `image_size` of the inner brick."""
        return self._inner(ImageLayer).image_size

    @image_size.setter
    def image_size(self, value: Any) -> None:
        self._set(ImageLayer, "image_size", value)

    @property
    def num_output_channels(self) -> Any:
        """The `num_output_channels` of the inner brick."""
        return self._inner(ImageLayer).num_output_channels

    def _inner(self, kind: type[Brick]) -> Any:
        return self._checked(self.branches[0].brick, kind)

    def _set(self, kind: type[Brick], setting: str, value: Any) -> None:
        for branch in self.branches:
            setattr(self._checked(branch.brick, kind), setting, value)

    def _checked(self, brick: Brick, kind: type[Brick]) -> Brick:
        if not isinstance(brick, kind):
            raise BrickError(
                f"{self.path()}: {brick!r} is not an instance of {kind.__name__}, so its "
                "dimensions cannot be read or set through this brick; use that brick directly"
            )
        return brick
