"""Generate TypeScript declarations from ``extensions_live/messages.py``.

``python -m tests.support.typescript`` writes ``extensions_live/frontend/src/messages.ts``.
"""

from __future__ import annotations

import json
import types
import typing
from types import ModuleType
from typing import Any, Literal, NotRequired, Union

from extensions_live import messages
from tests.support.tree import ROOT

TARGET = ROOT / "extensions_live" / "frontend" / "src" / "messages.ts"
HEAD = "// Generated from extensions_live/messages.py by `make frontend`; change it there.\n"
SIMPLE = {str: "string", bool: "boolean", int: "number", float: "number", bytes: "DataView"}
SIMPLE |= {type(None): "null", Any: "unknown"}


def declarations(module: ModuleType) -> str:
    """Return the text of a TypeScript module that declares what `module` declares.

    Typed dictionaries become interfaces, other aliases of types become types. A type without a
    counterpart in TypeScript is refused.
    """
    own = {name: value for name, value in vars(module).items() if is_declared(name, value, module)}
    parts = [declaration(name, value, own) for name, value in own.items()]
    return "\n".join([HEAD, *parts])


def is_declared(name: str, value: object, module: ModuleType) -> bool:
    """Return True if `module` declares `value` as a type of messages."""
    if isinstance(value, type):
        return typing.is_typeddict(value) and value.__module__ == module.__name__
    return name in module.__annotations__


def declaration(name: str, value: Any, own: dict[str, Any]) -> str:
    """Return the declaration of one type; `own` are the types that have names."""
    if not typing.is_typeddict(value):
        others = {alias: one for alias, one in own.items() if alias != name}
        return f"export type {name} = {expression(value, others)};\n"
    text = " ".join((value.__doc__ or "").split())
    hints = typing.get_type_hints(value, include_extras=True)
    fields = [f"  {key}{field(hint, own)};\n" for key, hint in hints.items()]
    if not fields:
        return f"/** {text} */\nexport type {name} = Record<never, never>;\n"
    return f"/** {text} */\nexport interface {name} {{\n{''.join(fields)}}}\n"


def field(hint: Any, own: dict[str, Any]) -> str:
    """Return the text after the name of a field."""
    if typing.get_origin(hint) is NotRequired:
        return f"?: {expression(typing.get_args(hint)[0], own)}"
    return f": {expression(hint, own)}"


def expression(hint: Any, own: dict[str, Any]) -> str:
    """Return a type as TypeScript."""
    for name, value in own.items():
        if hint == value:
            return name
    if hint in SIMPLE:
        return SIMPLE[hint]
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case origin if origin is Literal:
            return " | ".join(json.dumps(value) for value in arguments)
        case origin if origin in (Union, types.UnionType):
            return " | ".join(expression(one, own) for one in arguments)
    inner = [expression(one, own) for one in arguments]
    match typing.get_origin(hint):
        case origin if origin is list:
            return f"({inner[0]})[]" if " " in inner[0] else f"{inner[0]}[]"
        case origin if origin is dict:
            return f"Record<{', '.join(inner)}>"
        case origin if origin is tuple and Ellipsis not in arguments:
            return f"[{', '.join(inner)}]"
    raise TypeError(f"TypeScript has no declaration for {hint!r}: use another type in messages.py")


if __name__ == "__main__":
    TARGET.write_text(declarations(messages), encoding="utf-8")
