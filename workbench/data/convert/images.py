"""Converter from folders of images, with or without a subfolder for each class, to HDF5.

Pillow reads one image at a time, so that a dataset can be larger than memory.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.convert.splits import check_splits
from workbench.data.files import some
from workbench.data.hdf5.write import FORMAT, create_dense, create_ragged, write_table
from workbench.data.image_files import MODES, image_size, pillow, read_image
from workbench.errors import DataError, DataFileError, MissingDataError
from workbench.hints import hinted
from workbench.utils.atomic import replacing
from workbench.utils.notices import tell

SUFFIXES = {
    ".bmp",
    ".gif",
    ".jfif",
    ".jpe",
    ".jpeg",
    ".jpg",
    ".pbm",
    ".pgm",
    ".png",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
}
NO_IMAGES = (
    "each subfolder of {folder} must contain images, but there are none in {names} (files that "
    "are not read: {left_out}); remove the subfolder, or save its images with one of the endings "
    "{known}"
)
SPLITS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"}
"""Common names, in lower case, of a folder that contains one split."""
NOT_CLASSES = (
    "the subfolders {names} of {folder} have the names of splits, not of classes, and contain "
    "folders themselves; pass the folder of each split, as in fit(model, {first!r}, "
    "validation={second!r}) or images_to_hdf5(path, {{'train': {first!r}, 'test': {second!r}}})"
)
LEFT_OUT = "Files in {folder} that are not read as images: {left_out}."
AXES = ("batch", "channel", "height", "width")


@hinted
def images_to_hdf5(
    path: str | os.PathLike[str],
    folders: Mapping[str, str | os.PathLike[str]],
    *,
    mode: str = "RGB",
) -> None:
    """Convert folders of images, one folder per split, to one HDF5 file.

    The images become the source ``features``. Each image has the shape (channels, height, width);
    height and width may vary. Photos are rotated to the orientation that the camera recorded. A
    conversion that would lose information raises an error. If the folders have subfolders, each
    subfolder is a class. The ``classes`` attribute lists the names of these classes in alphabetical
    order. The source ``targets``, of shape (N, 1) and dtype int64, contains indices into this list.
    Images are read in the order of their names.

    Parameters
    ----------
    path : str or Path
        The HDF5 file to write.
    folders : mapping from split to path
        The folders to read.
    mode : {'RGB', 'L', 'RGBA', 'I;16', 'I', 'F'}
        The mode of the converted images. 'RGB' (colour), 'L' (grey) and 'RGBA' (colour with
        transparency) have dtype uint8; the grey modes 'I;16', 'I' and 'F' have dtype uint16, int32
        and float32.

    Raises
    ------
    DataError
        If `mode` is unknown, if `folders` is empty or is not a mapping from split to path, if only
        some of the images are in subfolders, or if the subfolders are splits with subfolders.
    MissingLibraryError
        If Pillow is not installed.
    MissingDataError
        If a folder does not exist, or contains no images.
    DataFileError
        If an image cannot be read, if `mode` cannot represent it, or if a subfolder contains no
        images. The message names the file and, if there is one, a mode that can represent the
        image.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> from workbench.data import H5PYDataset
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("cat", "dog"):
    ...     (folder / name).mkdir()
    ...     Image.new("RGB", (32, 24)).save(folder / name / "1.png")
    >>> images_to_hdf5(folder / "pets.h5", {"train": folder})
    >>> features, targets = H5PYDataset(folder / "pets.h5", ("train",)).indexables
    >>> features.shape, targets.tolist()
    ((2, 3, 24, 32), [[0], [1]])
    """
    import h5py

    pillow()
    if mode not in MODES:
        raise DataError(f"mode must be one of {', '.join(map(repr, MODES))}, not {mode!r}")
    check_splits(folders, "path")
    found = {split: images_in(Path(folder)) for split, folder in folders.items()}
    if not found:
        raise DataError(f"folders must not be empty; pass at least one split to write to {path}")
    files = [file for images in found.values() for file, _ in images]
    names = [name for images in found.values() for _, name in images]
    shapes = [(MODES[mode][0], *image_size(file)) for file in files]
    sources = ["features"] if names[0] is None else ["features", "targets"]
    if any((name is None) != (names[0] is None) for name in names):
        raise DataError(
            f"either all or none of the images in {', '.join(map(str, folders.values()))} must be "
            "in subfolders; put the images of each class into a subfolder, or use no subfolders"
        )
    with (
        replacing(path, MissingDataError) as temporary,
        h5py.File(temporary, "w", libver=FORMAT) as file,
    ):
        _write_images(file, files, shapes, mode)
        if names[0] is not None:
            classes = sorted(set(names), key=str)
            numbers = np.array([[classes.index(name)] for name in names], dtype=np.int64)
            labels = ("batch", "index")
            create_dense(file, "targets", numbers.shape, np.int64, labels)[...] = numbers
            file.attrs["classes"] = np.array(classes, dtype=h5py.string_dtype())
        rows, start = [], 0
        for split, images in found.items():
            stop = start + len(images)
            rows += [(split, source, start, stop) for source in sources]
            start = stop
        write_table(file, rows)


def _write_images(
    file: Any, files: list[Path], shapes: list[tuple[int, int, int]], mode: str
) -> None:
    dtype = MODES[mode][1]
    images = _read(files, shapes, mode)
    if len(set(shapes)) == 1:
        stored = create_dense(file, "features", (len(files), *shapes[0]), dtype, AXES)
        for first, block in _blocks(images, stored.chunks[0]):
            stored[first : first + len(block)] = block
        return
    stored, sizes = create_ragged(file, "features", len(files), 3, dtype, AXES)
    sizes[...] = shapes
    for index, image in enumerate(images):
        stored[index] = image.reshape(-1)


def _read(
    files: list[Path], shapes: list[tuple[int, int, int]], mode: str
) -> Iterator[npt.NDArray[Any]]:
    for file, shape in zip(files, shapes, strict=True):
        image = read_image(file, mode, file)
        if image.shape != shape:
            raise DataFileError(
                f"{file}: the image must have the shape {shape} that its header declared, not "
                f"{image.shape}; the file is damaged, or was changed during the conversion"
            )
        yield image


def _blocks(
    images: Iterator[npt.NDArray[Any]], size: int
) -> Iterator[tuple[int, list[npt.NDArray[Any]]]]:
    """Yield blocks of at most `size` images, each with the index of its first image."""
    first, block = 0, []
    for image in images:
        block.append(image)
        if len(block) == size:
            yield first, block
            first, block = first + size, []
    if block:
        yield first, block


def images_in(
    folder: Path, *, complete: bool = True, classes: bool = True
) -> list[tuple[Path, str | None]]:
    """Return the image files of a split with their classes, and print which files are left out.

    The class is the name of a subfolder of `folder`, or None for an image outside all subfolders.

    Parameters
    ----------
    folder : Path
    complete : bool
        If True, each subfolder must contain an image, because only images show a class.
    classes : bool
        False if the classes are not needed, so that subfolders may also be splits.

    Raises
    ------
    MissingDataError
        If there is no such folder, or it contains no images.
    DataFileError
        If a subfolder contains no images although `complete` is True.
    DataError
        If the subfolders are splits that contain the class subfolders.
    """
    if not folder.is_dir():
        raise MissingDataError(f"there is no folder {folder}")
    suffixes = _suffixes()
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    found: list[tuple[Path, str | None]] = []
    others: Counter[str] = Counter()
    empty: list[str] = []
    for entry in entries:
        name = entry.name if entry.is_dir() else None
        files = _files_in(entry) if entry.is_dir() else [entry]
        images = [(file, name) for file in files if file.suffix.lower() in suffixes]
        others += Counter(f.suffix.lower() for f in files if f.suffix.lower() not in suffixes)
        if name is not None and not images:
            empty.append(name)
        found += images
    known = ", ".join(sorted(suffixes))
    if not found:
        raise MissingDataError(
            f"{folder} and its subfolders contain no images; the name of an image must end in one "
            f"of {known}"
        )
    left_out = some(sorted(others), lambda end: f"{others[end]} {_ending(end)}")
    if empty and complete:
        raise DataFileError(
            NO_IMAGES.format(
                folder=folder, names=some(empty), left_out=left_out or "none", known=known
            )
        )
    if classes:
        _check_no_splits(found, folder)
    if others:
        tell(LEFT_OUT.format(folder=folder, left_out=left_out))
    return found


def _check_no_splits(found: list[tuple[Path, str | None]], folder: Path) -> None:
    names = list(dict.fromkeys(name for _, name in found if name is not None))
    deep = all(len(file.relative_to(folder).parts) > 2 for file, _ in found)
    if len(names) < 2 or not deep or not all(name.lower() in SPLITS for name in names):
        return
    first = next((name for name in names if name.lower().startswith("train")), names[0])
    second = next(name for name in reversed(names) if name != first)
    raise DataError(
        NOT_CLASSES.format(
            names=some(names), folder=folder, first=str(folder / first), second=str(folder / second)
        )
    )


def _suffixes() -> set[str]:
    """Return the file extensions of images, including ``.avif`` if Pillow supports it."""
    return SUFFIXES | ({".avif"} & set(pillow().registered_extensions()))


def _ending(suffix: str) -> str:
    return f"with the ending {suffix}" if suffix else "without an ending"


def _files_in(folder: Path) -> list[Path]:
    """Return the files at any depth that are neither hidden nor in a hidden folder."""
    return sorted(
        file
        for file in folder.rglob("*")
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.is_file()
    )
