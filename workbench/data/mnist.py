"""MNIST: 70,000 images of handwritten digits, each of 28 x 28 pixels, in ten classes.

The package contains a subset of 10,000 training and 2,000 test digits (see
`workbench.data.embedded`), so that examples can use real data without network access. If a
folder of `config.data_path` contains the full set (60,000 and 10,000 digits), this set is used
instead; `download` fetches it. Each folder and its subfolders ``mnist`` and ``MNIST/raw`` are
searched for ``mnist.hdf5``, ``mnist.h5``, ``mnist.npz`` and the IDX files (see
`workbench.data.mnist_layout`).

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86, 1998.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from workbench.data.files import data_folders
from workbench.data.hdf5 import H5PYDataset
from workbench.data.image_datasets import ImageDataset, Images
from workbench.data.mnist_layout import Layout
from workbench.errors import MissingDataError

EMBEDDED = Path(__file__).parent / "embedded" / "mnist.h5"
LAYOUT = Layout(
    title="MNIST",
    name="mnist",
    folders=("", "mnist", "MNIST/raw"),
    files=("mnist.hdf5", "mnist.h5", "mnist.npz"),
    loose=True,
    remedy=", or pass full=False",
)
NOT_HERE = (
    "the full MNIST set was not found in the folders of config.data_path ({where}); download it "
    "with workbench.data.download('mnist', directory) and add the directory to config.data_path, "
    "or omit full=True to use the 10,000 + 2,000 digits in the package"
)


class MNIST(ImageDataset):
    """In-memory dataset of images of handwritten digits.

    The source ``features``, of shape (N, 1, 28, 28) and dtype uint8, contains pixels from 0 for
    background to 255 for ink. The source ``targets``, of shape (N, 1) and dtype uint8, contains the
    digits 0 to 9. `DataStream.default_stream` converts the features to `config.floatx` in [0, 1].

    Parameters
    ----------
    which_sets : sequence of str
        ``("train",)``, ``("test",)`` or both.
    full : bool, optional
        True requires the full set; False selects the subset in the package. By default the full set
        is used if it is found.
    start, stop : int, optional
        The range of examples to use, from `start` up to, but not including, `stop`.
    subset : slice or sequence of int, optional
        The examples to use, in this order; `start` and `stop` refer to this selection.
    load_in_memory : bool
        Accepted for compatibility with Fuel; the data are always in memory.
    sources : sequence of str, optional
        The sources to read, in this order; by default all.

    Attributes
    ----------
    origin : str
        The file or folder that the digits were read from, or ``"embedded subset"``.
    is_subset : bool
        True if the digits are from the subset in the package.

    Raises
    ------
    SourceError
        If a split or a source does not exist.
    DataError
        If `which_sets` is empty, or if `subset` contains an invalid index.
    MissingDataError
        If `full` is True and the full set is not found.
    DataFileError
        If a file of the set is damaged or incomplete.

    Examples
    --------
    >>> mnist = MNIST(("train",), full=False)
    >>> mnist
    MNIST(('train',), 10000 examples, origin='embedded subset')
    >>> features, targets = mnist.get_data(slice(0, 64))
    >>> features.shape, targets.shape
    ((64, 1, 28, 28), (64, 1))
    """

    classes = tuple("0123456789")
    sizes: ClassVar[Mapping[str, int]] = {"train": 60_000, "test": 10_000}
    shape = (1, 28, 28)

    def __init__(
        self,
        which_sets: Sequence[str],
        *,
        full: bool | None = None,
        start: int | None = None,
        stop: int | None = None,
        subset: slice | Sequence[int] | npt.NDArray[np.integer] | None = None,
        load_in_memory: bool = True,
        sources: Sequence[str] | None = None,
    ) -> None:
        names = self.check_sets(which_sets)
        found = None if full is False else LAYOUT.find(names)
        if found is None and full:
            where = ", ".join(map(str, data_folders())) or "none of these folders exists"
            raise MissingDataError(NOT_HERE.format(where=where))
        self.is_subset = found is None
        origin = "embedded subset" if found is None else str(found)
        read = partial(self._images, found and found.absolute())
        super().__init__(
            names, origin, read, start=start, stop=stop, subset=subset, sources=sources
        )

    @classmethod
    def _images(cls, found: Path | None, split: str) -> Images:
        if found is not None:
            return cls.check_images(found, split, LAYOUT.read(found, split))
        features, targets = H5PYDataset(EMBEDDED, (split,), load_in_memory=True).indexables
        return features, targets
