"""The JSON Schema for specifications, published in a file next to this module.

``python -m tests.support.schema`` writes the file. The schema describes the form of a
specification; the palette (`workbench.builder.catalogue`) lists the settings of each brick.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.builder import operations
from workbench.builder.construct import DTYPES
from workbench.builder.spec import VERSION
from workbench.hints import hinted

FILE = Path(__file__).with_name("spec.schema.json")
TITLE = "Specification of a workbench model"


@hinted
def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) for specifications.

    Examples
    --------
    >>> from workbench.builder import schema
    >>> schema()["required"]
    ['version', 'bricks']
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        **_object(
            {
                "version": {"const": VERSION},
                "bricks": _list("brick"),
                "inputs": _list("input"),
                "calls": _list("call"),
                "cost": {"anyOf": [_ref("name"), {"type": "null"}]},
                "monitored": _list("name"),
                "positions": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "array",
                        "items": {"type": "number"},
                        "minItems": 2,
                        "maxItems": 2,
                    },
                },
            },
            ["version", "bricks"],
        ),
        "$defs": _definitions(),
    }


def _definitions() -> dict[str, Any]:
    settings = {"type": "object", "additionalProperties": _ref("value")}
    dtype = {"enum": sorted(DTYPES)}
    tagged = [
        ({"tuple": _list("value")}, []),
        ({"mapping": settings}, []),
        ({"float": {"enum": ["inf", "-inf", "nan"]}}, []),
        ({"brick": _ref("brick"), "method": _ref("name")}, ["brick"]),
        ({"use": _ref("name")}, []),
        ({"scheme": _ref("scheme")}, []),
        ({"module": _ref("module")}, []),
        ({"dtype": dtype}, []),
        ({"slice": {**_list("value"), "minItems": 1, "maxItems": 3}}, []),
        ({"array": _object({"dtype": dtype, "values": {}}, ["dtype", "values"])}, []),
    ]
    plain = [{"type": kind} for kind in ("null", "boolean", "number", "string")]
    call = {"id": _ref("name"), "inputs": _ref("inputs"), "settings": settings}
    outputs = {"outputs": _list("name")}
    applied = {**call, "brick": _ref("name"), "method": _ref("name"), **outputs}
    operated = {**call, "operation": {"enum": sorted(operations.BY_NAME)}, **outputs}
    return {
        "name": {"type": "string", "minLength": 1},
        "value": {
            "anyOf": [
                *plain,
                _list("value"),
                *(_object(keys, needed or list(keys)) for keys, needed in tagged),
            ]
        },
        "brick": _object(
            {
                "type": _ref("name"),
                "name": _ref("name"),
                "settings": settings,
                "changes": {"type": "object", "additionalProperties": settings},
            },
            ["type"],
        ),
        "scheme": _object({"type": _ref("name"), "settings": settings}, ["type"]),
        "module": _object(
            {
                "type": _ref("name"),
                "settings": settings,
                "parts": {"type": "object", "additionalProperties": _ref("module")},
            },
            ["type"],
        ),
        "input": _object(
            {
                "name": _ref("name"),
                "dtype": dtype,
                "shape": {
                    "type": "array",
                    "items": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
                },
            },
            ["name", "dtype", "shape"],
        ),
        "reference": {
            "anyOf": [
                _ref("name"),
                _list("reference"),
                _object({"value": _ref("value")}, ["value"]),
                _object({"parameter": _ref("name")}, ["parameter"]),
            ]
        },
        "inputs": {"type": "object", "additionalProperties": _ref("reference")},
        "call": {
            "anyOf": [
                _object(applied, ["id", "brick", "inputs", "outputs"]),
                _object(operated, ["id", "operation", "inputs", "outputs"]),
            ]
        },
    }


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def text() -> str:
    """Return the JSON text of the published schema file."""
    return json.dumps(schema(), indent=1) + "\n"
