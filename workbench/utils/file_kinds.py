"""Kinds of files, so that no file is replaced by a file of another kind.

The kinds are those that the workbench writes. They are recognised by the first bytes of a file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.utils.irregular import irregular

START = 512
"""Number of bytes at the beginning of a file that determine its kind."""

HDF5 = "an HDF5 file"
PATTERNS = {
    "an archive of a run": rb"_.{256}ustar",
    "a report of a run": rb'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta '
    rb'http-equiv="Content-Security-Policy"',
    "a table of a log": rb'"?iteration"?[,\n]',
    "a Parquet file": rb"PAR1",
    HDF5: rb"\x89HDF",
    "an ONNX file": rb"\x08.\x12",
    "a safetensors file": rb".{5}\0\0\0\{",
    "an SVG image": rb"(<\?xml.*)?<svg",
    "a PNG image": rb"\x89PNG",
    "a Mermaid diagram": rb"flowchart ",
    "a block of the editor": rb'\{\s*"block"',
}

NOT_REGULAR = "{path} cannot be written, because it is {kind}; choose another name"
OTHER_KIND = (
    "{path} already exists and is not {kind}, so it was not replaced; delete it or choose another "
    "name"
)


def check_regular(path: Path, error: type[WorkbenchError]) -> None:
    """Raise an error if `path` is a folder, a device or another file that is not regular."""
    kind = irregular(path.stat().st_mode) if path.exists() else None
    if kind is not None:
        raise error(NOT_REGULAR.format(path=path, kind=kind))


def check_replaceable(path: Path, new: Path, error: type[WorkbenchError]) -> None:
    """Raise an error if a file with content is of a different kind than the `new` file."""
    if not path.exists() or not os.path.getsize(path):
        return
    before, after = kind_of(path), kind_of(new)
    if before != after:
        kind = "a file of the same kind" if after is None else after
        raise error(OTHER_KIND.format(path=path, kind=kind))


def kind_of(path: Path) -> str | None:
    """Return the kind of a file, or None for a kind that the workbench does not write.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "model.svg")
    >>> _ = path.write_text("<svg></svg>")
    >>> kind_of(path)
    'an SVG image'
    """
    with path.open("rb") as file:
        start = file.read(START)
    found = (kind for kind, one in PATTERNS.items() if re.match(one, start, re.DOTALL))
    kind = next(found, None)
    return _kind_of_hdf5(path) if kind == HDF5 else kind


def _kind_of_hdf5(path: Path) -> str:
    """Return the kind of an HDF5 file; data sets have the attribute ``split``."""
    import h5py

    try:
        with h5py.File(path) as file:
            names = set(file.attrs)
    except OSError:  # damaged, or another program is writing it
        return HDF5
    if {"uuid", "channels"} <= names:
        return "an HDF5 file of a log"
    return "an HDF5 data set" if "split" in names else HDF5
