"""Small utilities for all packages that build on `workbench.tensor`."""

from workbench.names import explain_missing
from workbench.utils.plain import (
    dict_subset,
    dict_union,
    extract_args,
    find_bricks,
    pack,
    repr_attrs,
    unpack,
)
from workbench.utils.variables import (
    check_variable,
    ipdb_breakpoint,
    is_graph_input,
    is_shared_variable,
    print_shape,
    print_sum,
    put_hook,
    shared_floatx,
    shared_floatx_nans,
    shared_floatx_zeros,
    shared_floatx_zeros_matching,
    shared_like,
)

__all__ = [
    "check_variable",
    "dict_subset",
    "dict_union",
    "extract_args",
    "find_bricks",
    "ipdb_breakpoint",
    "is_graph_input",
    "is_shared_variable",
    "pack",
    "print_shape",
    "print_sum",
    "put_hook",
    "repr_attrs",
    "shared_floatx",
    "shared_floatx_nans",
    "shared_floatx_zeros",
    "shared_floatx_zeros_matching",
    "shared_like",
    "unpack",
]

explain_missing(__name__)
