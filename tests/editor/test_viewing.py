"""Models that an editor shows but cannot edit."""

import pytest
import torch
from torch import nn

from extensions_live import Editor
from extensions_live.editor import Board
from extensions_live.editor.intents import NAMES
from extensions_live.editor.still import EditorStill
from extensions_live.editor.viewing import View, board_of
from workbench.builder import draw
from workbench.errors import ArgumentError, BuilderError


class Own(nn.Module):
    """A module that does not keep the argument of its constructor."""

    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, width), nn.ReLU())
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.body(x)) + 1


@pytest.fixture
def view():
    found = board_of(Own(3))
    assert isinstance(found, View)
    return found


def nodes(view):
    return {node["id"]: node for node in view.payload()["nodes"]}


def edges(view):
    return {(e["source"], e["target"]): e["shape"] for e in view.payload()["edges"]}


def test_a_module_that_cannot_be_described_is_only_shown(view):
    found = nodes(view)
    assert found["body.0"]["parent"] == "body" and not found["body.0"]["editable"]
    assert found["body"]["open"] and found["body.0"]["open"] is None
    assert found["body.0"]["parameters"] == 15 and found["head"]["flops"] == 12
    assert view.flops("head") == 12
    summary = view.payload()["summary"]
    assert (summary["parameters"], summary["flops"]) == (23, 36)


def test_edges_end_at_the_borders_of_open_groups(view):
    found = edges(view)
    assert found["x", "body"] == found["body", "body.0"] == "batch × 4"
    assert found["body.1", "body"] == found["body", "head"] == "batch × 3"
    inside = {(e["source"], e["target"]) for e in view.payload()["edges"] if e["from_inside"]}
    assert inside == {("body", "body.0")}


def test_each_edge_has_its_ports(view):
    ports(view)


def ports(view):
    """Check that each edge begins and ends at ports that its nodes have."""
    found = nodes(view)
    for edge in view.payload()["edges"]:
        source, target = found[edge["source"]], found[edge["target"]]
        given = source["inputs"] if edge["from_inside"] else source["outputs"]
        taken = target["outputs"] if edge["to_inside"] else target["inputs"]
        assert edge["output"] in [port["name"] for port in given]
        assert edge["input"] in [port["name"] for port in taken]


def test_groups_can_be_closed_and_opened(view):
    before, version = nodes(view), view.version
    view.close("body")
    assert set(nodes(view)) == {"x", "body", "head", "add()", "output 0"}
    assert edges(view)["body", "head"] == "batch × 3" and view.version == version + 1
    view.open("body")
    assert set(nodes(view)) == set(before)
    with pytest.raises(BuilderError, match="'head' has no parts to show"):
        view.open("head")


def test_nodes_can_be_moved_and_arranged(view):
    view.move({"head": [5, 6]})
    assert nodes(view)["head"]["position"] == (5, 6)
    view.arrange()
    assert nodes(view)["head"]["position"] is None
    with pytest.raises(BuilderError, match="there is no node 'hat'"):
        view.move({"hat": [0, 0]})


@pytest.mark.parametrize("name", sorted({*NAMES} - {"open", "close", "move", "arrange", "train"}))
def test_everything_else_is_refused(view, name):
    with pytest.raises(BuilderError, match=r"can be viewed, but not edited: Own does not keep"):
        getattr(view, name)()


def test_the_model_and_the_code_are_refused(view):
    with pytest.raises(BuilderError, match="can be viewed, but not edited"):
        view.built
    code = view.payload()["code"]
    assert code["text"] == view.code == "" and "not edited" in code["fault"]["text"]


def test_a_module_that_can_be_described_is_edited():
    editor = Editor(nn.Linear(4, 3))
    assert not isinstance(editor.drawing, View)
    editor.close()


def test_a_described_module_has_its_input_and_shapes():
    board = Board(nn.Sequential(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), nn.Linear(3, 2)))
    assert set(edges(board).values()) == {"batch × 4"}
    assert board.fault("sequential") is None
    assert board.shape("sequential", "output") == "batch × 2"


def test_the_inside_of_a_described_module_has_shapes():
    board = Board(nn.Sequential(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), nn.Linear(3, 2)))
    top = "sequential"
    board.open(top)
    found = nodes(board)
    assert found[f"{top}/0"]["open"] is False and found[f"{top}/1"]["open"] is None
    assert edges(board)[top, f"{top}/0"] == "batch × 4"
    assert edges(board)[f"{top}/0", f"{top}/1"] == "batch × 3"
    assert edges(board)[f"{top}/1", top] == "batch × 2"
    board.open(f"{top}/0")
    assert edges(board)[f"{top}/0/0", f"{top}/0/1"] == "batch × 3"
    ports(board)


def test_an_editor_shows_the_module_and_its_image(hand_pump):
    editor = Editor(Own(3))
    hand_pump.serve(editor)
    assert {node["title"] for node in editor.board["nodes"]} >= {"x", "body", "head", "add"}
    still = EditorStill(editor.drawing)
    assert "head Linear" in still.bundles()[1]["text/plain"]
    with pytest.raises(BuilderError, match="not edited"):
        editor.model
    editor.close()


def test_an_editor_shows_an_onnx_file(tmp_path):
    onnx = pytest.importorskip("onnx")
    node = onnx.helper.make_node("Relu", ["x"], ["y"], name="relu")
    ends = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [2, 3]) for n in "xy"]
    made = onnx.helper.make_model(onnx.helper.make_graph([node], "g", ends[:1], ends[1:]))
    onnx.save(made, str(tmp_path / "net.onnx"))
    editor = Editor(tmp_path / "net.onnx")
    assert isinstance(editor.drawing, View)
    assert edges(editor.drawing)["input:x", "node:0"] == "2 × 3"
    assert editor.drawing.payload()["summary"]["parameters"] == 0
    assert editor.drawing.payload()["summary"]["flops"] is None
    with pytest.raises(BuilderError, match="an ONNX file can be viewed, but not edited"):
        editor.drawing.add("Linear")
    editor.close()


def test_a_file_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(ArgumentError, match=r"no\.onnx does not exist"):
        Editor(str(tmp_path / "no.onnx"))


def test_the_image_and_the_view_have_the_same_nodes(view):
    drawn = {node.id for node in draw(Own(3)).diagram.nodes}
    assert drawn == set(nodes(view))


def test_a_large_module_starts_with_closed_groups():
    class Deep(nn.Module):
        def __init__(self, count):
            super().__init__()
            self.blocks = nn.Sequential(
                *(nn.Sequential(nn.Linear(2, 2), nn.ReLU()) for _ in range(count))
            )

        def forward(self, x):
            return self.blocks(torch.tanh(x))

    found = nodes(board_of(Deep(60)))
    assert len(found) <= 100 and not found["blocks.0"]["open"]
