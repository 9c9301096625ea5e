"""HDF5 files with splits, such as training and test examples.

The layout is that of Fuel, so that its files can be read: one data set per source at the root, with
the examples of all splits, the names of axes as HDF5 dimension labels, and an attribute ``split``
of the root, a table with one row for each pair of split and source::

    split  source  start  stop  indices  available  comment

The examples of a split are those from `start` up to, but not including, `stop`, or those to which
`indices` refers.

Examples of different shapes are stored flat, each as one row of variable length. Two dimension
scales of the first axis then describe them: ``shapes``, with one row per example, and
``shape_labels``, the names of the axes of an example.

A damaged file is reported as such. HDF5 keeps rows of variable length in a heap without checksums,
and a damaged heap can make the library crash or never return: therefore another process reads it
first. References to other files are an error unless they are allowed.
"""

from workbench.data.hdf5.dataset import H5PYDataset
from workbench.data.hdf5.write import write_hdf5
from workbench.names import explain_missing

__all__ = ["H5PYDataset", "write_hdf5"]

explain_missing(__name__)
