"""CIFAR-10: 60,000 colour images of 32 x 32 pixels in ten classes.

There are 50,000 training and 10,000 test images. Each folder of `config.data_path` and its
subfolder ``cifar10`` are searched for these files:

* ``cifar10.hdf5`` or ``cifar10.h5`` in Fuel's layout;
* ``cifar10.npz`` with the arrays ``x_train``, ``y_train``, ``x_test`` and ``y_test``;
* the published binary version: the archive ``cifar-10-binary.tar.gz``, which `download` fetches, or
  the unpacked folder ``cifar-10-batches-bin``.

The Python version is not read, because it consists of pickles, which could run arbitrary code.

A file of the binary version contains 10,000 records of 3073 bytes: the class, then the red, green
and blue planes, each row by row.

A. Krizhevsky: Learning multiple layers of features from tiny images, technical report, University
of Toronto, 2009.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from workbench.data.files import data_folders, one_line, regular_file
from workbench.data.hdf5 import H5PYDataset
from workbench.data.image_datasets import SOURCES, ImageDataset, Images
from workbench.data.npz import read_npz
from workbench.errors import DataFileError, MissingDataError

FILES = ("cifar10.hdf5", "cifar10.h5", "cifar10.npz", "cifar-10-binary.tar.gz")
FOLDER = "cifar-10-batches-bin"
PICKLED = ("cifar-10-python.tar.gz", "cifar-10-batches-py")
BATCHES = {
    "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("test_batch.bin",),
}
RECORD, RECORDS = 1 + 3 * 32 * 32, 10_000
NOT_HERE = (
    "CIFAR-10 was not found in the folders of config.data_path ({where}); download it with "
    "workbench.data.download('cifar10', directory) and add the directory to config.data_path"
)
ONLY_PICKLED = (
    "; {path} is the Python version, which is not read because its pickles could run arbitrary code"
)


class CIFAR10(ImageDataset):
    """In-memory dataset of small colour images of animals and vehicles.

    The sources are ``features``, of shape (N, 3, 32, 32) and dtype uint8, and ``targets``, of shape
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
    >>> CIFAR10.classes[:4]
    ('airplane', 'automobile', 'bird', 'cat')
    >>> CIFAR10(("valid",))
    Traceback (most recent call last):
    ...
    workbench.errors.SourceError: CIFAR10 has no split 'valid', only 'train', 'test'
    """

    classes = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
    sizes: ClassVar[Mapping[str, int]] = {"train": 50_000, "test": 10_000}
    shape = (3, 32, 32)

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
        found = _find()
        read = partial(self._images, found.absolute())
        super().__init__(
            names, str(found), read, start=start, stop=stop, subset=subset, sources=sources
        )

    @classmethod
    def _images(cls, found: Path, split: str) -> Images:
        return cls.check_images(found, split, _read(found, split))


def _find() -> Path:
    pickled = ""
    for top in data_folders():
        for folder in (top, top / "cifar10"):
            for name in FILES:
                if (folder / name).is_file():
                    return folder / name
            if (folder / FOLDER).is_dir():
                return folder / FOLDER
            for name in PICKLED:
                if (folder / name).exists():
                    pickled = ONLY_PICKLED.format(path=folder / name)
    where = ", ".join(map(str, data_folders())) or "none of these folders exists"
    raise MissingDataError(NOT_HERE.format(where=where) + pickled)


def _read(found: Path, split: str) -> Images:
    if found.suffix == ".npz":
        images, labels = read_npz(found, (f"x_{split}", f"y_{split}"))
        # some programs store the channels last
        return (images.transpose(0, 3, 1, 2) if images.shape[1:] == (32, 32, 3) else images), labels
    if found.is_dir() or found.suffix == ".gz":
        pieces = [_records(content, where) for content, where in _contents(found, split)]
        records = np.concatenate(pieces)
        return records[:, 1:], records[:, 0]
    dataset = H5PYDataset(found, (split,), sources=SOURCES, load_in_memory=True)
    images, labels = dataset.indexables
    return images, labels


def _check_size(size: int, where: str) -> None:
    if size != RECORD * RECORDS:
        raise DataFileError(
            f"{where}: a file of CIFAR-10 must have {RECORD * RECORDS} bytes ({RECORDS} records of "
            f"{RECORD} bytes), but this file has {size} bytes"
        )


def _check_members(archive: tarfile.TarFile, found: Path) -> None:
    """Check, before unpacking, that no file in the archive is larger than a CIFAR-10 file."""
    for entry in archive:
        if entry.size > RECORD * RECORDS:
            raise DataFileError(
                f"{found}: a file of CIFAR-10 must have at most {RECORD * RECORDS} bytes, but "
                f"{entry.name!r:.100} in the archive has {entry.size} bytes"
            )


def _records(content: bytes, where: str) -> npt.NDArray[Any]:
    _check_size(len(content), where)
    return np.frombuffer(content, np.uint8).reshape(RECORDS, RECORD)


def _contents(found: Path, split: str) -> Iterator[tuple[bytes, str]]:
    """Yield the content of each file in a split, and its name for error messages."""
    if found.is_dir():
        for name in BATCHES[split]:
            path = found / name
            if not path.exists():
                raise DataFileError(
                    f"{path}: this file of CIFAR-10 is missing; unpack the archive again"
                )
            regular_file(path, "file of CIFAR-10")
            _check_size(path.stat().st_size, str(path))
            yield path.read_bytes(), str(path)
        return
    try:
        # nothing is unpacked to disk, so names in the archive cannot refer to other folders
        with tarfile.open(found, "r:gz") as archive:
            _check_members(archive, found)
            for name in BATCHES[split]:
                entry = archive.getmember(f"{FOLDER}/{name}")
                member = archive.extractfile(entry)
                if member is None:
                    raise DataFileError(
                        f"{found}: {FOLDER}/{name} in the archive is not a regular file"
                    )
                _check_size(entry.size, f"{found}: {name}")
                yield member.read(), f"{found}: {name}"
    except KeyError as error:
        raise DataFileError(f"{found} is not the archive of CIFAR-10 ({error.args[0]})") from None
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataFileError(
            f"{found} is not a tar.gz archive, or is damaged ({one_line(error)})"
        ) from None
