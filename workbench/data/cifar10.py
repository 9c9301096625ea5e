"""CIFAR-10: colour images, 32 x 32 pixels, in ten classes; 50,000 for training, 10,000 to test.

Each folder of `config.data_path` and its subfolder ``cifar10`` are searched for: ``cifar10.hdf5``
or ``cifar10.h5`` in Fuel's layout, ``cifar10.npz`` with the arrays ``x_train``, ``y_train``,
``x_test`` and ``y_test``, and the published binary version, either the archive
``cifar-10-binary.tar.gz`` or the unpacked folder ``cifar-10-batches-bin``. The Python version
consists of pickles, which could run any code, and is not read. `download` fetches the archive.

A file of the binary version is 10,000 records of 3073 bytes: the class, then the red, the green and
the blue plane, each row by row.

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
    "CIFAR-10 is in none of the folders of config.data_path ({where}); fetch it with "
    "workbench.data.download('cifar10', directory) and add the directory to config.data_path"
)
ONLY_PICKLED = (
    "; {path} is the Python version, which is not read, because its pickles could run any code"
)


class CIFAR10(ImageDataset):
    """Small colour images of animals and vehicles, in memory.

    The sources are ``features``, of shape (N, 3, 32, 32) and dtype uint8, and ``targets``, of shape
    (N, 1) and dtype uint8, the numbers of the `classes`. `DataStream.default_stream` converts the
    features to `config.floatx` in [0, 1].

    Parameters
    ----------
    which_sets : sequence of str
        ``("train",)``, ``("test",)`` or both.
    start, stop : int, optional
        Use only the examples from `start` up to, but not including, `stop`.
    subset : slice or sequence of int, optional
        Use only these examples, in this order; `start` and `stop` refer to them.
    load_in_memory : bool
        Accepted for compatibility with Fuel; the set is always in memory.
    sources : sequence of str, optional
        The sources to read, in this order; by default all.

    Attributes
    ----------
    origin : str
        The file or the folder that the images come from.
    classes : tuple of str
        The name of each class.

    Raises
    ------
    MissingDataError
        If the set is not found.
    DataFileError
        If a file that was found is damaged or incomplete.

    Examples
    --------
    >>> CIFAR10.classes[:4]
    ('airplane', 'automobile', 'bird', 'cat')
    >>> CIFAR10(("valid",))
    Traceback (most recent call last):
    ...
    workbench.errors.SourceError: CIFAR10 has no set 'valid', only 'train', 'test'
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
    where = ", ".join(map(str, data_folders())) or "no folder of it exists"
    raise MissingDataError(NOT_HERE.format(where=where) + pickled)


def _read(found: Path, split: str) -> Images:
    if found.suffix == ".npz":
        images, labels = read_npz(found, (f"x_{split}", f"y_{split}"))
        # other programs store the channels last
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
            f"{where}: holds {size} bytes; a file of CIFAR-10 has {RECORDS} records of {RECORD} "
            f"bytes, {RECORD * RECORDS} in all"
        )


def _check_members(archive: tarfile.TarFile, found: Path) -> None:
    """Check that no file in the archive is larger than CIFAR-10's, before any is unpacked."""
    for entry in archive:
        if entry.size > RECORD * RECORDS:
            raise DataFileError(
                f"{found}: {entry.name!r:.100} in the archive has {entry.size} bytes, more than "
                f"any file of CIFAR-10, {RECORD * RECORDS}"
            )


def _records(content: bytes, where: str) -> npt.NDArray[Any]:
    _check_size(len(content), where)
    return np.frombuffer(content, np.uint8).reshape(RECORDS, RECORD)


def _contents(found: Path, split: str) -> Iterator[tuple[bytes, str]]:
    """Yield the bytes of each file of a split, and its name for messages."""
    if found.is_dir():
        for name in BATCHES[split]:
            path = found / name
            if not path.exists():
                raise DataFileError(f"{path}: this file of CIFAR-10 is missing")
            regular_file(path, "file of CIFAR-10")
            _check_size(path.stat().st_size, str(path))
            yield path.read_bytes(), str(path)
        return
    try:
        # nothing is unpacked to the disk, so that names in the archive cannot choose a place there
        with tarfile.open(found, "r:gz") as archive:
            _check_members(archive, found)
            for name in BATCHES[split]:
                entry = archive.getmember(f"{FOLDER}/{name}")
                member = archive.extractfile(entry)
                if member is None:
                    raise DataFileError(f"{found}: {FOLDER}/{name} in the archive is not a file")
                _check_size(entry.size, f"{found}: {name}")
                yield member.read(), f"{found}: {name}"
    except KeyError as error:
        raise DataFileError(f"{found}: {error.args[0]}; this is not CIFAR-10's archive") from None
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataFileError(
            f"{found}: not a tar.gz archive, or a damaged one ({one_line(error)})"
        ) from None
