"""The ``convert`` command, which converts files to HDF5 files for `H5PYDataset`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from workbench.data.convert import csv_to_hdf5, idx_to_hdf5, images_to_hdf5, npz_to_hdf5
from workbench.errors import DataError

EXAMPLES = """\b
Examples:
  workbench convert idx    digits.h5 train.features=train-images.gz train.targets=train-labels.gz
  workbench convert npz    digits.h5 digits.npz train.features=x_train train.targets=y_train
  workbench convert csv    irises.h5 all=irises.csv --target species
  workbench convert images pets.h5 train=pets/train test=pets/test --mode L
"""


class _Pairs(click.ParamType[tuple[str, str]]):
    """Parameter type for ``NAME=VALUE``, or for ``SPLIT.SOURCE=VALUE`` if `nested` is True."""

    def __init__(self, name: str, nested: bool = False) -> None:
        self.name = name
        self.nested = nested

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        name, equals, given = value.partition("=")
        if not (name and equals and given):
            self.fail(f"{value!r} must be of the form NAME=VALUE", param, ctx)
        split, dot, source = name.partition(".")
        if self.nested and not (split and dot and source):
            self.fail(f"{name!r} must be of the form SPLIT.SOURCE", param, ctx)
        return name, given


def _unique(ctx: click.Context, param: click.Parameter, pairs: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice", ctx=ctx, param=param)
        found[name] = value
    return found


def _by_split(ctx: click.Context, param: click.Parameter, pairs: Any) -> dict[str, dict[str, str]]:
    splits: dict[str, dict[str, str]] = {}
    for name, value in _unique(ctx, param, pairs).items():
        split, _, source = name.partition(".")
        splits.setdefault(split, {})[source] = value
    return splits


def _words(
    name: str, metavar: str, check: Callable[..., Any], nested: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the arguments that map splits to files or arrays."""
    kind = _Pairs(metavar, nested)
    return click.argument(
        name, nargs=-1, required=True, metavar=f"{metavar}...", type=kind, callback=check
    )


@click.group(epilog=EXAMPLES)
def convert() -> None:
    """Convert files to an HDF5 file that H5PYDataset reads.

    OUTPUT is the file to write. A split is a named subset of the data, such as "train" or "test".
    """


@convert.command()
@click.argument("output")
@_words("sources", "SPLIT.SOURCE=FILE", _by_split, nested=True)
def idx(output: str, sources: dict[str, dict[str, str]]) -> None:
    """Convert files in the IDX format, which MNIST uses."""
    idx_to_hdf5(output, sources)
    _report(output)


@convert.command()
@click.argument("output")
@click.argument("archive", type=click.Path())
@_words("sources", "SPLIT.SOURCE=ARRAY", _by_split, nested=True)
def npz(output: str, archive: str, sources: dict[str, dict[str, str]]) -> None:
    """Convert arrays in ARCHIVE, a NumPy .npz file."""
    npz_to_hdf5(output, archive, sources)
    _report(output)


@convert.command()
@click.argument("output")
@_words("splits", "SPLIT=FILE", _unique)
@click.option("--target", "targets", multiple=True, help="Column to predict; can be repeated.")
@click.option("--ignore", multiple=True, help="Column to omit; can be repeated.")
@click.option("--dtype", default="float32", show_default=True, help="Dtype of the features.")
@click.option("--delimiter", default=",", show_default=True, help="Text between two cells.")
def csv(
    output: str,
    splits: dict[str, str],
    targets: tuple[str, ...],
    ignore: tuple[str, ...],
    dtype: str,
    delimiter: str,
) -> None:
    """Convert CSV tables whose first line contains the column names."""
    try:
        csv_to_hdf5(
            output, splits, targets=targets, ignore=ignore, dtype=dtype, delimiter=delimiter
        )
    except DataError as error:  # its advice has the names of arguments instead of options
        text = str(error).replace("with ignore", "with --ignore")
        raise type(error)(text.replace("delimiter=...", "--delimiter")) from None
    _report(output)


@convert.command()
@click.argument("output")
@_words("splits", "SPLIT=FOLDER", _unique)
@click.option("--mode", default="RGB", show_default=True, help="One of RGB, L, RGBA, I;16, I, F.")
def images(output: str, splits: dict[str, str], mode: str) -> None:
    """Convert folders of images, with or without a subfolder for each class."""
    images_to_hdf5(output, splits, mode=mode)
    _report(output)


def _report(output: str) -> None:
    click.echo(f"{output}: {Path(output).stat().st_size} bytes")
