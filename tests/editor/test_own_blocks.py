"""Blocks of the user's own: kept in files for later kernels, renamed, removed, and broken files."""

import json
import os

import pytest

from extensions_live.editor import Board, Editor, blocks
from extensions_live.editor.block_files import BlockFolder
from extensions_live.editor.palette import palette
from tests.editor.conftest import new_kernel
from workbench.builder import BLOCKS
from workbench.config import config
from workbench.errors import BuilderError, BuilderWarning


@pytest.fixture
def board():
    """Return a board with a group of two nodes, named encoder."""
    board = Board()
    board.add_input("x", [None, 8])
    board.add("Linear", after="x", settings={"output_dim": 4})
    board.add("Tanh", after="linear")
    board.group(["linear", "tanh"], "encoder")
    return board


def own():
    """Return the blocks of the user's own in the palette: name and whether it is saved."""
    return [(one["name"], one["saved"]) for one in palette()["blocks"] if one["own"]]


def texts(folder):
    """Return the contents of all files of the folder, by name."""
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_save_block_keeps_a_group_for_the_next_kernel(board, folder, monkeypatch):
    assert own() == [("encoder", False)]
    assert board.save_block(["group"]) == "encoder"
    assert own() == [("encoder", True)]
    new_kernel(monkeypatch)
    assert own() == [("encoder", True)]
    other = Board()
    (group,) = other.add_block("encoder")
    assert other.document.title(group) == "encoder"
    assert other.document.bricks["linear"].settings["output_dim"] == 4
    assert len(list(folder.iterdir())) == 1


def test_a_group_that_was_not_saved_ends_with_its_kernel(board, folder, monkeypatch):
    new_kernel(monkeypatch)
    assert own() == [] and not folder.exists()
    with pytest.raises(BuilderError, match="there is no block 'encoder'"):
        Board().add_block("encoder")


def test_save_block_saves_any_nodes_under_any_name(board):
    assert board.save_block(["linear", "tanh"], "half / ½ of it") == "half / ½ of it"
    assert Board().add_block("half / ½ of it") == ["linear", "tanh"]
    with pytest.raises(
        BuilderError, match="name is required to save several nodes; pass a name, or"
    ):
        board.save_block(["linear", "tanh"])


def test_save_block_replaces_only_when_told(board):
    board.save_block(["group"])
    with pytest.raises(BuilderError, match="already a saved block 'encoder'; choose another name"):
        board.save_block(["linear"], "encoder")
    board.save_block(["linear"], "encoder", replace=True)
    assert Board().add_block("encoder") == ["linear"]
    with pytest.raises(
        BuilderError, match="the workbench already has a block 'MLP'; choose another"
    ):
        board.save_block(["group"], "MLP")


@pytest.mark.parametrize(
    "name, text",
    [
        ("", "the name of a block must be a single line of text, not ''"),
        ("two\nlines", "the name of a block must be a single line of text, not 'two"),
        ("x" * 61, "the name of a block must have at most 60 characters, but 'xxxx.*has 61"),
        (3, "the name of a block must be a single line of text, not 3"),
    ],
)
def test_save_block_refuses_what_is_no_name(board, name, text):
    with pytest.raises(BuilderError, match=text):
        board.save_block(["group"], name)


def test_rename_block_and_remove_block_last_as_well(board, folder, monkeypatch):
    board.save_block(["group"])
    assert board.rename_block("encoder", "Encoder") == "Encoder"
    new_kernel(monkeypatch)
    assert own() == [("Encoder", True)]
    board.remove_block("Encoder")
    assert own() == [] and texts(folder) == {}


def test_rename_block_and_remove_block_accept_groups_of_this_kernel(board):
    board.rename_block("encoder", "half")
    assert own() == [("half", False)]
    board.remove_block("half")
    assert own() == []


def test_a_group_that_hides_a_saved_block_is_removed_first(board):
    board.save_block(["group"])
    board.group(["x"], "encoder")
    assert own() == [("encoder", False)]
    board.remove_block("encoder")
    assert own() == [("encoder", True)]


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda b: b.rename_block("encoder", "MLP"), "there is already a block 'MLP'"),
        (lambda b: b.rename_block("encoder", " "), "must be a single line of text, not ' '"),
        (lambda b: b.rename_block("MLP", "mine"), "'MLP' is part of the workbench and cannot be"),
        (lambda b: b.remove_block("MLP"), "'MLP' is part of the workbench and cannot be changed"),
        (
            lambda b: b.remove_block("encodr"),
            "you have no block 'encodr'; did you mean 'encoder'\\?; your blocks: enc",
        ),
    ],
)
def test_blocks_that_cannot_be_changed_are_refused(board, change, text):
    with pytest.raises(BuilderError, match=text):
        change(board)
    assert own() == [("encoder", False)]


