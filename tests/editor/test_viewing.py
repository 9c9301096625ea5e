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


class Convolutional(nn.Module):
    """A network that accepts images of one size only, and does not keep its argument."""

    def __init__(self, filters):
        super().__init__()
        self.conv = nn.Conv2d(1, filters, 3)
        self.head = nn.Linear(filters * 18 * 18, 2)

    def forward(self, x):
        return self.head(torch.relu(self.conv(x)).flatten(1))


class Deciding(Own):
    """A module whose path depends on the values of its input."""

    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else x


class Two(nn.Module):
    """A module with two inputs."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 2), nn.Linear(4, 2)

    def forward(self, x, y):
        return self.first(x) + self.second(y)


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


@pytest.mark.parametrize(
    "name", sorted({*NAMES} - {"open", "close", "move", "arrange", "train", "show"})
)
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


@pytest.mark.parametrize(
    "inputs", [[(None, 1, 20, 20)], torch.zeros(3, 1, 20, 20), {"x": (None, 1, 20, 20)}], ids=type
)
def test_inputs_give_a_module_edges_and_shapes(inputs):
    editor = Editor(Convolutional(4), inputs=inputs)
    found = edges(editor.drawing)
    assert found["x", "conv"] == "batch × 1 × 20 × 20"
    assert found["flatten()", "head"] == "batch × 1296"
    editor.close()


def test_a_module_without_known_shapes_has_a_hint_and_logs_nothing(caplog):
    view = board_of(Convolutional(4))
    assert not view.payload()["edges"]
    hint = view.payload()["summary"]["fault"]["needs"]
    assert hint.startswith("Shapes are unknown; pass") and "inputs=[(None, 3, 224, 224)]" in hint
    assert "\n" not in hint
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_a_common_size_of_images_is_tried():
    module = Convolutional(4)
    module.head = nn.Linear(4 * 26 * 26, 2)
    assert edges(board_of(module))["x", "conv"] == "batch × 1 × 28 × 28"


@pytest.mark.parametrize("inputs", [None, [(None, 4)]])
def test_a_module_whose_path_depends_on_values_is_a_tree(inputs):
    view = board_of(Deciding(3), inputs)
    assert {"body", "body.0", "head"} <= set(nodes(view)) and not view.payload()["edges"]
    assert "depends on values" in view.payload()["summary"]["fault"]["text"]


def test_inputs_of_a_module_that_can_be_edited():
    board = board_of(Two(), {"y": torch.zeros(5, 4), "x": (None, 3)})
    assert isinstance(board, Board)
    assert edges(board) == {("x", "two"): "batch × 3", ("y", "two"): "batch × 4"}


def test_inputs_that_do_not_fit_are_an_error():
    with pytest.raises(ArgumentError, match=r"^Own cannot run on inputs of shapes \(None, 5\)"):
        Editor(Own(3), inputs=[(None, 5)])
    with pytest.raises(ArgumentError, match=r"^inputs are given for z, but .* are x, y"):
        Editor(Two(), inputs={"z": (None, 3)})
    with pytest.raises(ArgumentError, match="1 inputs are given, but .* forward are: x, y"):
        Editor(Two(), inputs=[(None, 3)])
    with pytest.raises(ArgumentError, match="only for a torch module, but the model is 'net.onnx'"):
        Editor("net.onnx", inputs=[(None, 3)])


def test_show_takes_inputs():
    editor = Editor()
    editor.show(Two(), inputs=[(None, 3), (None, 4)])
    assert set(edges(editor.drawing)) == {("x", "two"), ("y", "two")}
    editor.close()


def test_a_view_shows_another_module():
    editor = Editor(Convolutional(4))
    editor.drawing.move({"conv": [5, 6]})
    editor.show(Convolutional(6), inputs=[(None, 1, 20, 20)])
    assert edges(editor.drawing)["flatten()", "head"] == "batch × 1944"
    assert nodes(editor.drawing)["conv"]["position"] == (5, 6)
    with pytest.raises(BuilderError, match="can show other torch modules, but not 3"):
        editor.show(3)
    editor.close()


def test_a_view_says_why_the_module_that_it_shows_cannot_be_edited(view):
    assert "Own does not keep the argument 'width'" in view.reason
    view.show(Convolutional(4))
    with pytest.raises(BuilderError, match="Convolutional does not keep the argument 'filters'"):
        view.add("Linear")
    view.show(nn.Sequential(nn.Linear(3, 2)))
    assert "pass it to a new Editor" in view.payload()["code"]["fault"]["text"]


def test_the_inside_of_a_network_for_one_size_of_images_has_shapes():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 2, 3), nn.Linear(2 * 26 * 26, 3)

        def forward(self, x):
            return self.head(self.conv(x).flatten(1))

    board = Board(Net())
    board.open("net")
    assert edges(board)["net/flatten()", "net/head"] == "batch × 1352"
