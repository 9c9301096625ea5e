"""Specifications of models: conversion of bricks and graphs to plain data and back."""

from workbench.builder.blocks import BLOCKS, Block
from workbench.builder.changes import Change
from workbench.builder.code import to_code
from workbench.builder.convert import Built, from_spec, to_spec
from workbench.builder.deepening import Deepened, deepen
from workbench.builder.drawing import draw, to_mermaid
from workbench.builder.facts import Part
from workbench.builder.palette import Entry, Field, Group, Method, Port, catalogue, ports
from workbench.builder.parse import from_code
from workbench.builder.planning import Plan, plan
from workbench.builder.registry import register
from workbench.builder.revise import revise_code
from workbench.builder.schema import schema
from workbench.builder.sizes import shape_text
from workbench.builder.spec import BrickSpec, CallSpec, InputSpec, Spec
from workbench.builder.validation import (
    Checked,
    CheckedBrick,
    CheckedCall,
    Fault,
    check,
    validate,
)
from workbench.builder.widening import Widened, widen
from workbench.diagrams.page import ModelImage
from workbench.errors import BuilderError, SpecError
from workbench.names import explain_missing

__all__ = [
    "BLOCKS",
    "Block",
    "BrickSpec",
    "BuilderError",
    "Built",
    "CallSpec",
    "Change",
    "Checked",
    "CheckedBrick",
    "CheckedCall",
    "Deepened",
    "Entry",
    "Fault",
    "Field",
    "Group",
    "InputSpec",
    "Method",
    "ModelImage",
    "Part",
    "Plan",
    "Port",
    "Spec",
    "SpecError",
    "Widened",
    "catalogue",
    "check",
    "deepen",
    "draw",
    "from_code",
    "from_spec",
    "plan",
    "ports",
    "register",
    "revise_code",
    "schema",
    "shape_text",
    "to_code",
    "to_mermaid",
    "to_spec",
    "validate",
    "widen",
]

explain_missing(__name__)
