"""Copies of nodes that are in groups, and bricks put on edges there: where they are afterwards."""

import pytest

from extensions_live.editor.board import Board
from extensions_live.editor.grouping import INSIDE

HEAD = INSIDE[1]
"""The height of the heading of a group, for which its members make way."""


@pytest.fixture
def board():
    """Return a board with a chain of bricks, of which two are in a group, all with positions."""
    board = Board()
    board.add_input("x", [None, 4])
    for name, before in [("first", "x"), ("second", "first"), ("third", "second")]:
        board.add("Linear", name=name, after=before, settings={"output_dim": 4})
    board.move({"x": [0, 0], "first": [0, 100], "second": [0, 200], "third": [0, 400]})
    board.group(["first", "second"], "block")
    return board


def place(board, node):
    """Return the position of a node on the whole canvas."""
    found = [board.document.spec.positions[one] for one in (node, *board.document.around(node))]
    return sum(x for x, _ in found), sum(y for _, y in found)


def test_a_group_begins_where_its_first_member_was_and_gives_the_places_back(board):
    assert place(board, "group") == (-28, 100)
    assert place(board, "second") == (0, 200 + HEAD)
    board.unpack("group")
    assert [place(board, node) for node in ("first", "second")] == [(0, 100), (0, 200)]


def test_a_copy_of_a_grouped_node_is_in_the_group(board):
    [copy] = board.duplicate(["second"])
    assert board.document.parent(copy) == "group"
    assert place(board, copy) == (40, 240 + HEAD)
    board.undo()
    assert board.document.groups["group"].members == ("first", "second")


def test_copies_of_nodes_in_several_groups_are_in_none(board):
    copies = board.duplicate(["second", "third"])
    assert [board.document.parent(copy) for copy in copies] == [None, None]
    assert [place(board, copy) for copy in copies] == [(40, 240 + HEAD), (40, 440)]


def test_a_pasted_node_of_a_group_is_beside_the_original(board):
    [copy] = board.paste(board.copy(["second"]))
    assert board.document.parent(copy) is None
    assert place(board, copy) == (0, 200 + HEAD)


@pytest.mark.parametrize(
    ("copied", "by"),
    [
        (lambda board: board.duplicate(["group"]), (40, 40)),
        (lambda board: board.paste(board.copy(["group"])), (40, 40)),
        (lambda board: board.paste(board.copy(["group"]), [1000, 500]), None),
    ],
    ids=["duplicate", "paste", "paste at a place"],
)
def test_the_members_of_a_copied_group_keep_their_places_in_it(board, copied, by):
    [copy] = copied(board)
    places, members = board.document.spec.positions, board.document.groups[copy].members
    assert [places[one] for one in members] == [places[one] for one in ("first", "second")]
    left, top = places["group"]
    assert places[copy] == ((1000, 500) if by is None else (left + by[0], top + by[1]))


def test_a_part_of_a_group_without_a_known_place_is_arranged_by_the_page(board):
    board.arrange()
    board.move({"second": [28, 184]})  # within the group, whose place only the page knows
    [copy] = board.paste(board.copy(["second"]))
    assert copy not in board.document.spec.positions


def test_a_brick_on_an_edge_is_in_the_innermost_group_of_both_ends(board):
    outer = board.group(["group", "third"], "outer")
    new = [board.insert("Tanh", node, "input_") for node in ("second", "third", "first")]
    assert [board.document.parent(one) for one in new] == ["group", outer, None]


def test_a_brick_on_an_edge_in_a_group_keeps_the_place_that_it_is_given(board):
    new = board.insert("Tanh", "second", "input_", position=[30, 150],
                       positions={"second": [28, 250]})  # fmt: skip
    assert board.document.spec.positions[new] == (30, 150)
    assert board.document.spec.positions["second"] == (28, 250)


def test_a_free_node_of_a_group_that_is_put_on_an_edge_outside_leaves_the_group(board):
    board.add("Tanh", name="free")
    board.put(["free"], "group")
    board.insert_node("free", "third", "input_")
    assert board.document.parent("free") is None