def test_another_kernel_sees_a_new_block_without_a_restart(board):
    other = BlockFolder()
    other.look(now=True)
    board.save_block(["group"])
    other.look(now=True)
    assert list(other.blocks()) == ["encoder"]


def test_files_are_looked_at_once_a_second(board, folder):
    now = 0.0
    other = BlockFolder(clock=lambda: now)
    other.look()
    board.save_block(["group"])
    other.look()
    assert other.blocks() == {}
    now = 1.5
    other.look()
    assert list(other.blocks()) == ["encoder"]


BROKEN = [
    ("", "the file is not valid JSON"),
    ("[1]", "must be an object with strings as keys, not \\[1\\]"),
    (
        '{"block": 7, "name": "a", "document": {}}',
        "the file has version 7, but this workbench reads",
    ),
    (
        '{"block": 1, "name": "", "document": {}}',
        "the name of a block must be a single line of text",
    ),
    ('{"block": 1, "name": "a", "document": {"board": 1, "spec": {}}}', "the version is None"),
    ('{"block": 1, "name": "a", "document": {}, "code": "import os"}', "no key 'code'"),
    ("[" * 100_000, "the file is not valid JSON"),
    (b"\xff\xfe\x00", "the file is not UTF-8 text"),
]


@pytest.mark.parametrize("content, reason", BROKEN)
def test_a_broken_file_is_a_warning_with_its_path_and_stays(
    board, folder, hand_pump, content, reason
):
    board.save_block(["group"])
    path = folder / "broken.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    blocks.saved.look(now=True)
    assert own() == [("encoder", True)]
    (text,) = palette()["broken"]
    assert text.startswith(f"the block in {path} cannot be read: ")
    with pytest.warns(BuilderWarning, match=f"broken.json cannot be read: .*{reason}"):
        editor = Editor()
    editor.close()
    with pytest.raises(BuilderError, match="broken.json cannot be read"):
        Board().add_block("broken")
    assert path.read_bytes() == before


def test_a_broken_file_is_not_overwritten_by_a_block_of_its_name(board, folder):
    board.save_block(["group"])
    (path,) = folder.iterdir()
    path.write_text("{")
    board.save_block(["group"])
    assert path.read_text() == "{" and len(texts(folder)) == 2
    assert own() == [("encoder", True)]


def test_a_corrected_file_is_read_again(board, folder):
    board.save_block(["group"])
    (path,) = folder.iterdir()
    good = path.read_text()
    path.write_text("{")
    blocks.saved.look(now=True)
    assert own() == []
    path.write_text(good)
    blocks.saved.look(now=True)
    assert own() == [("encoder", True)] and palette()["broken"] == []


def test_two_files_with_one_name_are_told_apart(board, folder):
    board.save_block(["group"])
    (path,) = folder.iterdir()
    (folder / "zz.json").write_text(path.read_text())
    blocks.saved.look(now=True)
    assert own() == [("encoder", True)]
    (text,) = palette()["broken"]
    assert f"{path.name} also has 'encoder'" in text and "zz.json" in text


def test_a_block_with_an_unknown_class_has_a_fault_and_nothing_is_executed(board, folder):
    board.save_block(["group"])
    (path,) = folder.iterdir()
    content = json.loads(path.read_text())
    content["document"]["spec"]["bricks"][0]["type"] = "os.system"
    path.write_text(json.dumps(content))
    blocks.saved.look(now=True)
    other = Board()
    other.add_block("encoder")
    assert other.fault("linear") == (
        "there is no brick 'os.system'; your own class must first be registered with "
        "workbench.builder.register"
    )


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(board, folder):
    folder.parent.chmod(0o500)
    with pytest.raises(BuilderError, match="cannot be saved in .*assign another folder to"):
        board.save_block(["group"])
    folder.parent.chmod(0o700)


def test_a_folder_that_is_a_file_is_named(board, folder):
    folder.write_text("")
    with pytest.raises(BuilderError, match="'encoder' cannot be saved in .*File exists.*config.bl"):
        board.save_block(["group"])


def test_a_failure_while_writing_leaves_the_old_file(board, folder, monkeypatch):
    board.save_block(["group"])
    before = texts(folder)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(BuilderError, match="cannot be saved in .*No space left on device"):
        board.save_block(["linear"], "encoder", replace=True)
    assert texts(folder) == before


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_of_the_library_survives_its_file(name, monkeypatch):
    board = Board()
    nodes = board.add_block(name)
    board.save_block(nodes, "copy")
    new_kernel(monkeypatch)
    other = Board()
    other.add_block("copy")
    assert other.spec.bricks == board.spec.bricks and other.spec.calls == board.spec.calls


def test_the_folder_is_a_setting():
    assert config.blocks_path.name == "blocks"
    with config.override(blocks_path="~/of my project"):
        assert str(config.blocks_path) == os.path.expanduser("~/of my project")
