"""Command line of the converters: ``python -m workbench.data.convert FORMAT OUTPUT ...``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from workbench.data.convert import csv_to_hdf5, idx_to_hdf5, images_to_hdf5, npz_to_hdf5
from workbench.errors import WorkbenchError

EXAMPLES = """examples:
  idx    digits.h5 train.features=train-images.gz train.targets=train-labels.gz
  npz    digits.h5 digits.npz train.features=x_train train.targets=y_train
  csv    irises.h5 all=irises.csv --targets species
  images pets.h5 train=pets/train test=pets/test --mode L
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert the files on the command line; return 0, or 1 after an error message."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        if given.format == "idx":
            idx_to_hdf5(given.output, _nested(given.sources, parser))
        elif given.format == "npz":
            npz_to_hdf5(given.output, given.archive, _nested(given.sources, parser))
        elif given.format == "csv":
            csv_to_hdf5(
                given.output,
                _pairs(given.splits, parser),
                targets=given.targets,
                ignore=given.ignore,
                dtype=given.dtype,
                delimiter=given.delimiter,
            )
        else:
            images_to_hdf5(given.output, _pairs(given.splits, parser), mode=given.mode)
    except (WorkbenchError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    print(f"{given.output}: {Path(given.output).stat().st_size} bytes")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workbench.data.convert",
        description="Make an HDF5 file that H5PYDataset reads.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    formats = parser.add_subparsers(dest="format", required=True, metavar="FORMAT")
    idx = formats.add_parser("idx", help="IDX files, the format of MNIST")
    npz = formats.add_parser("npz", help="arrays of a numpy archive")
    csv = formats.add_parser("csv", help="tables whose first line names the columns")
    images = formats.add_parser("images", help="folders of images, one subfolder per class")
    for each in (idx, npz, csv, images):
        each.add_argument("output", help="the file to write")
    npz.add_argument("archive", help="the file to read")
    idx.add_argument("sources", nargs="+", metavar="SPLIT.SOURCE=FILE")
    npz.add_argument("sources", nargs="+", metavar="SPLIT.SOURCE=ARRAY")
    csv.add_argument("splits", nargs="+", metavar="SPLIT=FILE")
    images.add_argument("splits", nargs="+", metavar="SPLIT=FOLDER")
    csv.add_argument(
        "--targets", nargs="+", default=(), metavar="COLUMN", help="columns to predict"
    )
    csv.add_argument(
        "--ignore", nargs="+", default=(), metavar="COLUMN", help="columns to leave out"
    )
    csv.add_argument("--dtype", default="float32", help="dtype of the features (float32)")
    csv.add_argument("--delimiter", default=",", help="character between cells (a comma)")
    images.add_argument("--mode", default="RGB", help="RGB (default), L, RGBA, I;16, I or F")
    return parser


def _pairs(texts: Sequence[str], parser: argparse.ArgumentParser) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            parser.error(f"{text!r} must be of the form NAME=VALUE")
        if name in pairs:
            parser.error(f"{name!r} is given twice")
        pairs[name] = value
    return pairs


def _nested(texts: Sequence[str], parser: argparse.ArgumentParser) -> dict[str, dict[str, str]]:
    splits: dict[str, dict[str, str]] = {}
    for name, value in _pairs(texts, parser).items():
        split, dot, source = name.partition(".")
        if not (split and dot and source):
            parser.error(f"{name!r} must be of the form SPLIT.SOURCE")
        splits.setdefault(split, {})[source] = value
    return splits


if __name__ == "__main__":
    sys.exit(main())
