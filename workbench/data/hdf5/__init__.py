"""Datasets in HDF5 files that are divided into splits, such as training and test examples.

The layout is the same as in Fuel, so files written for Fuel can be read. The root contains one HDF5
dataset per source, with the examples of all splits; its dimension labels are the axis names.
The ``split`` attribute of the root is a table with one row for each pair of split and source::

    split  source  start  stop  indices  available  comment

A split consists of the rows from `start` up to, but not including, `stop`, unless `indices` refers
to a list of row numbers.

Examples of different shapes are flattened, and each is stored as one row of variable length. Two
dimension scales of the first axis describe these examples: ``shapes`` has one row per example,
and ``shape_labels`` contains the axis names of an example.

Reading a damaged file raises an error. HDF5 stores rows of variable length in a heap without
checksums, and a damaged heap may make the library crash or hang. Therefore another process reads
such rows first. References to other files cause an error unless `allow_external` is True.
"""

from workbench.data.hdf5.dataset import H5PYDataset
from workbench.data.hdf5.write import write_hdf5
from workbench.names import explain_missing

__all__ = ["H5PYDataset", "write_hdf5"]

explain_missing(__name__)
