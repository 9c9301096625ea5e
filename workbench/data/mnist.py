"""MNIST: pictures of handwritten digits, 28 x 28 pixels, in ten classes.

A subset of 10,000 training and 2,000 test digits comes with the package (see
`workbench.data.embedded`), so that everything runs on real data without a network. Where the full
set of 60,000 and 10,000 lies in a folder of `config.data_path` it is used instead; `download`
fetches it, when asked to. In each such folder, and in its subfolders ``mnist`` and ``MNIST/raw``,
these are looked for: ``mnist.hdf5`` or ``mnist.h5`` in Fuel's layout, ``mnist.npz`` with the arrays
``x_train``, ``y_train``, ``x_test`` and ``y_test``, and the four IDX files under their original
names, with or without ``.gz``.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86, 1998.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.datasets import IndexableDataset
from workbench.data.files import data_folders
from workbench.data.hdf5 import H5PYDataset
from workbench.data.idx import read_idx
from workbench.data.transformers import ScaleAndShift
from workbench.errors import DataError, DataFileError, MissingDataError, SourceError, nearest

SOURCES = ("features", "targets")
SIZES = {"train": 60_000, "test": 10_000}
IDX_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
EMBEDDED = Path(__file__).parent / "embedded" / "mnist.h5"
NOT_HERE = (
    "the full MNIST set was asked for, but none of the folders of config.data_path has it ({where})"
    "; fetch it with workbench.data.download('mnist', directory) and put the directory into "
    "config.data_path, or leave full=True out to use the 10,000 + 2,000 digits of the package"
)


class MNIST(IndexableDataset):
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

    def __init__(
        self,
        which_sets: Sequence[str],
        *,
        full: bool | None = None,
        start: int | None = None,
        stop: int | None = None,
        sources: Sequence[str] | None = None,
    ) -> None:
        self.which_sets = _checked_sets(which_sets)
        found = None if full is False else _find_full(self.which_sets)
        if found is None and full:
            where = ", ".join(map(str, data_folders())) or "no folder of it exists"
            raise MissingDataError(NOT_HERE.format(where=where))
        self.is_subset = found is None
        self.origin = "embedded subset" if found is None else str(found)
        if found is None:
            arrays = H5PYDataset(EMBEDDED, self.which_sets, load_in_memory=True).indexables
        else:
            parts = [_read_full(found, name) for name in self.which_sets]
            arrays = tuple(np.concatenate(pieces) for pieces in zip(*parts, strict=True))
        super().__init__(dict(zip(SOURCES, arrays, strict=True)), start, stop, sources=sources)
        if "features" in self.sources:
            to_unit = partial(ScaleAndShift, scale=1 / 255, shift=0, which_sources=("features",))
            self.default_transformers = (to_unit,)

    def __repr__(self) -> str:
        return f"MNIST({self.which_sets}, {self.num_examples} examples, origin={self.origin!r})"


def _checked_sets(which_sets: Sequence[str]) -> tuple[str, ...]:
    names = (which_sets,) if isinstance(which_sets, str) else tuple(which_sets)
    for name in names:
        if name not in SIZES:
            raise SourceError(
                f"MNIST has no set {name!r}, only {', '.join(map(repr, SIZES))}"
                f"{nearest(name, SIZES)}"
            )
    if not names:
        raise DataError(f"MNIST was given which_sets=(); expected some of {tuple(SIZES)}")
    return names


def _find_full(which_sets: Sequence[str]) -> Path | None:
    """Return the file, or the folder of IDX files, that has the full set."""
    for top in data_folders():
        for folder in (top, top / "mnist", top / "MNIST" / "raw"):
            for name in ("mnist.hdf5", "mnist.h5", "mnist.npz"):
                if (folder / name).is_file():
                    return folder / name
            wanted = [name for split in which_sets for name in IDX_FILES[split]]
            missing = [name for name in wanted if _idx_file(folder, name) is None]
            if not missing:
                return folder
            if len(missing) < len(wanted):
                raise DataFileError(
                    f"{folder}: of the IDX files of MNIST, {', '.join(missing)} is missing; fetch "
                    "it with workbench.data.download('mnist', directory), remove the others, or "
                    "pass full=False"
                )
    return None


def _idx_file(folder: Path, name: str) -> Path | None:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    return None


def _read_full(found: Path, split: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Read the features and targets of one split, and check that they are all there."""
    if found.is_dir():
        paths = [_idx_file(found, name) for name in IDX_FILES[split]]
        images, labels = (read_idx(path) for path in paths if path is not None)
    elif found.suffix == ".npz":
        images, labels = _read_npz(found, split)
    else:
        dataset = H5PYDataset(found, (split,), sources=SOURCES, load_in_memory=True)
        images, labels = dataset.indexables
    count = SIZES[split]
    if (
        images.size != count * 784
        or labels.size != count
        or {images.dtype, labels.dtype} != {np.dtype(np.uint8)}
    ):
        raise DataFileError(
            f"{found}: the {split} set has pictures of shape {images.shape} and dtype "
            f"{images.dtype}, labels of shape {labels.shape} and dtype {labels.dtype}; expected "
            f"{count} of 28 x 28 and as many labels, all uint8"
        )
    if labels.max() > 9:
        raise DataFileError(f"{found}: a label of the {split} set is {labels.max()}; expected 0..9")
    return images.reshape(count, 1, 28, 28), labels.reshape(count, 1)


def _read_npz(path: Path, split: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    try:
        # np.load(path) leaves the file open where it finds no archive in it
        with path.open("rb") as file, np.load(file) as arrays:
            return arrays[f"x_{split}"], arrays[f"y_{split}"]
    except KeyError as error:
        raise DataFileError(f"{path}: {error.args[0]}") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataFileError(f"{path}: not an npz file, or a damaged one ({error})") from None
