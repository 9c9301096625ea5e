"""Transformers: data streams that change what another stream gives.

Each takes the stream below as its first argument and is itself a stream, so that they nest:
``Flatten(Cast(stream, "float32"))``. They hold no state; where training stands is known to the
outermost stream (see `workbench.data.streams`). A transformer of one's own derives from
`Transformer` and defines `transform` or `iterate`, from `SourcewiseTransformer` where it treats one
source at a time, from `RandomTransformer` where it draws random numbers. Arrays may be numpy arrays
or torch tensors, as the stream below gives them.

In what follows B is the batch size and T the length of a sequence.
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
