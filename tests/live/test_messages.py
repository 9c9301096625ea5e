"""Declared messages and traits match the widgets and the generated TypeScript."""

import types
from typing import Any, Literal, TypeAlias, TypedDict, get_type_hints

import pytest
from anywidget import AnyWidget

from extensions_live import messages
from extensions_live.confusion_matrix import ConfusionMatrix
from extensions_live.controls import POSSIBLE, Controls
from extensions_live.dashboard.run_table import RunTable
from extensions_live.editor import Editor
from extensions_live.figure_view import FigureView
from extensions_live.histogram import Histogram
from extensions_live.layers import Layers
from extensions_live.log_table import LogTable
from extensions_live.mistakes import Mistakes
from extensions_live.plot_view import PlotView
from extensions_live.progress import Progress
from extensions_live.samples import Samples
from extensions_live.widget import BokehJS
from tests.support import typescript
from workbench.interfaces import Session

STATES = {
    FigureView: messages.FigureState,
    LogTable: messages.LogTableState,
    Progress: messages.ProgressState,
    PlotView: messages.PlotState,
    Controls: messages.ControlsState,
    BokehJS: messages.BokehState,
    Histogram: messages.HistogramState,
    Layers: messages.LayersState,
    Samples: messages.TilesState,
    Mistakes: messages.TilesState,
    ConfusionMatrix: messages.ConfusionState,
    RunTable: messages.RunTableState,
    Editor: messages.EditorState,
}


@pytest.mark.parametrize("widget", STATES)
def test_the_declared_state_is_what_a_widget_synchronises(widget):
    own = set(widget.class_traits(sync=True)) - set(AnyWidget.class_traits(sync=True))
    assert own == set(get_type_hints(STATES[widget]))


def test_every_button_is_a_declared_command():
    declared = messages.CommandName.__args__
    assert {name for names in POSSIBLE.values() for name in names} <= set(declared)


def test_every_declared_command_is_a_method_of_a_session():
    declared = messages.CommandName.__args__
    assert [name for name in declared if not callable(getattr(Session, name, None))] == []


def test_the_declarations_of_the_page_are_current():
    text = typescript.TARGET.read_text(encoding="utf-8")
    assert text == typescript.declarations(messages), (
        "extensions_live/messages.py and frontend/src/messages.ts differ: run `make frontend`"
    )


class Asked(TypedDict):
    """Asks."""

    kind: Literal["asked"]
    data: list[str | None]
    more: dict[str, Any]


def declared(name, value):
    """Return the declaration of one alias."""
    return typescript.declaration(name, value, {"Asked": Asked})


def test_a_typed_dictionary_becomes_an_interface():
    assert declared("Asked", Asked) == (
        "/** Asks. */\nexport interface Asked {\n"
        '  kind: "asked";\n  data: (string | null)[];\n  more: Record<string, unknown>;\n}\n'
    )


@pytest.mark.parametrize(
    "value, text",
    [
        (Asked | None, "Asked | null"),
        (list[Asked], "Asked[]"),
        (tuple[int, float], "[number, number]"),
        (dict[str, bytes], "Record<string, DataView>"),
        (Literal["a", "b"], '"a" | "b"'),
    ],
)
def test_an_alias_becomes_a_type(value, text):
    assert declared("Name", value) == f"export type Name = {text};\n"


def test_a_type_without_an_equal_is_refused():
    with pytest.raises(TypeError, match=r"no declaration for .*set\[str\].*use another type"):
        declared("Name", set[str])


def test_only_declared_types_are_taken():
    module = types.ModuleType("some")
    module.__annotations__ = {"Name": TypeAlias}
    module.Name, module.other, module.Asked = list[str], 3, Asked
    assert typescript.declarations(module) == f"{typescript.HEAD}\nexport type Name = string[];\n"
