"""MNIST: images of handwritten digits, 28 x 28 pixels, in ten classes.

A subset of 10,000 training and 2,000 test digits comes with the package (see
`workbench.data.embedded`), so that everything runs on real data without a network. Where the full
set of 60,000 and 10,000 lies in a folder of `config.data_path` it is used instead; `download`
fetches it, when asked to. In each such folder, and in its subfolders ``mnist`` and ``MNIST/raw``,
``mnist.hdf5``, ``mnist.h5``, ``mnist.npz`` and the IDX files are looked for (see
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
    "the full MNIST set was asked for, but none of the folders of config.data_path has it ({where})"
    "; fetch it with workbench.data.download('mnist', directory) and put the directory into "
    "config.data_path, or leave full=True out to use the 10,000 + 2,000 digits of the package"
)


class MNIST(ImageDataset):
    """Handwritten digits, in memory.

    The sources are ``features``, of shape (N, 1, 28, 28) and dtype uint8 with 0 for background and
    255 for ink, and ``targets``, of shape (N, 1) and dtype uint8, the digits 0 to 9. By
    `DataStream.default_stream` the features become `config.floatx` in [0, 1].

    Parameters
    ----------
    which_sets : sequence of str
        ``("train",)``, ``("test",)`` or both.
    full : bool, optional
        True insists on the full set, False on the subset of the package, whatever else is there.
        By default the full set is used where it is found.
    start, stop : int, optional
        Use only the examples from `start` to before `stop`.
    subset : slice or sequence of int, optional
        Use only these of the examples, in this order; `start` and `stop` count among them.
    load_in_memory : bool
        Accepted as in Fuel; the set is small, and in memory in any case.
    sources : sequence of str, optional
        Which sources to give, in this order.

    Attributes
    ----------
    origin : str
        Where the digits come from: a file, a folder, or ``"embedded subset"``.
    is_subset : bool
        Whether they are the package's subset.

    Raises
    ------
    MissingDataError
        If `full` is True and the full set is not found.
    DataFileError
        If a file that was found is damaged or incomplete.

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
            where = ", ".join(map(str, data_folders())) or "no folder of it exists"
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
