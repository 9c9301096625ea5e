"""Data: datasets, iteration schemes, streams, transformers; what Fuel did."""

from workbench.data.adapters import as_stream
from workbench.data.datasets import Dataset, IndexableDataset, IterableDataset
from workbench.data.fetch import download
from workbench.data.hdf5 import H5PYDataset, write_hdf5
from workbench.data.idx import read_idx
from workbench.data.mnist import MNIST
from workbench.data.schemes import (
    BatchSizeScheme,
    ConstantScheme,
    IndexScheme,
    IterationScheme,
    SequentialExampleScheme,
    SequentialScheme,
    ShuffledExampleScheme,
    ShuffledScheme,
)
from workbench.data.streams import AbstractDataStream, DataStream, EpochIterator
from workbench.data.transformers import (
    Cast,
    Flatten,
    Mapping,
    ScaleAndShift,
    SourcewiseTransformer,
    Transformer,
)

__all__ = [
    "MNIST",
    "AbstractDataStream",
    "BatchSizeScheme",
    "Cast",
    "ConstantScheme",
    "DataStream",
    "Dataset",
    "EpochIterator",
    "Flatten",
    "H5PYDataset",
    "IndexScheme",
    "IndexableDataset",
    "IterableDataset",
    "IterationScheme",
    "Mapping",
    "ScaleAndShift",
    "SequentialExampleScheme",
    "SequentialScheme",
    "ShuffledExampleScheme",
    "ShuffledScheme",
    "SourcewiseTransformer",
    "Transformer",
    "as_stream",
    "download",
    "read_idx",
    "write_hdf5",
]
