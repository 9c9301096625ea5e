"""Image files of boards: what they show, and the models that are opened from them."""

import io
import zlib

import pytest
import torch
from PIL import Image

from extensions_live.editor import Board, Editor
from extensions_live.editor.canvas_layout import on_canvas
from extensions_live.editor.image import diagram
from extensions_live.editor.pushing import GAP
from extensions_live.editor.viewing import board_of
from tests.support.tree import ROOT
from workbench.errors import ArgumentError, BuilderError

NAME = "head & 'tail' <\N{LATIN SMALL LETTER O WITH DIAERESIS}>"
WRITTEN = ROOT / "extensions_live" / "frontend" / "tests" / "editor" / "images"
"""Images that Python wrote, which the tests of the page open."""


@pytest.fixture
def board():
    """Return a board with positions, an open brick, and a group with a name full of signs."""
    board = Board()
    board.add_input("features", [None, 4], position=[-300, 0])
    settings = {"activations": [{"brick": {"type": "Tanh"}}, None], "dims": [None, 5, 3]}
    board.add("MLP", [-280, 100], after="features", settings=settings)
    board.add("Linear", [-300, 200], after="mlp", settings={"output_dim": 2})
    board.add("Tanh", [0, 200], after="linear")
    board.group(["linear", "tanh"], NAME)
    board.open("mlp")
    return board


def layout(board):
    """Return the boxes of the nodes in the image of a board."""
    payload = board.payload()
    places = {one["id"]: one["position"] for one in payload["nodes"] if one["position"]}
    return on_canvas(diagram(payload), places).boxes


def overlaps(boxes):
    """Return the pairs of boxes that overlap."""
    return [
        (one, other)
        for one, a in boxes.items()
        for other, b in boxes.items()
        if one < other
        and a.x < b.x + b.width
        and b.x < a.x + a.width
        and a.y < b.y + b.height
        and b.y < a.y + a.height
    ]


@pytest.mark.parametrize("ending", ["svg", "png", "PNG"])
def test_a_board_is_opened_from_its_image(board, tmp_path, ending):
    path = tmp_path / f"model.{ending}"
    board.save_image(path)
    other = Board()
    other.load(path)
    assert other.document == board.document == Board(path).document
    assert other.undo_name == "load" and Board(path).undo_name is None


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_an_editor_saves_its_canvas_and_opens_the_file(board, tmp_path, hand_pump, ending):
    first = Editor()
    first.drawing.load(board.document.to_json())
    first.save_image(str(tmp_path / f"model.{ending}"))
    second = Editor(str(tmp_path / f"model.{ending}"))
    assert second.code == first.code and second.drawing.document == first.drawing.document
    first.close()
    second.close()


def test_another_ending_is_refused_and_writes_nothing(board, tmp_path):
    text = r"save_image: the name 'model.jpg' must end with .svg or .png"
    with pytest.raises(ArgumentError, match=text):
        board.save_image(tmp_path / "model.jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name,content", [("a.svg", b"<svg/>"), ("a.png", b"\x89PNG\r\n\x1a\n\0\0"), ("b.svg", b"\xff")]
)
def test_an_image_without_a_model_is_refused(board, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    before = board.document
    with pytest.raises(BuilderError, match=f"there is no model in .*{name}; open an SVG or PNG"):
        board.load(tmp_path / name)
    assert board.document is before


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(BuilderError, match=r"none.png cannot be read: No such file"):
        Board(tmp_path / "none.png")


def test_the_chunk_of_a_png_is_that_of_the_page(board, tmp_path):
    board.save_image(tmp_path / "model.png")
    data = (tmp_path / "model.png").read_bytes()
    # as `withDocument` in drawing.ts
    content = b"iTXt" + b"workbench" + bytes(5) + board.document.to_json().encode()
    length, check = (len(content) - 4).to_bytes(4), zlib.crc32(content).to_bytes(4)
    assert length + content + check in data


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_image_in_the_tests_of_the_page_is_one_that_python_writes(tmp_path, ending):
    path = WRITTEN / f"python.{ending}"
    board = Board(path)
    assert board.document.title("group") == NAME
    board.save_image(tmp_path / path.name)
    assert Board(tmp_path / path.name).document == board.document
    if ending == "svg":
        assert (tmp_path / path.name).read_text("utf-8") == path.read_text("utf-8")


def test_nodes_are_drawn_at_their_positions(board):
    board.close("mlp")
    boxes = layout(board)
    one, other = boxes["features"], boxes["mlp"]
    assert (other.x - one.x, other.y - one.y) == (20, 100)
    group, linear, tanh = boxes["group"], boxes["linear"], boxes["tanh"]
    assert (linear.x - group.x, linear.y - group.y) == (28, 84)
    assert (tanh.x - linear.x, tanh.y - linear.y) == (300, 0)
    assert min(box.x for box in boxes.values()) > 0


def test_an_open_brick_moves_what_it_would_cover(board):
    boxes = layout(board)
    inside = [id for id in boxes if id.startswith("mlp/")]
    assert len(inside) == 3
    outer = {id: boxes[id] for id in ("features", "mlp", "group")}
    assert overlaps(outer) == []
    assert boxes["group"].y - boxes["mlp"].y - boxes["mlp"].height <= GAP[1]
    mlp = boxes["mlp"]
    assert all(mlp.x < boxes[id].x and mlp.y < boxes[id].y for id in inside)
    assert all(boxes[id].x + boxes[id].width < mlp.x + mlp.width for id in inside)


def test_a_node_without_a_position_finds_a_free_place(board):
    board.add("Bias", after="features", position=[900, 0])
    board.add("Identity")
    boxes = layout(board)
    outer = {id: boxes[id] for id in ("features", "mlp", "group", "bias", "identity")}
    assert overlaps(outer) == []


def test_a_closed_group_hides_its_members_in_the_image(board, tmp_path):
    board.save_image(tmp_path / "open.svg")
    board.close("group")
    board.save_image(tmp_path / "closed.svg")
    shown = [
        (tmp_path / name).read_text("utf-8").partition("</metadata>")[2]
        for name in ("open.svg", "closed.svg")
    ]
    assert [">linear<" in text for text in shown] == [True, False]


def test_characters_that_xml_forbids_survive(tmp_path):
    board = Board()
    board.add("Tanh")
    board.group(["tanh"], "a\x01b\ufffe")
    for ending in ("svg", "png"):
        board.save_image(tmp_path / f"model.{ending}")
        assert Board(tmp_path / f"model.{ending}").document == board.document


def test_a_view_is_saved_without_a_model(tmp_path):
    class Own(torch.nn.Module):
        def __init__(self, hidden):
            super().__init__()
            self.layer = torch.nn.Linear(3, 2)

        def forward(self, x):
            return self.layer(x)

    view = board_of(Own(object()))
    assert view.read_only
    view.save_image(tmp_path / "view.png")
    assert Image.open(io.BytesIO((tmp_path / "view.png").read_bytes())).width > 100
    with pytest.raises(BuilderError, match="there is no model in"):
        Board(tmp_path / "view.png")
