"""Fashion-MNIST: 70,000 images of clothes, each of 28 x 28 pixels, in ten classes.

There are 60,000 training and 10,000 test images; `download` fetches them. The folders of
`config.data_path` and their subfolders ``fashion_mnist`` and ``FashionMNIST/raw`` are searched for
``fashion_mnist.hdf5``, ``fashion_mnist.h5`` or ``fashion_mnist.npz``. Only the subfolders are
searched for IDX files (see `workbench.data.mnist_layout`), because MNIST uses the same file names.

H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a novel image dataset for benchmarking machine
learning algorithms, 2017, arXiv:1708.07747. The images are published under the MIT licence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from workbench.data.files import data_folders
from workbench.data.image_datasets import ImageDataset, Images
from workbench.data.mnist_layout import Layout
from workbench.errors import MissingDataError

LAYOUT = Layout(
    title="Fashion-MNIST",
    name="fashion_mnist",
    folders=("", "fashion_mnist", "FashionMNIST/raw"),
    files=("fashion_mnist.hdf5", "fashion_mnist.h5", "fashion_mnist.npz"),
    loose=False,
)
NOT_HERE = (
    "Fashion-MNIST was not found in the folders of config.data_path ({where}); download it with "
    "workbench.data.download('fashion_mnist', directory) and add the directory to config.data_path"
)


class FashionMNIST(ImageDataset):
    """In-memory dataset of images of clothes.

    The sources are ``features``, of shape (N, 1, 28, 28) and dtype uint8, and ``targets``, of shape
    (N, 1) and dtype uint8, which contains indices of `classes`. `DataStream.default_stream`
    converts the features to `config.floatx` in [0, 1].

    Parameters
    ----------
    which_sets : sequence of str
        ``("train",)``, ``("test",)`` or both.
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
        The file or folder that the images were read from.
    classes : tuple of str
        The name of each class.

    Raises
    ------
    SourceError
        If a split or a source does not exist.
    DataError
        If `which_sets` is empty, or if `subset` contains an invalid index.
    MissingDataError
        If the dataset is not found.
    DataFileError
        If a file of the dataset is damaged or incomplete.

    Examples
    --------
    >>> FashionMNIST.classes[:3]
    ('T-shirt/top', 'Trouser', 'Pullover')
    >>> FashionMNIST(("trian",))
    Traceback (most recent call last):
    ...
    workbench.errors.SourceError: FashionMNIST has no split 'trian', only 'train', 'test'; did you
    mean 'train'?
    """

    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    sizes: ClassVar[Mapping[str, int]] = {"train": 60_000, "test": 10_000}
    shape = (1, 28, 28)

    def __init__(
        self,
        which_sets: Sequence[str],
        *,
        start: int | None = None,
        stop: int | None = None,
        subset: slice | Sequence[int] | npt.NDArray[np.integer] | None = None,
        load_in_memory: bool = True,
        sources: Sequence[str] | None = None,
    ) -> None:
        names = self.check_sets(which_sets)
        found = LAYOUT.find(names)
        if found is None:
            where = ", ".join(map(str, data_folders())) or "none of these folders exists"
            raise MissingDataError(NOT_HERE.format(where=where))
        read = partial(self._images, found.absolute())
        super().__init__(
            names, str(found), read, start=start, stop=stop, subset=subset, sources=sources
        )

    @classmethod
    def _images(cls, found: Path, split: str) -> Images:
        return cls.check_images(found, split, LAYOUT.read(found, split))
