"""Base of the data sets of images: checks of their sizes, and conversion of pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from workbench.data.datasets import IndexableDataset, as_index
from workbench.data.transformers import ScaleAndShift
from workbench.errors import DataError, DataFileError, SourceError, nearest

SOURCES = ("features", "targets")
AXES = {"features": ("batch", "channel", "height", "width"), "targets": ("batch", "index")}
Images = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""The images of a split, and the class index of each."""


class ImageDataset(IndexableDataset):
    """Data set of classified images, in memory.

    The sources are ``features``, of shape (N, channels, height, width) and dtype uint8, and
    ``targets``, of shape (N, 1) and dtype uint8. `DataStream.default_stream` converts the features
    to `config.floatx` in [0, 1]. A subclass defines the source of the images.

    Parameters
    ----------
    which_sets : tuple of str
        The names of the splits.
    origin : str
        The source of the images, to be shown.
    read : callable
        Returns the images and the classes of a split by name; a pickle of the data set contains
        this function instead of the data.
    start, stop : int, optional
        Use only the examples from `start` up to, but not including, `stop`.
    subset : slice or sequence of int, optional
        Use only these examples, in this order; `start` and `stop` refer to them.
    sources : sequence of str, optional
        The sources to read, in this order; by default all.

    Attributes
    ----------
    classes : tuple of str
        The name of each class.
    sizes : mapping of str to int
        The number of examples in each split of the whole set.
    shape : tuple of int
        Channels, height and width of an image.
    """

    classes: ClassVar[tuple[str, ...]]
    sizes: ClassVar[Mapping[str, int]]
    shape: ClassVar[tuple[int, int, int]]

    def __init__(
        self,
        which_sets: tuple[str, ...],
        origin: str,
        read: Callable[[str], Images],
        *,
        start: int | None = None,
        stop: int | None = None,
        subset: slice | Sequence[int] | npt.NDArray[np.integer] | None = None,
        sources: Sequence[str] | None = None,
    ) -> None:
        self.which_sets = which_sets
        self.subset = subset
        self.origin = origin
        self._read = read
        super().__init__(self.load(), start, stop, sources=sources, axis_labels=AXES)
        if "features" in self.sources:
            to_unit = partial(ScaleAndShift, scale=1 / 255, shift=0, which_sources=("features",))
            self.default_transformers = (to_unit,)

    def load(self) -> dict[str, npt.NDArray[Any]]:
        splits = [self._read(name) for name in self.which_sets]
        arrays = [pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
                  for pieces in zip(*splits, strict=True)]  # fmt: skip
        if self.subset is not None:
            arrays = [self._chosen(array, self.subset) for array in arrays]
        return dict(zip(SOURCES, arrays, strict=True))

    def _chosen(
        self, array: npt.NDArray[Any], subset: slice | Sequence[int] | npt.NDArray[np.integer]
    ) -> npt.NDArray[Any]:
        if isinstance(subset, slice):
            return array[subset]
        try:
            chosen: npt.NDArray[Any] = array[as_index(subset) if len(subset) else []]
            return chosen
        except (IndexError, TypeError) as error:
            raise DataError(
                f"the subset of {type(self).__name__}, {self.which_sets}, must be indices of its "
                f"{len(array)} examples: {error}"
            ) from None

    @classmethod
    def check_sets(cls, which_sets: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the splits; raise an error that lists them for an unknown name."""
        names = (which_sets,) if isinstance(which_sets, str) else tuple(which_sets)
        for name in names:
            if name not in cls.sizes:
                raise SourceError(
                    f"{cls.__name__} has no set {name!r}, only {', '.join(map(repr, cls.sizes))}"
                    f"{nearest(name, cls.sizes)}"
                )
        if not names:
            raise DataError(
                f"which_sets of {cls.__name__} must be some of {tuple(cls.sizes)}, not ()"
            )
        return names

    @classmethod
    def check_images(cls, found: object, split: str, pair: Images) -> Images:
        """Return the images and labels from `found` in their final shapes, if they are complete."""
        images, labels = pair
        count, (channels, height, width) = cls.sizes[split], cls.shape
        if (
            images.size != count * channels * height * width
            or labels.size != count
            or {images.dtype, labels.dtype} != {np.dtype(np.uint8)}
        ):
            raise DataFileError(
                f"{found}: the {split} set has images of shape {images.shape} and dtype "
                f"{images.dtype}, labels of shape {labels.shape} and dtype {labels.dtype}; "
                f"there must be {count} of {'' if channels == 1 else f'{channels} x '}{height} x "
                f"{width} and as many labels, all uint8"
            )
        if labels.max() >= len(cls.classes):
            raise DataFileError(
                f"{found}: labels of the {split} set must be in 0..{len(cls.classes) - 1}, not "
                f"{labels.max()}"
            )
        return images.reshape(count, *cls.shape), labels.reshape(count, 1)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.which_sets}, {self.num_examples} examples, "
            f"origin={self.origin!r})"
        )
