"""File layout of MNIST and similar data sets: search and reading.

A folder is searched for, in this order: an HDF5 file in Fuel's layout, an ``npz`` file with the
arrays ``x_train``, ``y_train``, ``x_test`` and ``y_test``, and the four IDX files under their
original names, with or without ``.gz``.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.data.fetch import CATALOGUE
from workbench.data.files import data_folders
from workbench.data.hdf5 import H5PYDataset
from workbench.data.idx import encode_idx, read_idx
from workbench.data.image_datasets import SOURCES, Images
from workbench.data.npz import read_npz
from workbench.errors import DataFileError

IDX_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@dataclass(frozen=True)
class Layout:
    """Names of the files and folders of a data set.

    Attributes
    ----------
    title : str
        The name of the set in messages.
    name : str
        The name for `download`.
    folders : tuple of str
        Subfolders of each folder of `config.data_path` to search; ``""`` is the folder itself.
    files : tuple of str
        Names of single files that contain the whole set.
    loose : bool
        True if IDX files can be in a folder of `config.data_path` itself.
    remedy : str
        Further advice for an incomplete set.
    """

    title: str
    name: str
    folders: tuple[str, ...]
    files: tuple[str, ...]
    loose: bool
    remedy: str = ""

    def find(self, which_sets: Sequence[str]) -> Path | None:
        """Return the file, or the folder of IDX files, with these splits.

        Raises
        ------
        DataFileError
            If a folder has some of the IDX files, but not all.
        """
        wanted = [name for split in which_sets for name in IDX_FILES[split]]
        for top, inner in itertools.product(data_folders(), self.folders):
            folder = top / inner
            for name in self.files:
                if (folder / name).is_file():
                    return folder / name
            if not (inner or self.loose):
                continue
            missing = [name for name in wanted if _idx_file(folder, name) is None]
            if not missing:
                return folder
            if len(missing) < len(wanted):
                raise DataFileError(
                    f"{folder} lacks {', '.join(missing)} of the IDX files of {self.title}; fetch "
                    f"them with workbench.data.download({self.name!r}, directory), or remove the "
                    f"other files{self.remedy}"
                )
        return None

    def read(self, found: Path, split: str) -> Images:
        """Read one split from the file or folder that `find` has returned.

        Raises
        ------
        DataFileError
            If a file is damaged, or contains another set of the same layout.
        """
        images = self._read(found, split)
        digest = hashlib.sha256(encode_idx(images[1].reshape(-1))).hexdigest()
        for name, entry in CATALOGUE.items():
            if name != self.name and digest in entry.sha256.values():
                raise DataFileError(
                    f"{found}: contains the labels of {name!r}, which has files of the same names "
                    f"as {self.title}; put each set into its own folder"
                )
        return images

    def _read(self, found: Path, split: str) -> Images:
        if found.is_dir():
            paths = [_idx_file(found, name) for name in IDX_FILES[split]]
            images, labels = (read_idx(path) for path in paths if path is not None)
        elif found.suffix == ".npz":
            images, labels = read_npz(found, (f"x_{split}", f"y_{split}"))
        else:
            dataset = H5PYDataset(found, (split,), sources=SOURCES, load_in_memory=True)
            images, labels = dataset.indexables
        return images, labels


def _idx_file(folder: Path, name: str) -> Path | None:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    return None
