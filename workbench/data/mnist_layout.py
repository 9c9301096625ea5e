"""File layouts of MNIST and similar datasets; `Layout` finds and reads the files.

Each folder is searched for an HDF5 file in Fuel's layout, then for an ``npz`` file with the arrays
``x_train``, ``y_train``, ``x_test`` and ``y_test``, then for the IDX files of the requested splits
under their original names, with or without ``.gz``.
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
    """Names of the files and folders of a dataset.

    Attributes
    ----------
    title : str
        The name of the dataset in messages.
    name : str
        The name of the dataset in `download`.
    folders : tuple of str
        The subfolders to search in each folder of `config.data_path`; ``""`` is the folder itself.
    files : tuple of str
        The names of single files that contain the whole dataset.
    loose : bool
        True if IDX files are also accepted directly in a folder of `config.data_path`.
    remedy : str
        Additional advice, which is added to the error message for an incomplete dataset.
    """

    title: str
    name: str
    folders: tuple[str, ...]
    files: tuple[str, ...]
    loose: bool
    remedy: str = ""

    def find(self, which_sets: Sequence[str]) -> Path | None:
        """Return the file or IDX folder that contains the splits, or None if there is none.

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
                    f"{folder} does not contain the files {', '.join(missing)} of {self.title}; "
                    f"download the IDX files with workbench.data.download({self.name!r}, "
                    f"directory), or remove the other files{self.remedy}"
                )
        return None

    def read(self, found: Path, split: str) -> Images:
        """Read one split from the file or folder that `find` returned.

        Raises
        ------
        DataFileError
            If a file is damaged, or contains a different dataset with the same layout.
        """
        images = self._read(found, split)
        digest = hashlib.sha256(encode_idx(images[1].reshape(-1))).hexdigest()
        for name, entry in CATALOGUE.items():
            if name != self.name and digest in entry.sha256.values():
                raise DataFileError(
                    f"{found} must contain {self.title}, but has the labels of {name!r}, whose "
                    "files have the same names; put each dataset into a separate folder"
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
