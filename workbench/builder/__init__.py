"""Specifications of models: bricks and graphs as plain data, and the way back."""

from workbench.builder.convert import Built, from_spec, to_spec
from workbench.builder.registry import register
from workbench.builder.spec import BrickSpec, CallSpec, InputSpec, Spec
from workbench.errors import BuilderError, SpecError
from workbench.names import explain_missing

__all__ = [
    "BrickSpec",
    "BuilderError",
    "Built",
    "CallSpec",
    "InputSpec",
    "Spec",
    "SpecError",
    "from_spec",
    "register",
    "to_spec",
]

explain_missing(__name__)
