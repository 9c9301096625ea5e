"""Saving and loading: archives of parameters, state and whole objects."""

from workbench.serialization.pickling import (
    add_to_dump,
    dump,
    dump_and_add_to_dump,
    load,
    load_parameters,
    secure_dump,
)

__all__ = [
    "add_to_dump",
    "dump",
    "dump_and_add_to_dump",
    "load",
    "load_parameters",
    "secure_dump",
]
