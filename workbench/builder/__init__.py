"""Specifications of models: conversion of bricks and graphs to plain data and back."""

from workbench.builder.code import to_code
from workbench.builder.convert import Built, from_spec, to_spec
from workbench.builder.palette import Entry, Field, Group, Method, Port, catalogue, ports
from workbench.builder.parse import from_code
from workbench.builder.registry import register
from workbench.builder.schema import schema
from workbench.builder.spec import BrickSpec, CallSpec, InputSpec, Spec
from workbench.errors import BuilderError, SpecError
from workbench.names import explain_missing

__all__ = [
    "BrickSpec",
    "BuilderError",
    "Built",
    "CallSpec",
    "Entry",
    "Field",
    "Group",
    "InputSpec",
    "Method",
    "Port",
    "Spec",
    "SpecError",
    "catalogue",
    "from_code",
    "from_spec",
    "ports",
    "register",
    "schema",
    "to_code",
    "to_spec",
]

explain_missing(__name__)
