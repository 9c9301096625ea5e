"""The settings of nodes as fields of forms: their values, and what is inferred in place of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from extensions_live.editor.anatomy import entries
from extensions_live.messages import FieldData, SettingData
from workbench.builder import CallSpec, Field
from workbench.builder.construct import DTYPES
from workbench.builder.fields import Json
from workbench.builder.operations import BY_NAME
from workbench.builder.spec import InputSpec

USUAL = ("float32", "int64", "float64", "bool", "int32", "uint8", "float16", "bfloat16")
"""The dtypes that are offered first."""


def dtypes() -> list[str]:
    """Return the names of all dtypes, the usual ones first."""
    rest = sorted(set(DTYPES) - set(USUAL))
    return [*USUAL, *(name for name in rest if not name.startswith(("q", "complex")))]


def field_data(field: Field) -> FieldData:
    """Return a field for the page."""
    data: Any = {**vars(field), "choices": list(field.choices), "accepts": list(field.accepts)}
    return cast(FieldData, data)


def setting(field: Field, given: Mapping[str, Json], inferred: Mapping[str, Json]) -> SettingData:
    """Return a field with its value."""
    return {
        **field_data(field),
        "given": field.name in given,
        "value": given.get(field.name, field.default),
        "inferred": None if field.name in given else inferred.get(field.name),
    }


def of_brick(
    kind: str, given: Mapping[str, Json], inferred: Mapping[str, Json]
) -> list[SettingData]:
    """Return the settings of a brick of one type."""
    entry = entries("brick").get(kind)
    if entry is None:
        return []
    return [setting(field, given, inferred) for field in entry.fields]


def of_input(given: InputSpec) -> list[SettingData]:
    """Return the settings of an input."""
    fields = [
        Field("shape", "shape", required=True, text="The sizes; a size can be left open."),
        Field(
            "dtype", "choice", required=True, choices=tuple(dtypes()), text="The kind of number."
        ),
    ]
    values: dict[str, Any] = {"shape": list(given.shape), "dtype": given.dtype}
    return [setting(field, values, {}) for field in fields]


def of_operation(call: CallSpec) -> list[SettingData]:
    """Return the settings of an operation, and numbers for its inputs without edges."""
    entry = entries("operation").get(call.operation or "")
    operation = BY_NAME.get(call.operation or "")
    if entry is None or operation is None:
        return []
    found = [setting(field, call.settings, {}) for field in entry.fields]
    for name in operation.inputs:
        given = call.inputs.get(name)
        constant = isinstance(given, Mapping) and "value" in given
        if constant or (given is None and len(operation.inputs) > 1):
            text = "A number in place of an edge."
            values = {name: given["value"]} if constant and given is not None else {}
            found.append(setting(Field(name, "number", optional=True, text=text), values, {}))
    return found
