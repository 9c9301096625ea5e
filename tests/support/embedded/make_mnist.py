"""Make ``mnist.h5``, the digits of the package, from the full MNIST set.

Run as ``python -m tests.support.embedded.make_mnist PATH/TO/mnist.npz``. The archive must contain
``x_train``, ``y_train``, ``x_test`` and ``y_test`` as uint8; their bytes are first compared with
the published files, so that the subset comes from the real set.

Each class has the same proportion as in the full set, to within one digit. Its digits are drawn at
random with the seed below and keep the order of the full set.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.fetch import CATALOGUE
from workbench.data.hdf5 import write_hdf5
from workbench.data.idx import encode_idx
from workbench.data.mnist import EMBEDDED
from workbench.data.mnist_layout import IDX_FILES
from workbench.errors import DataFileError

SEED = 1998  # the year of the paper
COUNTS = {"train": 10_000, "test": 2_000}
AXES = {"features": ("batch", "channel", "height", "width"), "targets": ("batch", "index")}


def choose(labels: npt.NDArray[np.uint8], count: int, seed: int = SEED) -> npt.NDArray[np.intp]:
    """Return `count` ascending indices into `labels`, with the classes in their proportions.

    Parameters
    ----------
    labels : array, shape (N,)
        The class of every example.
    count : int
        The number of indices.
    seed : int
        Seed of the choice.

    Examples
    --------
    >>> labels = np.repeat(np.arange(2, dtype=np.uint8), [30, 10])
    >>> np.bincount(labels[choose(labels, 8)]).tolist()
    [6, 2]
    """
    rng = np.random.default_rng(seed)
    share = np.bincount(labels) * (count / len(labels))
    quota = share.astype(int)
    # the examples that rounding down left go to the largest remainders
    quota[np.argsort(quota - share, kind="stable")[: count - quota.sum()]] += 1
    chosen = [
        rng.permutation(np.flatnonzero(labels == digit))[:size] for digit, size in enumerate(quota)
    ]
    return np.sort(np.concatenate(chosen))


def subset(path: Path) -> dict[str, dict[str, npt.NDArray[np.uint8]]]:
    """Return the data of the file of the package, by split and source, from the full set."""
    splits = {}
    with np.load(path) as archive:
        for split, count in COUNTS.items():
            images, labels = archive[f"x_{split}"], archive[f"y_{split}"]
            _check(images, IDX_FILES[split][0], path)
            _check(labels, IDX_FILES[split][1], path)
            index = choose(labels, count)
            splits[split] = {"features": images[index][:, None], "targets": labels[index][:, None]}
    return splits


def _check(array: npt.NDArray[Any], name: str, path: Path) -> None:
    """Compare the checksum of `array` as an IDX file with that of the published file."""
    found = hashlib.sha256(encode_idx(array.astype(np.uint8))).hexdigest()
    if found != CATALOGUE["mnist"].sha256[f"{name}.gz"]:
        raise DataFileError(f"{path}: differs from the published {name} (SHA-256 {found})")


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Make the MNIST subset of the package.")
    parser.add_argument("path", type=Path, help="mnist.npz, the full set")
    parser.add_argument("--to", type=Path, default=EMBEDDED, help="the file to write")
    arguments = parser.parse_args()
    licence = EMBEDDED.with_suffix(".LICENSE").read_text(encoding="utf-8")
    write_hdf5(
        arguments.to,
        subset(arguments.path),
        axis_labels=AXES,
        attributes={
            "description": f"subset of MNIST, drawn by make_mnist.py with seed {SEED}",
            "licence": licence,
        },
    )
    print(f"{arguments.to}: {arguments.to.stat().st_size} bytes")


if __name__ == "__main__":
    main()
