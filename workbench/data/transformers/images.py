"""Random crops and flips for data augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from workbench.data.axes import check_image_axes
from workbench.data.seeds import Rng
from workbench.data.streams import AbstractDataStream
from workbench.data.transformers.random import RandomTransformer
from workbench.errors import DataError
from workbench.utils.numbers import as_whole


class RandomFixedSizeCrop(RandomTransformer):
    """Transformer that crops each image to a window of fixed size at a random position.

    An image is an array whose last two axes are height and width, such as (channels, height,
    width). The images of a batch may differ in size.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    window_shape : tuple of two int
        The height and width of the window.
    which_sources : sequence of str, optional
        The sources to crop; by default all. Sources with images of the same size are cropped at the
        same positions.
    rng : numpy.random.Generator or numpy.random.RandomState, optional
        The generator that draws the seed once, on construction.
    seed : int, optional
        The seed; by default `config.default_seed`.

    Raises
    ------
    DataError
        While reading, if an image is smaller than the window.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> images = IndexableDataset(np.zeros((4, 3, 32, 32), np.uint8))
    >>> stream = DataStream(images, iteration_scheme=SequentialScheme(4, batch_size=2))
    >>> [batch] = next(RandomFixedSizeCrop(stream, (28, 24)).get_epoch_iterator())
    >>> batch.shape
    (2, 3, 28, 24)
    """

    _never_writes = True

    def __init__(
        self,
        data_stream: AbstractDataStream,
        window_shape: tuple[int, int],
        *,
        which_sources: Sequence[str] | None = None,
        rng: Rng | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(data_stream, which_sources=which_sources, rng=rng, seed=seed)
        if not isinstance(window_shape, Sequence) or len(window_shape) != 2:
            raise DataError(
                "window_shape must be a tuple of height and width, such as (28, 28), not "
                f"{window_shape!r}"
            )
        height, width = (
            as_whole(size, "a size in window_shape", DataError, 1) for size in window_shape
        )
        self.window_shape = (height, width)
        check_image_axes(data_stream.axis_labels, self.which_sources, "RandomFixedSizeCrop")

    def transform_example(self, example: Any, rng: np.random.Generator) -> Any:
        height, width = self.window_shape
        spare = example.ndim >= 2 and (example.shape[-2] - height, example.shape[-1] - width)
        if not spare or min(spare) < 0:
            raise DataError(
                f"an image must be at least {height} x {width} (its last two axes, height and "
                f"width) to be cropped, but its shape is {tuple(example.shape)}"
            )
        top, left = rng.integers(0, spare, endpoint=True)
        return example[..., top : top + height, left : left + width]

    def __repr__(self) -> str:
        return f"RandomFixedSizeCrop({self.data_stream!r}, {self.window_shape}, seed={self.seed})"


class RandomFlip(RandomTransformer):
    """Transformer that flips each image with a given probability.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    probability : float
        The probability that an image is flipped.
    axis : int
        The axis to reverse: -1 exchanges left and right, -2 exchanges top
        and bottom.
    which_sources : sequence of str, optional
        The sources to flip; by default all. The same examples are flipped in each source.
    rng : numpy.random.Generator or numpy.random.RandomState, optional
        The generator that draws the seed once, on construction.
    seed : int, optional
        The seed; by default `config.default_seed`.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> rows = IndexableDataset([[1, 2], [3, 4]])
    >>> stream = DataStream(rows, iteration_scheme=SequentialScheme(2, batch_size=2))
    >>> next(RandomFlip(stream, probability=1).get_epoch_iterator())
    (array([[2, 1], [4, 3]]),)
    """

    _never_writes = True

    def __init__(
        self,
        data_stream: AbstractDataStream,
        probability: float = 0.5,
        axis: int = -1,
        *,
        which_sources: Sequence[str] | None = None,
        rng: Rng | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(data_stream, which_sources=which_sources, rng=rng, seed=seed)
        if not 0 <= probability <= 1:
            raise DataError(f"probability must be a number between 0 and 1, not {probability!r}")
        self.probability = probability
        self.axis = as_whole(axis, "axis", DataError)

    def transform_example(self, example: Any, rng: np.random.Generator) -> Any:
        if not -example.ndim <= self.axis < example.ndim:
            raise DataError(
                f"axis={self.axis} of RandomFlip must be an axis of each image, but an image has "
                f"shape {tuple(example.shape)}"
            )
        if rng.random() >= self.probability:
            return example
        if isinstance(example, torch.Tensor):
            return example.flip(self.axis)
        return np.flip(example, self.axis)

    def __repr__(self) -> str:
        return (
            f"RandomFlip({self.data_stream!r}, {self.probability}, axis={self.axis}, "
            f"seed={self.seed})"
        )
