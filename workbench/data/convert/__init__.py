"""Converters from common file formats to HDF5 files for `H5PYDataset`.

``workbench convert --help`` describes the corresponding shell commands.
"""

from workbench.data.convert.arrays import idx_to_hdf5, npz_to_hdf5
from workbench.data.convert.csv_table import csv_to_hdf5
from workbench.data.convert.images import images_to_hdf5
from workbench.names import explain_missing

__all__ = ["csv_to_hdf5", "idx_to_hdf5", "images_to_hdf5", "npz_to_hdf5"]

explain_missing(__name__)
