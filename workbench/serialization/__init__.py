"""Functions that save and load archives of parameters, training state and whole objects."""

from workbench.names import explain_missing
from workbench.serialization.checkpoint import continue_training
from workbench.serialization.parameters_npz import load_parameters
from workbench.serialization.pickling import (
    add_to_dump,
    dump,
    dump_and_add_to_dump,
    load,
    secure_dump,
)
from workbench.serialization.safetensors_files import load_safetensors, save_safetensors
from workbench.serialization.torch_state_dict import from_state_dict, to_state_dict

__all__ = [
    "add_to_dump",
    "continue_training",
    "dump",
    "dump_and_add_to_dump",
    "from_state_dict",
    "load",
    "load_parameters",
    "load_safetensors",
    "save_safetensors",
    "secure_dump",
    "to_state_dict",
]

explain_missing(__name__)
