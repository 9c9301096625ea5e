"""Gestures on the canvas, each of which is one step to undo."""

import pytest

from extensions_live.editor import Editor
from extensions_live.editor.board import Board
from workbench.errors import BuilderError


@pytest.fixture
def board():
    """Return a board on which three inputs are concatenated."""
    board = Board()
    for name in "abc":
        board.add_input(name, [None, 3])
    board.add("concatenate", name="all")
    for name in "abc":
        board.connect(name, name, "all", "tensors")
    return board


def wires(board):
    return board.document.calls["all"].inputs.get("tensors")


def end(index):
    return {"target": "all", "input": "tensors", "index": index}


def test_several_edges_of_one_input_are_removed_at_once(board):
    before = board.document
    board.remove(edges=[end(0), end(1)])
    assert (wires(board), board.undo_name) == (["c"], "remove 2 edges")
    board.undo()
    assert board.document == before


def test_nodes_are_removed_together_with_edges_between_others(board):
    before = board.document
    board.add("Tanh", after="a")
    board.remove(["tanh"], edges=[end(2)])
    assert wires(board) == ["a", "b"] and "tanh" not in board.document.ids()
    board.undo()
    board.undo()
    assert board.document == before


def test_an_edge_that_begins_elsewhere_keeps_its_place(board):
    before = board.document
    board.connect("c", "c", "all", "tensors", instead=end(0))
    assert wires(board) == ["c", "b", "c"]
    board.undo()
    assert board.document == before


def test_an_edge_that_ends_elsewhere_is_moved_in_one_step(board):
    board.add("subtract", name="difference")
    before = board.document
    board.connect("a", "a", "difference", "input", instead=end(0))
    assert wires(board) == ["b", "c"]
    assert board.document.calls["difference"].inputs == {"input": "a"}
    board.undo()
    assert board.document == before


def test_an_edge_of_an_input_for_one_edge_keeps_the_order_of_the_inputs(board):
    board.add("subtract", name="difference", after="a")
    board.connect("b", "b", "difference", "other")
    old = {"target": "difference", "input": "input"}
    board.connect("c", "c", "difference", "input", instead=old)
    assert list(board.document.calls["difference"].inputs.items()) == [("input", "c"),
                                                                      ("other", "b")]  # fmt: skip


def test_a_refused_move_of_an_edge_changes_nothing(board):
    before = board.document
    with pytest.raises(BuilderError, match="there is no node 'gone'"):
        board.connect("gone", "gone", "all", "tensors", instead=end(0))
    with pytest.raises(BuilderError, match="an edge must be a dictionary with the keys target and"):
        board.remove(edges=["all"])
    with pytest.raises(BuilderError, match="no nodes are selected"):
        board.remove()
    assert board.document == before


def test_the_inputs_of_a_stream_are_added_at_once():
    editor = Editor()
    try:
        assert editor.add_stream("digits") == ["features", "targets"]
        assert editor.drawing.undo_name == "add features, targets"
        editor.drawing.undo()
        assert editor.drawing.document.ids() == []
    finally:
        editor.close()
