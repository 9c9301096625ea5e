"""Transformers, which are data streams that transform the batches of another stream.

The first argument of a transformer is the stream to transform (its input stream). Since a
transformer is a stream too, transformers can be nested: ``Flatten(Cast(stream, "float32"))``. They
have no state; the outermost stream stores the position of training (see `workbench.data.streams`).
To write your own transformer, derive from `Transformer` and define `transform` or `iterate`. Derive
from `SourcewiseTransformer` to process each source separately, or from `RandomTransformer` to draw
random numbers. Arrays are numpy arrays or torch tensors, depending on the input stream.

In descriptions of shapes, B is the batch size, and T is the length of a sequence.
"""

from workbench.data.transformers.base import SourcewiseTransformer, Transformer
from workbench.data.transformers.batching import Batch, Cache, Unpack
from workbench.data.transformers.elementwise import Cast, Flatten, ForceFloatX, ScaleAndShift
from workbench.data.transformers.encoded import ImagesFromBytes, ToBytes
from workbench.data.transformers.images import RandomFixedSizeCrop, RandomFlip
from workbench.data.transformers.mapping import Filter, Mapping, SortMapping
from workbench.data.transformers.padding import Padding
from workbench.data.transformers.random import RandomTransformer
from workbench.data.transformers.resampling import MinimumImageDimensions, Random2DRotation
from workbench.data.transformers.sources import FilterSources, Merge, Rename
from workbench.data.transformers.windows import NGrams, Window
from workbench.names import explain_missing

__all__ = [
    "Batch",
    "Cache",
    "Cast",
    "Filter",
    "FilterSources",
    "Flatten",
    "ForceFloatX",
    "ImagesFromBytes",
    "Mapping",
    "Merge",
    "MinimumImageDimensions",
    "NGrams",
    "Padding",
    "Random2DRotation",
    "RandomFixedSizeCrop",
    "RandomFlip",
    "RandomTransformer",
    "Rename",
    "ScaleAndShift",
    "SortMapping",
    "SourcewiseTransformer",
    "ToBytes",
    "Transformer",
    "Unpack",
    "Window",
]

explain_missing(__name__)
