"""The data of an editor's palette for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from extensions_live.editor import blocks, forms
from extensions_live.editor.anatomy import is_cost
from extensions_live.editor.icons import icon
from extensions_live.messages import MethodData, PaletteEntry, PalettePayload, PortData, StreamData
from workbench.builder import Entry, Method, Port, catalogue

STEP_RULES = ("Adam", "Momentum", "Scale", "RMSProp", "AdaGrad", "AdaDelta", "Lion")
"""The step rules that a page offers, with default settings."""


def palette(streams: Sequence[StreamData] = ()) -> PalettePayload:
    """Return the data of all entries, blocks, streams and step rules of the palette."""
    return {
        "groups": [
            {"title": group.title, "entries": [_entry(entry) for entry in group.entries]}
            for group in catalogue()
        ],
        "blocks": blocks.listed(),
        "broken": blocks.saved.faults(),
        "dtypes": forms.dtypes(),
        "streams": list(streams),
        "step_rules": list(STEP_RULES),
    }


def _entry(entry: Entry) -> PaletteEntry:
    kind = "cost" if entry.kind == "brick" and is_cost(entry.type) else entry.kind
    return cast(
        PaletteEntry,
        {
            "kind": entry.kind,
            "type": entry.type,
            "text": entry.text,
            "icon": icon(kind, entry.type),
            "fields": [forms.field_data(field) for field in entry.fields],
            "methods": [_method(method) for method in entry.methods],
        },
    )


def _method(method: Method) -> MethodData:
    return {
        "name": method.name,
        "text": method.text,
        "inputs": _ports(method.inputs),
        "outputs": _ports(method.outputs),
    }


def _ports(ports: tuple[Port, ...] | None) -> list[PortData] | None:
    if ports is None:
        return None
    return [{"name": one.name, "many": one.many, "optional": one.optional} for one in ports]
