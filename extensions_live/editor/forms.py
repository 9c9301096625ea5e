"""The settings of nodes as form fields, with given and inferred values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from extensions_live.editor.anatomy import entries
from extensions_live.messages import FieldData, SettingValue
from workbench.builder import CallSpec, Field
from workbench.builder.construct import DTYPES
from workbench.builder.fields import Json
from workbench.builder.operations import BY_NAME
from workbench.builder.spec import InputSpec

USUAL = ("float32", "int64", "float64", "bool", "int32", "uint8", "float16", "bfloat16")
"""The most common dtypes, which are offered first."""


def dtypes() -> list[str]:
    """Return the names of all offered dtypes, with the most common dtypes first."""
    rest = sorted(set(DTYPES) - set(USUAL))
    return [*USUAL, *(name for name in rest if not name.startswith(("q", "complex")))]


def field_data(field: Field) -> FieldData:
    """Return the data that the page needs to show a field."""
    data: Any = {**vars(field), "choices": list(field.choices), "accepts": list(field.accepts)}
    return cast(FieldData, data)


def values_of(
    fields: Iterable[Field], given: Mapping[str, Json], inferred: Mapping[str, Json]
) -> list[SettingValue]:
    """Return the settings that have a given or an inferred value, or a list that has both."""
    found: list[SettingValue] = []
    for field in fields:
        name = field.name
        if name in given:
            value = given[name]
            gaps = isinstance(value, list) and None in value
            found.append({
                "name": name, "given": True, "value": value,
                "inferred": inferred.get(name) if gaps else None,
            })  # fmt: skip
        elif inferred.get(name) is not None:
            found.append({
                "name": name, "given": False, "value": field.default, "inferred": inferred[name],
            })  # fmt: skip
    return found


def of_brick(
    kind: str, given: Mapping[str, Json], inferred: Mapping[str, Json]
) -> list[SettingValue]:
    """Return the settings of a brick of type `kind`."""
    entry = entries("brick").get(kind)
    return [] if entry is None else values_of(entry.fields, given, inferred)


def of_operation(call: CallSpec) -> list[SettingValue]:
    """Return the settings of an operation, including numbers that are given in place of edges."""
    entry = entries("operation").get(call.operation or "")
    fields = [*(() if entry is None else entry.fields), *numbers(call)]
    given = {
        name: one["value"]
        for name, one in call.inputs.items()
        if isinstance(one, Mapping) and "value" in one
    }
    return values_of(fields, {**call.settings, **given}, {})


def numbers(call: CallSpec) -> list[Field]:
    """Return a field for each input of an operation where a number can replace an edge."""
    operation = BY_NAME.get(call.operation or "")
    found: list[Field] = []
    for name in () if operation is None else operation.inputs:
        given = call.inputs.get(name)
        constant = isinstance(given, Mapping) and "value" in given
        if constant or (given is None and operation is not None and len(operation.inputs) > 1):
            text = "A number to use in place of an edge."
            found.append(Field(name, "number", optional=True, text=text))
    return found


INPUT = (
    Field("shape", "shape", required=True, text="The sizes; an unknown size can be left empty."),
    Field("dtype", "choice", required=True, choices=tuple(dtypes()), text="The kind of number."),
)
"""The fields of an input."""


def of_input(given: InputSpec) -> list[SettingValue]:
    """Return the settings of an input."""
    return values_of(INPUT, {"shape": list(given.shape), "dtype": given.dtype}, {})
