"""Make ``iris.h5``, the irises of the package, from the table in scikit-learn.

Run as ``python -m tests.support.embedded.make_iris PATH/TO/iris.csv``, the file
``sklearn/datasets/data/iris.csv`` of a scikit-learn wheel: a line with the numbers of rows and
columns and the names of the classes, then lines with four lengths and a class.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

from workbench.data.hdf5 import write_hdf5
from workbench.data.iris import EMBEDDED, Iris
from workbench.errors import DataFileError

SHA256 = "f13ffa8fdd56fd8e6c8d16d4081a3fbd3114bcd0aae4256c43205169cd9d1449"


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Make the table of irises of the package.")
    parser.add_argument("path", type=Path, help="iris.csv of scikit-learn")
    parser.add_argument("--to", type=Path, default=EMBEDDED, help="the file to write")
    arguments = parser.parse_args()
    found = hashlib.sha256(arguments.path.read_bytes()).hexdigest()
    if found != SHA256:
        raise DataFileError(f"{arguments.path}: differs from the table (SHA-256 {found})")
    table = np.loadtxt(arguments.path, delimiter=",", skiprows=1)
    write_hdf5(
        arguments.to,
        {
            "all": {
                "features": table[:, :4].astype(np.float32),
                "targets": table[:, 4:].astype(np.uint8),
            }
        },
        axis_labels={"features": ("batch", "measurement"), "targets": ("batch", "index")},
        attributes={
            "classes": Iris.classes,
            "measurements": Iris.measurements,
            "licence": EMBEDDED.with_suffix(".LICENSE").read_text(encoding="utf-8"),
        },
    )
    print(f"{arguments.to}: {arguments.to.stat().st_size} bytes")


if __name__ == "__main__":
    main()
