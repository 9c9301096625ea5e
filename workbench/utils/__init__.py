"""Small things that every layer above the tensors uses."""

from workbench.utils.plain import (
    dict_subset,
    dict_union,
    extract_args,
    find_bricks,
    pack,
    repr_attrs,
    unpack,
)

__all__ = [
    "dict_subset",
    "dict_union",
    "extract_args",
    "find_bricks",
    "pack",
    "repr_attrs",
    "unpack",
]
