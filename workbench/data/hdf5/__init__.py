"""HDF5 files that say by themselves which examples are for training and which for testing.

The layout is the one Fuel used, so that its files can be read: one data set a source at the root,
all examples of all splits one after another, the axes named as HDF5 dimension labels, and an
attribute ``split`` of the root, a table with one row for each pair of split and source::

    split  source  start  stop  indices  available  comment

The examples of a split are those from `start` to before `stop`, or those that `indices` refers to.

Examples that differ in shape are stored flat, one row of variable length each. Two dimension
scales of the first axis then say what they look like: ``shapes``, one row an example, and
``shape_labels``, the names of an example's axes.

A damaged file is reported as such. HDF5 keeps rows of variable length in a heap without checksums,
and a damaged heap can make the library itself crash or never return: it is read in another process
first. What stands in other files is refused unless it is allowed.
"""

from workbench.data.hdf5.dataset import H5PYDataset
from workbench.data.hdf5.write import write_hdf5
from workbench.names import explain_missing

__all__ = ["H5PYDataset", "write_hdf5"]

explain_missing(__name__)
