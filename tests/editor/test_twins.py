"""Everything that the canvas does has its Python twin, a public method that a test calls.

The intents are read from the sources of the page in TypeScript.
"""

import ast
import inspect
import re
from pathlib import Path

import pytest

from extensions_live.editor import Board, Editor
from extensions_live.editor.aligning import SIDES
from extensions_live.editor.intents import NAMES
from tests.support.tree import ROOT

FOLDER = ROOT / "extensions_live" / "frontend" / "src" / "editor"
SOURCES = sorted(FOLDER.rglob("*.ts*"))
TESTS = sorted(Path(__file__).parent.glob("test_*.py"))

PYTHON_ONLY = {
    "copy": "the page copies by itself, since browsers allow it only during the event of the key",
    "what_fits": "the page computes it from the palette",
    "show": "the model is an object of Python",
    "fault": "it is on its node",
    "shape": "it is on its edges",
    "flops": "they are on its node",
    "disconnect": "the page removes edges together with nodes, by `remove`",
    "save_image": "the page draws the image itself, in the colours that it shows",
    "align": "the page moves the nodes, whose sizes it knows exactly",
    "add_inputs": "the page adds those of a stream, by `add_stream`",
}
"""Public methods of a board that are no intents, and why."""

OF_THE_WIDGET = {
    *("payload", "draft", "has_code", "refresh", "adopt", "complete_spec", "needed_inputs", "take"),
}

VIEW = {
    *("select all", "search", "fit", "palette", "zoom in", "zoom out", "next", "previous"),
    *("help", "escape", "full"),
}
"""Keys and buttons that change what is in sight or selected, which no model has."""

OTHER_NAMES = {
    "feed": "connect",
    "regroup": "put",
    "toggle": "open",
    "settings": "set",
    "fix": "apply_fix",
    "code": "set_code",
    "cost": "set_cost",
    "values": "show_on_nodes",
    "example": "push",
    "next example": "step_example",
    "previous example": "step_example",
    "open image": "load",
    "save png": "save_image",
    "save svg": "save_image",
}
"""Keys and buttons whose twin has another name than they have."""

CALL = r'(?:\bsend\((?:[\w.]+ \? "(\w+)" : )?|\[)"(\w+)"(?:,\s*(\{))?'
"""`send("name", {`, `send(one ? "name" : "other", {`, or a pair `["name", {`."""

NOT_SENT = {"clear": "a page removes what is selected, which can be everything"}


def braced(text, start):
    """Return the text between the brace at `start` and the one that closes it."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 1 : place]
    raise AssertionError(f"a brace is not closed: {text[start : start + 80]}")


def keys_of(literal):
    """Return the keys of an object literal, without those of objects inside of it."""
    depth, flat = 0, ""
    for character in literal:
        depth -= character in "}])"
        flat += character if depth == 0 else ""
        depth += character in "{[("
    return [found[1] for part in flat.split(",") if (found := re.match(r"\s*(\w+)\s*(:|$)", part))]


def sent():
    """Return the intents that the page sends: file, name and the names of the arguments."""
    found = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        for match in re.finditer(CALL, text):
            if match[2] not in NAMES and not match[0].startswith("send"):
                continue  # another array
            given = keys_of(braced(text, match.start(3))) if match[3] else []
            found += [(path.name, name, given) for name in match.groups()[:2] if name]
    return found


def twin(name):
    """Return the public method that an intent calls."""
    return getattr(Board, name, None) or getattr(Editor, name)


def called():
    """Return the names of all methods that the tests of the editor call."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in TESTS]
    return {
        node.func.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


def test_the_sources_of_the_page_are_read():
    names = {name for _, name, _ in sent()}
    assert {"add", "add_block", "connect", "set", "train", "undo", "move"} <= names
    assert ("Settings.tsx", "set", ["node", "setting", "value"]) in sent()


def test_the_page_sends_every_declared_intent_and_no_other():
    assert {name for _, name, _ in sent()} == set(NAMES) - set(NOT_SENT)


@pytest.mark.parametrize("name", NAMES)
def test_an_intent_is_a_public_method_with_a_docstring(name):
    method = twin(name)
    assert inspect.getdoc(method) and not name.startswith("_")


def test_the_page_sends_arguments_that_the_method_accepts():
    wrong = [
        (file, name, set(given) - set(inspect.signature(twin(name)).parameters))
        for file, name, given in sent()
        if set(given) - set(inspect.signature(twin(name)).parameters)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_an_intent_has_a_test_that_calls_its_method(name):
    assert name in called()


def test_every_method_of_a_board_is_an_intent_or_says_why_not():
    methods = {
        name
        for name, _ in inspect.getmembers(Board, inspect.isfunction)
        if not name.startswith("_")
    }
    assert methods - set(NAMES) - OF_THE_WIDGET == set(PYTHON_ONLY)
    assert set(PYTHON_ONLY) - called() == set()


def listed(path, name):
    """Return the members of a union of strings in the sources of the page."""
    text = (FOLDER / path).read_text(encoding="utf-8")
    return re.findall(r'\| "([^"]+)"', text.partition(f"export type {name} =")[2].partition(";")[0])


COMMANDS = sorted({*listed("shortcuts.ts", "Action"), *listed("parts/Toolbar.tsx", "Command")})


def test_the_keys_and_buttons_of_the_page_are_read():
    assert {"add", "undo", "align left", "save svg"} <= set(COMMANDS)
    assert VIEW | OTHER_NAMES.keys() <= set(COMMANDS)


@pytest.mark.parametrize("command", [one for one in COMMANDS if one not in VIEW])
def test_a_key_or_button_has_a_twin_with_its_name_that_a_test_calls(command):
    name = OTHER_NAMES.get(command, command.partition(" ")[0])
    assert inspect.getdoc(twin(name))
    assert name in called()


def test_align_takes_the_words_of_the_menu():
    assert {f"align {side}" for side in SIDES} == {c for c in COMMANDS if c.startswith("align")}


def test_the_readers_of_typescript_understand_nested_objects():
    assert keys_of(" a: { b: 1, c: [2, 3] }, d, e: f(g, h) ") == ["a", "d", "e"]
    assert braced("x({ a: { b } }) }", 2) == " a: { b } "
