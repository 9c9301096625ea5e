"""What the data sets of images have in common: sizes that are checked, and pixels as numbers."""

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
"""The images of a split, and the number of the class of each."""


class ImageDataset(IndexableDataset):
    """Images in classes, in memory.

    The sources are ``features``, of shape (N, channels, height, width) and dtype uint8, and
    ``targets``, of shape (N, 1) and dtype uint8. By `DataStream.default_stream` the features become
    `config.floatx` in [0, 1]. A subclass says where the images come from.

    Parameters
    ----------
    which_sets : tuple of str
        The names of the splits.
    origin : str
        Where the images come from, for people to read.
    read : callable
        Gives the images and the classes of the split of that name; a pickle of the data set has
        it in place of the data.
    start, stop : int, optional
        Use only the examples from `start` to before `stop`.
    subset : slice or sequence of int, optional
        Use only these of the examples, in this order; `start` and `stop` count among them.
    sources : sequence of str, optional
        Which sources to give, in this order.

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
                f"the subset of {type(self).__name__}, {self.which_sets}, does not fit its "
                f"{len(array)} examples: {error}"
            ) from None

    @classmethod
    def check_sets(cls, which_sets: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the splits, or raise an error that names those there are."""
        names = (which_sets,) if isinstance(which_sets, str) else tuple(which_sets)
        for name in names:
            if name not in cls.sizes:
                raise SourceError(
                    f"{cls.__name__} has no set {name!r}, only {', '.join(map(repr, cls.sizes))}"
                    f"{nearest(name, cls.sizes)}"
                )
        if not names:
            raise DataError(
                f"{cls.__name__} was given which_sets=(); expected some of {tuple(cls.sizes)}"
            )
        return names

    @classmethod
    def check_images(cls, found: object, split: str, pair: Images) -> Images:
        """Return what was read from `found` in the shapes it is to have, if all of it is there."""
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
                f"expected {count} of {'' if channels == 1 else f'{channels} x '}{height} x "
                f"{width} and as many labels, all uint8"
            )
        if labels.max() >= len(cls.classes):
            raise DataFileError(
                f"{found}: a label of the {split} set is {labels.max()}; expected "
                f"0..{len(cls.classes) - 1}"
            )
        return images.reshape(count, *cls.shape), labels.reshape(count, 1)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.which_sets}, {self.num_examples} examples, "
            f"origin={self.origin!r})"
        )
