"""Datasets, iteration schemes, data streams and transformers, as in Fuel."""

from workbench.data import making  # noqa: F401, installs DataStream.from_frame and others
from workbench.data.adapters import as_stream
from workbench.data.cifar10 import CIFAR10
from workbench.data.datasets import Dataset, IndexableDataset, IterableDataset
from workbench.data.fashion_mnist import FashionMNIST
from workbench.data.fetch import download
from workbench.data.hdf5 import H5PYDataset, write_hdf5
from workbench.data.idx import read_idx
from workbench.data.iris import Iris
from workbench.data.mnist import MNIST
from workbench.data.prefetch import Prefetch
from workbench.data.schemes import (
    BatchScheme,
    BatchSizeScheme,
    ConcatenatedScheme,
    ConstantScheme,
    IndexScheme,
    IterationScheme,
    SequentialExampleScheme,
    SequentialScheme,
    ShuffledExampleScheme,
    ShuffledScheme,
    cross_validation,
)
from workbench.data.spiral import Spiral
from workbench.data.streams import AbstractDataStream, DataStream, EpochIterator
from workbench.data.swiss_roll import SwissRoll
from workbench.data.text import TextFile, make_dictionary
from workbench.data.transformers import (
    Batch,
    Cache,
    Cast,
    Filter,
    FilterSources,
    Flatten,
    ForceFloatX,
    ImagesFromBytes,
    Mapping,
    Merge,
    MinimumImageDimensions,
    NGrams,
    Padding,
    Random2DRotation,
    RandomFixedSizeCrop,
    RandomFlip,
    RandomTransformer,
    Rename,
    ScaleAndShift,
    SortMapping,
    SourcewiseTransformer,
    ToBytes,
    Transformer,
    Unpack,
    Window,
)
from workbench.names import explain_missing

__all__ = [
    "CIFAR10",
    "MNIST",
    "AbstractDataStream",
    "Batch",
    "BatchScheme",
    "BatchSizeScheme",
    "Cache",
    "Cast",
    "ConcatenatedScheme",
    "ConstantScheme",
    "DataStream",
    "Dataset",
    "EpochIterator",
    "FashionMNIST",
    "Filter",
    "FilterSources",
    "Flatten",
    "ForceFloatX",
    "H5PYDataset",
    "ImagesFromBytes",
    "IndexScheme",
    "IndexableDataset",
    "Iris",
    "IterableDataset",
    "IterationScheme",
    "Mapping",
    "Merge",
    "MinimumImageDimensions",
    "NGrams",
    "Padding",
    "Prefetch",
    "Random2DRotation",
    "RandomFixedSizeCrop",
    "RandomFlip",
    "RandomTransformer",
    "Rename",
    "ScaleAndShift",
    "SequentialExampleScheme",
    "SequentialScheme",
    "ShuffledExampleScheme",
    "ShuffledScheme",
    "SortMapping",
    "SourcewiseTransformer",
    "Spiral",
    "SwissRoll",
    "TextFile",
    "ToBytes",
    "Transformer",
    "Unpack",
    "Window",
    "as_stream",
    "cross_validation",
    "download",
    "make_dictionary",
    "read_idx",
    "write_hdf5",
]

explain_missing(__name__)
