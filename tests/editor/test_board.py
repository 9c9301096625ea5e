"""A board without a page: every operation, and undoing it."""

import json
from itertools import pairwise

import numpy as np
import pytest

from extensions_live.editor import Board, Editor
from extensions_live.editor.canvas_layout import on_canvas
from extensions_live.editor.document import read
from extensions_live.editor.image import diagram
from workbench import tensor
from workbench.bricks import MLP, Linear, Residual, Tanh
from workbench.builder import BLOCKS, catalogue, from_code, to_spec
from workbench.config import config
from workbench.errors import BuilderError

TIMES = " \N{MULTIPLICATION SIGN} "
TANH = {"brick": {"type": "Tanh"}}


@pytest.fixture
def board():
    """Return a board with features, an MLP, targets and a cost."""
    board = Board()
    board.add_input("features", [None, 4])
    board.add("MLP", after="features", settings={"activations": [TANH, None], "dims": [4, 8, 3]})
    board.add_input("targets", [None], "int64")
    board.add("CategoricalCrossEntropy", name="entropy")
    board.connect("targets", "targets", "entropy", "y")
    board.connect("mlp", "output", "entropy", "y_hat")
    return board


def node(board, name):
    """Return what the page gets about a node."""
    return next(one for one in board.payload()["nodes"] if one["id"] == name)


def edges(board):
    """Return the edges that the page gets, as text."""
    found = board.payload()["edges"]
    return [f"{e['source']}.{e['output']} {e['target']}.{e['input']}" for e in found]


def test_an_empty_board_has_no_code_and_no_fault():
    payload = Board().payload()
    assert payload["nodes"] == [] and payload["summary"]["fault"] is None
    assert payload["code"] == {"text": "\n", "fault": None}


def test_add_makes_a_node_with_its_ports_and_an_initialisation():
    board = Board()
    name = board.add("Linear", [10, 20])
    found = node(board, name)
    assert (found["id"], found["kind"], found["position"]) == ("linear", "brick", (10, 20))
    assert [port["name"] for port in found["inputs"]] == ["input_"]
    given = {one["name"]: one["value"] for one in found["settings"] if one["given"]}
    assert set(given) == {"weights_init", "biases_init"}


@pytest.mark.parametrize("operation, shape", [
    ("concatenate", "batch × 2"), ("flatten", "batch × 6"), ("softmax", "batch × 2 × 3"),
    ("log_softmax", "batch × 2 × 3"), ("stack", "batch × 1 × 2 × 3"),
])  # fmt: skip
def test_a_new_operation_leaves_the_examples_of_a_batch_apart(operation, shape):
    board = Board()
    sizes = [None, 2] if operation == "concatenate" else [None, 2, 3]
    board.add_input("x", sizes)
    node = board.add(operation, after="x")
    assert board.fault(node) is None
    assert board.shape(node, node) == shape


def test_add_gives_names_that_are_free():
    board = Board()
    assert [board.add("Tanh"), board.add("Tanh"), board.add("Tanh")] == ["tanh", "tanh_2", "tanh_3"]


def test_the_result_of_an_operation_has_a_name_that_says_what_it_is():
    assert Board().add("T") == "transposed"


def test_add_knows_operations_and_modules_of_torch():
    board = Board()
    board.add_input("x", [None, 4, 5])
    board.add("flatten", after="x", settings={"start_dim": 1})
    board.add("GELU", after="flatten")
    module = board.add("Dropout1d", name="drop")
    assert board.shape("flatten", "flatten") == f"batch{TIMES}20"
    assert node(board, module)["type"] == "TorchModule"


@pytest.mark.parametrize(
    "type, text",
    [
        ("Linaer", "there is no brick, operation or module 'Linaer'.*Linear"),
        (3, "type must be a string, such as 'Linear', not 3"),
        ("BaseRecurrent", "there is no brick, operation or module"),
    ],
)
def test_add_refuses_what_does_not_exist(type, text):
    with pytest.raises(BuilderError, match=text):
        Board().add(type)


def test_add_after_connects_and_stands_at_the_right():
    board = Board()
    board.add_input("x", [None, 4], position=[0, 0])
    board.add("Linear", after="x", settings={"output_dim": 2})
    assert edges(board) == ["x.x linear.input_"]
    assert node(board, "linear")["position"] == (280, 0)


def test_the_first_cost_is_the_cost_of_the_model(board):
    assert node(board, "entropy")["cost"] == "cost"
    board.add("MisclassificationRate", after="targets")
    assert node(board, "misclassificationrate")["cost"] is None
    assert node(board, "misclassificationrate")["outputs"][0]["wire"] == "error_rate"


def test_a_fault_has_the_text_of_python_and_a_fix():
    board = Board()
    board.add_input("features", [None, 784])
    board.add("Linear", after="features", settings={"input_dim": 500, "output_dim": 10})
    fault = node(board, "linear")["fault"]
    brick = Linear(500, 10)
    with pytest.raises(ValueError) as caught:
        brick.apply(tensor.variable("features", (None, 784)))
    assert fault["text"] == str(caught.value)
    assert fault["fix"] == {"label": "set input_dim to 784"}
    board.apply_fix("linear")
    assert node(board, "linear")["fault"] is None
    assert board.payload()["summary"]["parameters"] == 7850
    assert board.undo_name == "set input_dim to 784"


def test_what_is_not_connected_is_unfinished_and_no_mistake():
    board = Board()
    board.add("Linear", settings={"input_dim": 3, "output_dim": 2})
    assert "input_" in board.fault("linear")
    assert node(board, "linear")["fault"]["needs"] == "connect an input"
    assert board.payload()["summary"]["fault"]["needs"] == "connect an input"
    assert "linear" in board.payload()["code"]["fault"]["text"]
    assert "Linear(" in board.code


def test_an_unfinished_node_names_the_inputs_and_settings_that_it_lacks():
    board = Board()
    board.add_input("targets", [None], "int64")
    board.add("CategoricalCrossEntropy", name="cost")
    assert node(board, "cost")["fault"]["needs"] == "connect targets and predictions"
    board.connect("targets", "targets", "cost", "y")
    assert node(board, "cost")["fault"]["needs"] == "connect predictions"
    board.add("add", name="sum")
    assert node(board, "sum")["fault"]["needs"] == "connect input and other"


@pytest.mark.parametrize(
    "kind, type",
    [
        (entry.kind, entry.type)
        for group in catalogue()
        for entry in group.entries
        if entry.kind in ("brick", "operation")
    ],
)
def test_nothing_from_the_palette_is_a_mistake_as_soon_as_it_is_dropped(kind, type):
    board = Board()
    fault = node(board, board.add(type))["fault"]
    assert fault is None or (fault["needs"] is not None and len(fault["needs"]) < 60)


def test_a_brick_without_its_names_says_which_setting_it_needs():
    board = Board()
    board.add("Distribute")
    assert node(board, "distribute")["fault"]["needs"] == "set target_names"


def test_a_draft_has_the_nodes_and_edges_of_a_large_block_at_once():
    board = Board()
    assert board.draft() is None  # nothing takes long
    board.add_block("LeNet")
    draft = board.draft()
    whole = board.payload()
    for part in ("nodes", "edges"):
        assert [one["id"] for one in draft[part]] == [one["id"] for one in whole[part]]
    assert {edge["shape"] for edge in draft["edges"]} == {None}
    assert None not in {edge["shape"] for edge in whole["edges"]}
    assert board.draft() is None  # the whole is known


def test_a_draft_says_that_it_is_being_checked_and_keeps_the_faults_that_are_known():
    board = Board()
    board.add_input("x", [None, 4])
    board.add("Linear", name="wrong", after="x", settings={"input_dim": 3, "output_dim": 2})
    assert not board.payload()["summary"]["checking"]
    board.add_block("LeNet")
    draft = board.draft()
    assert draft["summary"]["checking"] and draft["summary"]["fault"]["node"] == "wrong"
    assert not board.payload()["summary"]["checking"]


def test_a_fault_keeps_the_shapes_before_it():
    board = Board()
    board.add_block("Sequence generator")
    shapes = {edge["id"]: edge["shape"] for edge in board.payload()["edges"]}
    board.set("fork", "input_dim", 31)
    faulty = {edge["id"]: edge["shape"] for edge in board.payload()["edges"]}
    assert board.fault("fork") is not None
    assert {edge: shape for edge, shape in shapes.items() if faulty[edge] != shape}.keys() == {
        edge for edge, shape in faulty.items() if shape is None
    }
    assert board.shape("source", "source") == "batch × time"


def test_a_mistake_comes_before_what_is_unfinished():
    board = Board()
    board.add("Tanh")
    board.add_input("features", [None, 4])
    board.add("Linear", after="features", settings={"input_dim": 3, "output_dim": 2})
    first = board.payload()["summary"]["fault"]
    assert (first["node"], first["needs"]) == ("linear", None)
    assert not any(edge["fault"] for edge in board.payload()["edges"] if edge["target"] == "tanh")
    with pytest.raises(BuilderError, match="linear has a fault: linear.apply: input_ has shape"):
        board.complete_spec()
    board.apply_fix("linear")
    with pytest.raises(BuilderError, match="tanh is unfinished: connect an input"):
        board.complete_spec()


def test_a_fix_is_refused_where_there_is_none(board):
    with pytest.raises(BuilderError, match="mlp has no fault"):
        board.apply_fix("mlp")


def test_connect_replaces_what_was_there(board):
    board.add_input("other", [None, 4])
    board.connect("other", "other", "mlp", "input_")
    assert "other.other mlp.input_" in edges(board)
    assert "features.features mlp.input_" not in edges(board)


def test_connect_adds_to_an_input_of_several():
    board = Board()
    for name in "ab":
        board.add_input(name, [None, 2])
    board.add("concatenate", after="a", settings={"dim": 1})
    board.connect("b", "b", "concatenate", "tensors")
    assert board.shape("concatenate", "concatenate") == f"batch{TIMES}4"
    board.disconnect("concatenate", "tensors", index=0)
    assert edges(board) == ["b.b concatenate.tensors"]
    board.disconnect("concatenate", "tensors", index=0)
    assert edges(board) == []


def test_connect_refuses_a_cycle():
    board = Board()
    first = board.add("Tanh")
    second = board.add("Tanh", after=first)
    before = board.document
    with pytest.raises(BuilderError, match="would close a cycle: tanh"):
        board.connect(second, "output", first, "input_")
    assert board.document is before


@pytest.mark.parametrize(
    "ends, text",
    [
        (("nothing", "x", "mlp", "input_"), "there is no node 'nothing'"),
        (("features", "x", "mlp", "input_"), "features has no output 'x'; its outputs: features"),
        (("features", "features", "mlp", "inptu"), "mlp has no input 'inptu'.*input_"),
        (("features", "features", "targets", "x"), "targets is an input"),
        (
            ("mlp/linear_0", "output", "entropy", "y"),
            "cannot be edited, so unpack the brick of .* first",
        ),
    ],
)
def test_connect_refuses_what_is_not_there(board, ends, text):
    with pytest.raises(BuilderError, match=text):
        board.connect(*ends)


def test_what_fits_leaves_out_what_the_dtype_forbids(board):
    assert "Linear" in board.what_fits("features", "features")
    integers = board.what_fits("targets", "targets")
    assert "Linear" not in integers and "mean" not in integers and "LookupTable" in integers


def test_set_and_unset_change_settings(board):
    board.set("mlp", "dims", [4, 16, 3])
    assert "[4, 16, 3]" in board.code
    board.set("mlp", "use_bias", False)
    board.unset("mlp", "use_bias")
    assert "use_bias" not in board.code
    with pytest.raises(BuilderError, match="'use_bias' is not set"):
        board.unset("mlp", "use_bias")


def test_a_part_shows_what_its_parent_infers_and_can_be_changed(board):
    board.open("mlp")
    part = node(board, "mlp/linear_0")
    sizes = {one["name"]: one["inferred"] for one in part["settings"]}
    assert (sizes["input_dim"], sizes["output_dim"]) == (4, 8)
    board.set("mlp/linear_0", "use_bias", False)
    assert node(board, "mlp/linear_0")["parameters"] == 32
    board.unset("mlp/linear_0", "use_bias")
    assert node(board, "mlp/linear_0")["parameters"] == 40


@pytest.mark.parametrize(
    "given, text",
    [
        (("mlp", "dimz", 3), "MLP has no setting 'dimz'.*dims"),
        (("mlp/linear_7", "use_bias", 3), "mlp has no part 'linear_7'"),
        (("mlp", "dims", {1, 2}), "the value of a setting must consist of"),
        (
            ("features", "size", 3),
            "features has no setting 'size'; its settings are shape and dtype",
        ),
        (("features", "dtype", "flaot32"), "there is no dtype 'flaot32'.*float32"),
        (("features", "shape", [-1]), "a size must be a whole number"),
    ],
)
def test_set_refuses_what_is_not_possible(board, given, text):
    with pytest.raises(BuilderError, match=text):
        board.set(*given)


def test_a_setting_can_change_the_outputs_of_a_brick():
    board = Board()
    board.add_input("x", [None, 4])
    board.add("Fork", after="x", settings={"output_names": ["a", "b"]})
    assert [one["name"] for one in node(board, "fork")["outputs"]] == ["a", "b"]
    board.add("Tanh", after=["fork", "b"])
    board.set("fork", "output_names", ["b", "c"])
    assert [one["name"] for one in node(board, "fork")["outputs"]] == ["b", "c"]
    assert "fork.b tanh.input_" in edges(board)
    board.set("fork", "output_names", ["c"])
    assert edges(board) == ["x.x fork.input_"]


def test_rename_keeps_ids_edges_and_positions(board):
    board.move({"mlp": [5, 6]})
    board.rename("mlp", "classifier")
    board.rename("features", "pixels")
    found = node(board, "mlp")
    assert (found["title"], found["position"]) == ("classifier", (5, 6))
    assert found["outputs"][0]["wire"] == "classifier_apply_output"
    assert "features.pixels mlp.input_" in edges(board)
    assert 'pixels = tensor.variable("pixels", (None, 4))' in board.code


@pytest.mark.parametrize("name", ["", "a/b", "a.b", " a", 3, None])
def test_rename_refuses_names_that_paths_cannot_have(board, name):
    with pytest.raises(BuilderError, match="a name must be a nonempty string without slashes"):
        board.rename("mlp", name)


def test_rename_refuses_a_name_that_is_taken(board):
    with pytest.raises(BuilderError, match="already a brick with the name 'entropy'.*'entropy_2'"):
        board.rename("mlp", "entropy")
    with pytest.raises(BuilderError, match="already a variable with the name 'targets'"):
        board.rename("features", "targets")


def test_remove_drops_edges_and_bricks(board):
    board.remove(["mlp"])
    assert edges(board) == ["targets.targets entropy.y"]
    assert "MLP" not in board.code


def test_copy_and_paste_make_new_names(board):
    text = board.copy(["mlp", "features"])
    other = Board()
    assert set(other.paste(text, [100, 50])) == {"features", "mlp"}
    assert edges(other) == ["features.features mlp.input_"]
    new = board.paste(text)
    assert new == ["features_2", "mlp_2"] and "features_2.features_2 mlp_2.input_" in edges(board)


def test_paste_reads_specifications_and_code(board):
    spec = to_spec(Linear(2, 3, name="layer"))
    assert board.paste(spec.to_json()) == ["layer"]
    assert board.paste("from workbench.bricks import Tanh\nt = Tanh()") == ["tanh"]


@pytest.mark.parametrize(
    "text, error",
    [
        ("{", "the text does not describe a board"),
        ('{"board": 2, "spec": {}}', "version 2 of the board format"),
        ('{"board": 1, "spec": {"version": 1, "bricks": []}, "groups": {"a": {"name": "a",'
         ' "members": ["a"]}}}', "groups: .* contains itself"),
        ('{"board": 1, "spec": {"version": 1, "bricks": []}, "inputs": {"x": "x"}}', "inputs:"),
        ("import os\nos.remove('x'", "this is not Python code"),
    ],
)  # fmt: skip
def test_paste_refuses_broken_text(board, text, error):
    before = board.document
    with pytest.raises(BuilderError, match=error):
        board.paste(text)
    assert board.document is before


def test_duplicate_keeps_the_edges_between_the_copies(board):
    board.duplicate(["features", "mlp"])
    assert "features_2.features_2 mlp_2.input_" in edges(board)


def test_a_closed_group_shows_its_border(board):
    board.group(["mlp", "entropy"], "model")
    board.close("group")
    found = node(board, "group")
    assert [one["name"] for one in found["inputs"]] == ["mlp/input_", "entropy/y"]
    assert [one["name"] for one in found["outputs"]] == ["entropy/cost"]
    assert edges(board) == ["features.features group.mlp/input_", "targets.targets group.entropy/y"]
    board.disconnect("group", "mlp/input_")
    board.connect("features", "features", "group", "mlp/input_")
    assert len(edges(board)) == 2


def test_a_group_is_a_block_that_can_be_added_again(board):
    board.group(["mlp"], "my block")
    other = Board()
    assert other.add_block("my block") == ["group"]
    with pytest.raises(BuilderError, match="there is no block 'my blok'.*my block"):
        other.add_block("my blok")


def test_groups_nest_and_dissolve(board):
    inner = board.group(["mlp"])
    outer = board.group([inner, "entropy"])
    assert node(board, inner)["parent"] == outer
    assert board.unpack(outer) == ["entropy", inner] or board.document.parent(inner) is None
    board.unpack(inner)
    assert board.document.groups == {}
    with pytest.raises(BuilderError, match="is a brick|no nodes|list of ids"):
        board.group([])


def test_members_stay_where_they_are_when_a_group_is_made_and_dissolved(board):
    board.move({"features": [10, 20], "mlp": [50, 120]})
    before = dict(board.document.spec.positions)
    group = board.group(["features", "mlp"])
    places = board.document.spec.positions
    assert (places[group], places["features"]) == ((-18, 20), (28, 84))  # below the head
    assert places["mlp"] == (68, 184)
    board.unpack(group)
    assert board.document.spec.positions == before


def test_the_page_arranges_members_if_one_has_no_position(board):
    board.arrange()
    board.move({"mlp": [50, 120]})
    group = board.group(["features", "mlp"])
    assert board.document.spec.positions == {group: (22, 120)}


def test_an_open_brick_shows_the_edges_inside_of_it(board):
    board.open("mlp")
    assert [edge for edge in edges(board) if "/" in edge] == [
        "mlp.input_ mlp/linear_0.input_",
        "mlp/linear_0.output mlp/tanh.input_",
        "mlp/tanh.output mlp/linear_1.input_",
        "mlp/linear_1.output mlp.output",
    ]
    board.close("mlp")
    assert [edge for edge in edges(board) if "/" in edge] == []


def test_unpack_keeps_the_function_of_a_brick(board):
    before = board.payload()["summary"]
    new = board.unpack("mlp")
    assert new == ["linear_0", "tanh", "linear_1"]
    after = board.payload()["summary"]
    assert [after[key] for key in ("parameters", "flops")] == [
        before["parameters"],
        before["flops"],
    ]
    assert "linear_1.output entropy.y_hat" in edges(board)
    assert "Linear(4,8," in "".join(board.code.split()) and "MLP" not in board.code


def test_unpacked_parts_stand_one_below_another_where_the_brick_was(board):
    board.move({"features": [0, 0], "mlp": [0, 100], "entropy": [0, 200], "targets": [300, 0]})
    new = board.unpack("mlp")
    places = board.document.spec.positions
    assert new == ["linear_0", "tanh", "linear_1"] and {places[one][0] for one in new} == {0}
    tops = [places[one][1] for one in ("features", "tanh", "linear_1", "entropy")]
    assert all(below - above >= 100 for above, below in pairwise(tops))
    assert (places["linear_0"], places["targets"]) == ((0, 100), (300, 0))


def test_unpack_turns_what_a_brick_does_itself_into_operations():
    board = Board(Residual(Linear(3, 3), name="skip").apply(tensor.matrix("x")))
    board.unpack("skip")
    assert "add" in [one["type"] for one in board.payload()["nodes"]]
    assert board.shape("add", "add") == f"batch{TIMES}3"


def test_unpack_refuses_what_no_operations_can_do(board):
    board.add("LSTM", settings={"dim": 2})
    with pytest.raises(BuilderError, match="lstm"):
        board.unpack("lstm")
    with pytest.raises(BuilderError, match="features is an input"):
        board.unpack("features")


def test_set_cost_and_monitor_choose_outputs(board):
    board.set_cost(None)
    assert board.spec.cost is None
    board.set_cost("entropy", "cost")
    assert board.spec.cost == "cost"
    board.monitor("mlp", "output")
    assert node(board, "mlp")["monitored"] == ["output"]
    assert board.spec.monitored == ("mlp_apply_output",)
    board.monitor("mlp", "output", False)
    assert board.spec.monitored == ()
    with pytest.raises(BuilderError, match="the input features cannot be the cost"):
        board.set_cost("features", "features")


def test_the_only_output_of_a_node_need_not_be_named_to_be_the_cost(board):
    board.set_cost(None)
    board.set_cost("entropy")
    assert board.spec.cost == "cost"
    with pytest.raises(BuilderError, match="the input features cannot be the cost"):
        board.set_cost("features")
    part = board.group(["mlp", "entropy"])
    with pytest.raises(BuilderError, match="has the outputs of its members; pass the name of the"):
        board.set_cost(part)


def test_freeze_marks_bricks(board):
    board.freeze("mlp")
    assert node(board, "mlp")["frozen"] and board.document.frozen == {"mlp"}
    board.freeze("mlp", False)
    assert not node(board, "mlp")["frozen"]
    with pytest.raises(BuilderError, match="features has no parameters"):
        board.freeze("features")


def test_move_and_arrange_change_positions_only(board):
    before = board.payload()
    board.move({"mlp": [1, 2], "features": [3.5, 4]})
    after = board.payload()
    assert after["structure"] == before["structure"] and after["version"] > before["version"]
    assert node(board, "mlp")["position"] == (1, 2)
    board.arrange()
    assert node(board, "mlp")["position"] is None
    for place in ([1], ["a", 2], None, [float("nan"), 0]):
        with pytest.raises(BuilderError, match="a position must consist of two numbers"):
            board.move({"mlp": place})


@pytest.fixture
def apart():
    """Return a board with a narrow node above a wide one."""
    board = Board()
    board.add_input("x", [None, 3], position=[10, 20])
    board.add("Linear", [60, 300], name="a_layer_with_a_long_name_that_is_wide")
    return board


def box(board, node):
    """Return the box of a node as `save_image` draws it, at its position."""
    x, y = board.document.spec.positions[node]
    size = on_canvas(diagram(board.payload()), board.document.spec.positions).boxes[node]
    return x, y, size.width, size.height


@pytest.mark.parametrize(
    "side, along, part",
    [("left", 0, 0), ("centre", 0, 0.5), ("top", 1, 0), ("middle", 1, 0.5)],
)
def test_aligned_nodes_have_an_edge_or_their_centres_in_common(apart, side, along, part):
    before = apart.document.spec.positions
    apart.align(apart.document.ids(), side)
    first, second = (box(apart, one) for one in apart.document.ids())
    assert first[2] < second[2]
    ends = [one[along] + part * one[along + 2] for one in (first, second)]
    assert ends[0] == pytest.approx(ends[1], abs=1)
    after = apart.document.spec.positions
    assert all(before[one][1 - along] == after[one][1 - along] for one in before)
    assert apart.undo_name == "align 2 nodes"
    apart.undo()
    assert apart.document.spec.positions == before


def test_nodes_without_a_position_are_aligned_where_the_layout_puts_them(board):
    board.arrange()
    board.align(["mlp", "entropy"], "left")
    places = board.document.spec.positions
    assert places["mlp"][0] == places["entropy"][0] and places["mlp"][1] < places["entropy"][1]
    assert set(places) == set(board.document.ids())


@pytest.mark.parametrize(
    "nodes, side, text",
    [
        (["mlp"], "left", "a single node cannot be aligned"),
        (["mlp", "entropy"], "center", "must be one of 'left', .* did you mean 'centre'"),
        (["mlp", "features"], "left", "in different groups"),
        (["mlp", "nothing"], "left", "there is no node 'nothing'"),
    ],
)
def test_align_refuses_what_is_not_possible(board, nodes, side, text):
    board.group(["mlp", "entropy"])
    with pytest.raises(BuilderError, match=text):
        board.align(nodes, side)


def test_nodes_that_are_not_drawn_are_not_aligned(board):
    board.close(board.group(["mlp", "entropy"]))
    with pytest.raises(BuilderError, match="entropy is in a closed group; open"):
        board.align(["entropy", "mlp"], "left")


def test_the_structure_changes_with_nodes_and_edges(board):
    before = board.payload()["structure"]
    board.disconnect("mlp", "input_")
    assert board.payload()["structure"] > before


def test_set_method_applies_another_method():
    board = Board()
    board.add_input("x", [None, 3])
    board.add("Softmax", after="x")
    board.set_method("softmax", "log_probabilities")
    assert "softmax.log_probabilities(x)" in board.code
    with pytest.raises(BuilderError, match="softmax has no method 'aply'.*apply"):
        board.set_method("softmax", "aply")


def test_load_shows_a_saved_board(board):
    board.move({"mlp": [7, 8]})
    board.freeze("mlp")
    other = Board()
    other.load(board.payload()["document"])
    assert other.document == board.document


def test_show_keeps_positions_by_the_paths_of_bricks(board):
    board.move({"mlp": [7, 8], "features": [1, 1]})
    mlp = MLP([Tanh(), Tanh(), None], [4, 8, 8, 3])
    board.show(mlp.apply(tensor.matrix("features")))
    assert node(board, "mlp")["position"] == (7, 8)
    assert node(board, "features")["position"] == (1, 1)
    assert len(board.payload()["nodes"]) == 2


def test_code_that_renames_a_brick_keeps_its_place(board):
    board.move({"mlp": [7, 8]})
    board.set_code(board.code.replace("[4, 8, 3],", '[4, 8, 3], name="classifier",'))
    assert node(board, "mlp")["title"] == "classifier"
    assert node(board, "mlp")["position"] == (7, 8)


def test_an_edit_changes_only_its_part_of_the_code_that_a_person_wrote(board):
    text = f"# my model\nwidth = 8  # units\n{board.code}".replace("[4, 8, 3]", "[4, width, 3]")
    board.set_code(text)
    board.add("Tanh", after=["entropy", "cost"])
    assert board.code.startswith(text.rstrip()) and "tanh = Tanh()\n" in board.code
    board.set("mlp", "dims", [4, 9, 3])
    assert "# my model\nwidth = 8  # units\n" in board.code and "[4, 9, 3]" in board.code
    for _ in range(2):
        board.undo()
    assert board.code == text


def test_code_that_a_person_wrote_survives_values_and_inputs_that_code_does_not_contain(board):
    board.set_code(f"# my model\n{board.code}spare = tensor.matrix('spare')  # for later\n")
    board.set("mlp", "use_bias", True)
    assert "# my model" in board.code and "# for later" in board.code
    assert "monitored" not in board.code
    board.clear()
    assert board.code == "\n"


SEEDED = """from workbench import tensor
from workbench.bricks import Linear
from workbench.config import config
from workbench.initialization import Constant, IsotropicGaussian
config.default_seed = 42
init = IsotropicGaussian()
layer = Linear(4, 3, name="layer", weights_init=init, biases_init=Constant(0))
y = layer.apply(tensor.matrix("x"))
"""


def drawn_values(board):
    brick = board.built.bricks["layer"]
    brick.initialize()
    return brick.W.get_value()


def test_a_default_seed_in_the_code_determines_the_values_also_after_edits():
    board, other = Board(), Board()
    board.set_code(SEEDED)
    other.set_code(SEEDED.replace("config.default_seed = 42\n", ""))
    assert not np.allclose(drawn_values(board), drawn_values(other))
    with config.override(default_seed=42):
        assert np.allclose(drawn_values(board), drawn_values(Board(other.spec)))
    board.set("layer", "use_bias", False)
    assert "config.default_seed = 42\n" in board.code
    board.set_code(board.code.replace("42", "43"))
    with config.override(default_seed=43):
        assert np.allclose(drawn_values(board), drawn_values(Board(other.spec)))


@pytest.mark.parametrize(
    "line",
    [
        "layer.W.set_value(layer.W.get_value() * 0)",
        "layer.W.tensor.data[:] = 1",
        "layer.W.tensor.fill_(1)",
        "torch.nn.init.zeros_(layer.W.tensor)",
    ],
)
def test_the_code_pane_notes_that_values_of_parameters_are_not_drawn(line):
    board = Board()
    board.set_code(f"{SEEDED}layer.initialize()\n")
    assert board.payload()["code"]["fault"] is None
    board.set_code(f"import torch\n{SEEDED}layer.initialize()\n{line}\n")
    text = "values of parameters are not part of the canvas, so `"
    assert board.payload()["code"]["fault"]["text"].startswith(text)
    board.set("layer", "use_bias", False)
    assert board.payload()["code"]["fault"]["text"].startswith(text) and line in board.code


def test_a_statement_that_reads_a_removed_variable_becomes_a_comment(board):
    board.set_code(f"{board.code}found = mlp.children\nprint(found)\nprint('done')\n")
    board.remove(["mlp"])
    assert board.code.endswith("# found = mlp.children\n# print(found)\nprint('done')\n")


@pytest.mark.parametrize(
    "look",
    [
        lambda board: board.open("mlp"),
        lambda board: [board.open("mlp"), board.close("mlp")],
        lambda board: board.move({"mlp": [7, 8]}),
        lambda board: board.arrange(),
        lambda board: board.group(["mlp", "entropy"]),
        lambda board: board.freeze("mlp"),
        lambda board: board.refresh(),
        lambda board: [board.open("mlp"), board.undo()],
    ],
)
def test_code_that_a_person_wrote_stays_while_only_the_drawing_changes(board, look):
    text = f"# my model\n{board.code}"
    board.set_code(text)
    look(board)
    assert board.payload()["code"] == {"text": text, "fault": None}


def test_code_with_a_fault_is_drawn_with_the_fault_and_its_fix(board):
    text = f"# my model\n{board.code}".replace("[4, 8, 3]", "[5, 8, 3]")
    board.set_code(text)
    assert board.code == text and board.payload()["summary"]["fault"]["node"] == "mlp"
    assert {one["id"] for one in board.payload()["nodes"]} >= {"features", "mlp", "entropy"}
    assert board.fault("mlp").startswith("mlp/linear_0.apply: input_ has shape (?, 4)")
    board.apply_fix("mlp")
    assert board.fault("mlp") is None
    assert board.code.startswith("# my model\n") and "[4, 8, 3]" in board.code


def test_the_code_of_a_canvas_with_a_fault_can_be_edited(board):
    board.set("mlp", "dims", [5, 8, 3])
    board.set_code(f"# my model\n{board.code.replace('8, 3', '9, 3')}")
    assert board.document.bricks["mlp"].settings["dims"] == [5, 9, 3]
    assert board.code.startswith("# my model\n") and board.fault("mlp") is not None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("extra = features + mlp_output", "add(features"),
        ("extra = features.reshape((3, 7, 2, 2))", None),
        ("extra = wb.LookupTable(5, 6).apply(features)", "lookuptable.apply: indices have dtype"),
        ("extra = wb.SimpleRecurrent(7, wb.Tanh()).apply(features)", "simplerecurrent.apply: "),
    ],
)
def test_every_kind_of_wrong_shape_in_code_is_drawn(board, line, fault):
    known = set(board.document.calls)
    board.set_code(f"import workbench as wb\n{board.code}{line}\n")
    [new] = set(board.document.calls) - known
    assert (board.fault(new) or "").startswith(fault or "")
    assert board.document.calls[new].inputs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import workbench as wb\nmlp = wb.MLP", "^the code does not describe a model.*delete all"),
        ("x = 3", "^the code does not describe a model, so the canvas is unchanged"),
        ("import numpy\nx = numpy.ones(3)\n", r"^line 2: .*canvas is unchanged.*\(a call to numpy"),
        ("import workbench as wb\nx = given()\ndef build():\n    return wb.MLP([None], [2, 3])\n",
         r"^line 3: .*canvas is unchanged.*\(a statement of the kind FunctionDef\)"),
        ("import workbench as wb\nx = wb.tensor.matrix('x')\n"
         "try:\n    net = wb.MLP([None], [2, 3])\nfinally:\n    pass",
         r"^line 3: .*canvas is unchanged.*\(a statement of the kind Try\)"),
        ("import workbench as wb\nx = wb.tensor.matrix('x')\nls = [wb.Linear(3, 3) for i in some]\n"
         "for l in ls:\n    x = l.apply(x)",
         r"^line 4: `x` is computed .* cannot be read \('some' is not defined in this code\)"),
        ("import workbench as wb\nx = wb.tensor.matrix('x')\ncost = wb.Tanh().apply(x).mean()\n"
         "cost = penalised(cost)",
         "^line 4: `cost`, the cost of the model, cannot be read"),
    ],
)  # fmt: skip
def test_code_without_a_model_is_refused(board, text, message):
    before = board.document
    with pytest.raises(BuilderError, match=message):
        board.set_code(text)
    with pytest.raises(BuilderError, match=message):
        board.paste(text)
    assert board.document is before


def test_the_name_of_an_image_is_loaded_only_as_a_path(board):
    with pytest.raises(BuilderError, match=r"use board\.load\(Path\('model\.png'\)\)"):
        board.load("model.png")


def test_deleting_the_code_clears_the_board(board):
    board.set_code("# nothing\n")
    assert board.payload()["nodes"] == []


def test_unfinished_parts_survive_an_edit_of_the_code(board):
    board.add("Linear", [1, 1], settings={"output_dim": 5})
    board.add("add", after="features")
    board.add_input("spare", [None, 2])
    board.set_code(board.code.replace("8, 3", "9, 3"))
    kept = {one["id"] for one in board.payload()["nodes"]}
    assert {"linear", "add", "spare"} <= kept
    assert node(board, "linear")["position"] == (1, 1)


def test_a_brick_that_no_code_can_make_stays_on_the_board(board):
    board.add("MLP", [1, 1], name="broken", settings={"activations": [TANH], "dims": [4]})
    assert "broken" not in board.code.replace("broken_", "")
    board.set_code(board.code)
    assert node(board, "broken")["position"] == (1, 1)


def test_code_keeps_the_order_of_what_it_does_not_change(board):
    board.add_input("more", [None, 4])
    board.connect("more", "more", "entropy", "y_hat")
    before = board.spec
    board.set_code(board.code)
    assert board.spec == before


def test_undo_and_redo_name_what_they_do(board):
    board.rename("mlp", "net")
    assert board.undo_name == "rename mlp to net"
    board.undo()
    assert board.redo_name == "rename mlp to net" and node(board, "mlp")["title"] == "mlp"
    board.redo()
    assert node(board, "mlp")["title"] == "net" and board.redo_name is None
    with pytest.raises(BuilderError, match="there is nothing to redo"):
        board.redo()
    with pytest.raises(BuilderError, match="there is nothing to undo"):
        Board().undo()


OPERATIONS = {
    "add": lambda b: b.add("Tanh", [1, 2]),
    "add_input": lambda b: b.add_input(),
    "add_block": lambda b: b.add_block("block"),
    "add_inputs": lambda b: b.add_inputs([{"name": "a", "shape": [3], "dtype": "float32"}]),
    "remove": lambda b: b.remove(["mlp"], edges=[{"target": "entropy", "input": "y"}]),
    "duplicate": lambda b: b.duplicate(["mlp", "features"]),
    "paste": lambda b: b.paste(b.copy(["mlp"])),
    "connect": lambda b: b.connect("features", "features", "entropy", "y"),
    "disconnect": lambda b: b.disconnect("mlp", "input_"),
    "insert": lambda b: b.insert("Tanh", "mlp", "input_"),
    "insert_node": lambda b: b.insert_node("free", "mlp", "input_"),
    "put": lambda b: b.put(["mlp"], "group"),
    "set": lambda b: b.set("mlp", "dims", [4, 5, 3]),
    "unset": lambda b: b.unset("mlp", "dims"),
    "set_method": lambda b: b.set_method("softmax", "log_probabilities"),
    "set_cost": lambda b: b.set_cost("mlp", "output"),
    "monitor": lambda b: b.monitor("mlp", "output"),
    "rename": lambda b: b.rename("mlp", "other"),
    "freeze": lambda b: b.freeze("mlp"),
    "apply_fix": lambda b: b.apply_fix("broken"),
    "widen": lambda b: b.widen("mlp/linear_0", 900),
    "deepen": lambda b: b.deepen("mlp/linear_0"),
    "move": lambda b: b.move({"mlp": [9, 9]}),
    "arrange": lambda b: b.arrange(),
    "group": lambda b: b.group(["mlp", "entropy"], "block"),
    "unpack": lambda b: b.unpack("mlp"),
    "open": lambda b: b.open("mlp"),
    "close": lambda b: b.close("group"),
    "set_code": lambda b: b.set_code(b.code.replace("9,", "4,")),
    "show": lambda b: b.show(MLP([None], [2, 2])),
    "load": lambda b: b.load(Board().payload()["document"]),
    "clear": lambda b: b.clear(),
}  # fmt: skip


@pytest.fixture
def rich(board):
    """Return a board on which every operation is possible."""
    board.add("Softmax", after="mlp")
    board.add("Linear", [0, 0], name="broken", after="features",
              settings={"input_dim": 9, "output_dim": 2})  # fmt: skip
    board.group(["broken"], "block")
    board.add("Tanh", name="free")
    return board


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_can_be_undone_and_done_again(rich, name):
    before, drawn = rich.document, rich.payload()
    OPERATIONS[name](rich)
    after = rich.document
    assert after != before
    rich.undo()
    undone = rich.payload()
    assert rich.document == before
    assert undone["nodes"] == drawn["nodes"] and undone["edges"] == drawn["edges"]
    rich.redo()
    assert rich.document == after


def test_every_operation_of_a_page_is_a_method_with_a_test():
    from extensions_live.editor.intents import NAMES

    of_files = {"save_block", "rename_block", "remove_block"}  # they do not change the board
    of_editor = {name for name in NAMES if not hasattr(Board, name)}
    assert set(NAMES) - of_editor - of_files - {"undo", "redo"} <= set(OPERATIONS)
    assert [name for name in of_editor if not hasattr(Editor, name)] == []


def test_a_board_of_a_chain_of_bricks_can_be_read_from_its_text():
    board = Board()
    last = board.add_input("x", [None, 8])
    for _ in range(30):
        last = board.add("Linear", after=last, settings={"input_dim": 8, "output_dim": 8})
    assert read(json.dumps(board.document.to_dict())) == board.document
    names = [one["id"] for one in board.payload()["nodes"]]
    assert [f"{a}.{'x' if a == 'x' else 'output'} {b}.input_" for a, b in pairwise(names)] == edges(
        board
    )
    assert from_code(board.code).bricks == board.spec.bricks


def test_a_copy_shares_nothing_with_its_original(board):
    board.duplicate(["mlp", "features"])
    board.set("mlp_2", "dims", [4, 9, 3])
    board.disconnect("mlp_2", "input_")
    assert board.document.bricks["mlp"].settings["dims"] == [4, 8, 3]
    assert "features.features mlp.input_" in edges(board)


def test_a_copy_keeps_ports_that_settings_made():
    board = Board()
    board.add_input("x", [None, 4])
    board.add("Fork", after="x", settings={"output_names": ["a", "b"]})
    board.add("Merge", settings={"input_names": ["left", "right"], "output_dim": 2})
    board.connect("fork", "b", "merge", "left")
    board.connect("fork", "a", "merge", "right")
    board.duplicate(["fork", "merge"])
    copied = [edge for edge in edges(board) if "_2" in edge]
    assert copied == ["fork_2.b merge_2.left", "fork_2.a merge_2.right"]


def test_what_was_cut_comes_back_under_its_name(board):
    text = board.copy(["mlp"])
    board.remove(["mlp"])
    assert board.paste(text) == ["mlp"]
    assert board.document.bricks["mlp"].settings["dims"] == [4, 8, 3]


def test_the_gap_of_a_list_shows_what_is_inferred():
    board = Board()
    board.add_input("x", [None, 4])
    board.add("MLP", after="x", settings={"activations": [None, None], "dims": [None, 8, 3]})
    found = {one["name"]: one for one in node(board, "mlp")["settings"]}
    assert found["dims"]["value"] == [None, 8, 3]
    assert found["dims"]["inferred"] == [4, 8, 3]
    assert found["activations"]["inferred"] is None


def test_a_block_uses_an_unused_input_with_a_fitting_shape():
    board = Board()
    board.add_input("x", [None, None, 64])
    board.add_block("Transformer block")
    assert list(board.document.inputs) == ["x"]
    board.add_block("Transformer block")  # x is in use
    assert list(board.document.inputs) == ["x", "sequences"]


def test_a_block_keeps_its_own_input_if_that_of_the_board_does_not_fit():
    board = Board()
    board.add_input("features", [None, 5])
    board.add_block("LeNet")
    assert sorted(board.document.inputs) == ["features", "features_2", "targets"]


@pytest.mark.parametrize("name", BLOCKS)
def test_a_ready_block_survives_its_code_and_shows_its_parts(name):
    board = Board()
    board.add_block(name)
    assert board.payload()["summary"]["fault"] is None
    before = board.spec
    board.set_code(board.code)
    assert board.spec == before
    opened = next(one["id"] for one in board.payload()["nodes"] if one["open"] is not None)
    board.open(opened)
    assert any(edge.startswith(f"{opened}/") for edge in edges(board))


def test_insert_puts_a_brick_on_an_edge(board):
    new = board.insert("Tanh", "entropy", "y_hat", position=[5, 6])
    assert {"mlp.output tanh.input_", "tanh.output entropy.y_hat"} <= set(edges(board))
    assert "mlp.output entropy.y_hat" not in edges(board)
    assert (new, node(board, new)["position"], board.undo_name) == ("tanh", (5, 6), "insert tanh")
    assert board.fault("tanh") is None


def test_a_cost_of_scores_offers_a_softmax(board):
    assert "the outputs of mlp are scores; put a Softmax between" in board.fault("entropy")
    board.apply_fix("entropy")
    assert board.undo_name == "put a Softmax before entropy"
    assert board.payload()["summary"]["fault"] is None
    assert {"mlp.output softmax.input_", "softmax.output entropy.y_hat"} <= set(edges(board))


def test_nodes_make_room_for_what_is_inserted_in_the_same_edit(board):
    board.move({"mlp": [0, 100], "entropy": [0, 200]})
    board.insert("Tanh", "entropy", "y_hat", position=[5, 6], positions={"entropy": [0, 300]})
    board.add("Rectifier", name="free")
    board.insert_node("free", "mlp", "input_", position=[1, 2], positions={"mlp": [0, 150]})
    places = board.document.spec.positions
    assert (places["free"], places["mlp"], places["entropy"]) == ((1, 2), (0, 150), (0, 300))
    for _ in range(3):
        board.undo()
    assert dict(board.document.spec.positions) == {"mlp": (0, 100), "entropy": (0, 200)}
    with pytest.raises(BuilderError, match="there is no node 'gone'"):
        board.insert("Tanh", "entropy", "y_hat", positions={"gone": [0, 0]})


def test_insert_puts_a_brick_on_one_of_several_edges():
    board = Board()
    for name in "ab":
        board.add_input(name, [None, 3])
    board.add("concatenate", name="both", after="a")
    board.connect("b", "b", "both", "tensors")
    with pytest.raises(
        BuilderError, match="2 edges end at both.tensors; select an edge with index="
    ):
        board.insert("Tanh", "both", "tensors")
    board.insert("Tanh", "both", "tensors", index=1)
    assert set(edges(board)) == {"a.a both.tensors", "b.b tanh.input_", "tanh.output both.tensors"}
    with pytest.raises(BuilderError, match="both.tensors has 2 edges; there is no edge 7"):
        board.insert("Tanh", "both", "tensors", index=7)


def test_a_brick_on_an_edge_within_a_group_is_in_the_group(board):
    board.group(["mlp", "entropy"], "block")
    board.insert("Tanh", "entropy", "y_hat")
    assert set(board.document.groups["group"].members) == {"mlp", "entropy", "tanh"}
    board.insert("Tanh", "mlp", "input_")
    assert board.document.parent("tanh_2") is None


def test_an_edge_leads_through_a_node_that_was_free(board):
    board.add("Tanh", name="free")
    board.insert_node("free", "mlp", "input_")
    assert {"features.features free.input_", "free.output mlp.input_"} <= set(edges(board))
    with pytest.raises(
        BuilderError, match="free has no unconnected input, so it cannot be inserted"
    ):
        board.insert_node("free", "entropy", "y_hat")
    board.add("Tanh", name="other")
    with pytest.raises(
        BuilderError, match="no edge ends at other.input_; connect this input first"
    ):
        board.insert_node("free", "other", "input_")
    board.add("Tanh", name="last", after="mlp")
    board.disconnect("mlp", "input_")
    with pytest.raises(BuilderError, match="this edge would close a cycle: .*mlp"):
        board.insert_node("mlp", "last", "input_")


def test_put_moves_nodes_between_groups(board):
    outer = board.group(["mlp", "entropy"], "outer")
    inner = board.group(["mlp"], "inner")
    board.put(["features"], inner, {"features": [3, 4]})
    assert board.document.around("features") == [inner, outer]
    assert node(board, "features")["position"] == (3, 4)
    board.put(["mlp", "features"], None)
    assert board.document.parent("mlp") is None and inner not in board.document.groups
    assert node(board, "features")["position"] is None
    with pytest.raises(BuilderError, match="mlp is not a group; the groups are 'group'"):
        board.put(["features"], "mlp")
    with pytest.raises(BuilderError, match="the group outer cannot contain itself"):
        board.put([outer], outer)


def test_paste_can_keep_the_edges_from_other_nodes(board):
    text = board.document.to_json()
    assert board.paste(text, nodes=["mlp"], connected=True) == ["mlp_2"]
    assert "features.features mlp_2.input_" in edges(board)
    assert board.paste(text, nodes=["mlp", "entropy"], connected=True) == ["mlp_3", "entropy_2"]
    assert {"mlp_3.output entropy_2.y_hat", "targets.targets entropy_2.y"} <= set(edges(board))
    other = Board()
    other.paste(text, nodes=["mlp"], connected=True)
    assert edges(other) == []


def test_paste_keeps_the_order_of_several_edges():
    board = Board()
    for name in "abc":
        board.add_input(name, [None, 3])
    board.add("concatenate", name="all", after="a")
    for name in "bc":
        board.connect(name, name, "all", "tensors")
    board.paste(board.document.to_json(), nodes=["all", "b"], connected=True)
    given = [edge for edge in edges(board) if edge.endswith("all_2.tensors")]
    assert given == ["a.a all_2.tensors", "b_2.b_2 all_2.tensors", "c.c all_2.tensors"]


@pytest.fixture
def layers():
    """Return a board with two layers whose input dimensions are not set."""
    board = Board()
    board.add_input("features", [None, 784])
    board.add("Linear", name="first", after="features", settings={"output_dim": 20})
    board.add("Linear", name="last", after="first", settings={"output_dim": 10})
    return board


def test_a_size_that_an_edge_determines_is_inferred_and_stays_unset(layers):
    assert layers.fault("first") is None and layers.fault("last") is None
    for name, size in (("first", 784), ("last", 20)):
        shown = {one["name"]: one for one in node(layers, name)["settings"]}["input_dim"]
        assert (shown["given"], shown["inferred"]) == (False, size)
    assert "784, 20" in layers.code and "20, 10" in layers.code
    assert layers.built.bricks["last"].input_dim == 20
    layers.set("first", "output_dim", 30)
    assert layers.built.bricks["last"].input_dim == 30


def test_a_value_that_is_given_and_wrong_has_a_fix(layers):
    layers.set("last", "input_dim", 7)
    assert node(layers, "last")["fault"]["fix"] == {"label": "set input_dim to 20"}
    layers.unset("last", "input_dim")
    assert layers.fault("last") is None


def test_what_was_inferred_is_inferred_also_after_an_edit_of_the_code(layers):
    layers.set_code(layers.code.replace("784, 20", "784, 25").replace("20, 10", "25, 10"))
    assert layers.document.bricks["first"].settings["output_dim"] == 25
    assert "input_dim" not in layers.document.bricks["last"].settings
    layers.set("first", "output_dim", 30)
    assert layers.fault("last") is None and "30, 10" in layers.code


def test_open_nodes_change_no_positions_and_are_one_edit(board):
    board.move({"mlp": [10, 20]})
    before = board.document
    board.open("mlp")
    assert board.document.spec.positions == before.spec.positions
    board.undo()
    assert board.document is before


def test_a_brick_is_opened_and_unpacked_with_what_is_inferred():
    board = Board()
    board.add_input("features", [None, 6])
    parts = [{"brick": {"type": "Linear", "settings": {"output_dim": 4}}}, TANH]
    board.add("Sequence", after="features", settings={"application_methods": parts})
    assert board.fault("sequence") is None
    board.open("sequence")
    inner = [one for one in board.payload()["edges"] if one["source"].startswith("sequence/")]
    assert {one["shape"] for one in inner} == {f"batch{TIMES}4"}
    board.unpack("sequence")
    assert board.payload()["summary"]["fault"] is None


def test_a_new_node_is_connected_in_one_step(board):
    before = board.document
    board.add("SquaredError", after=["mlp", "output"], input="y_hat")
    assert "mlp.output squarederror.y_hat" in edges(board)
    board.undo()
    assert board.document == before
    board.disconnect("mlp", "input_")
    board.add("Tanh", before=["mlp", "input_"])
    assert "tanh.output mlp.input_" in edges(board)
    board.add_input("other", [None, 4], before=["tanh", "input_"])
    assert "other.other tanh.input_" in edges(board)
    with pytest.raises(BuilderError, match="before must be a node and one of its inputs, not 'm"):
        board.add("Tanh", before="mlp")


def test_pasted_nodes_do_not_hide_their_originals(board):
    board.move({"mlp": [10, 20]})
    text = board.copy(["mlp"])
    assert [node(board, *board.paste(text))["position"] for _ in range(2)] == [(50, 60), (90, 100)]
    board.remove(["mlp", "mlp_2", "mlp_3"])
    assert node(board, *board.paste(text))["position"] == (10, 20)


def test_undoing_an_insertion_within_a_group_gives_the_edge_back(board):
    board.group(["mlp", "entropy"], "block")
    before = edges(board)
    board.insert("Tanh", "entropy", "y_hat")
    board.undo()
    assert edges(board) == before


def test_another_method_keeps_the_edge_of_the_main_input():
    board = Board()
    scores = board.add("Linear", after=board.add_input("features", [None, 4]))
    softmax = board.add("Softmax", after=scores)
    board.set_method(softmax, "categorical_cross_entropy")
    edges = [(edge["source"], edge["input"]) for edge in board.payload()["edges"]]
    assert (scores, "x") in edges and (scores, "input_") not in edges
    board.set_method(softmax, "apply")
    edges = [(edge["source"], edge["input"]) for edge in board.payload()["edges"]]
    assert (scores, "input_") in edges


def test_a_module_of_torch_is_told_from_the_brick_of_its_name():
    board = Board()
    board.add("torch.nn.Linear", settings={"in_features": 2, "out_features": 3})
    board.add("Linear")
    types = sorted(brick.type for brick in board.document.bricks.values())
    assert types == ["Linear", "TorchModule"]


def test_flops_are_on_bricks_parts_operations_and_groups(board):
    product = board.add("matmul")
    assert board.flops(product) is None and node(board, product)["flops"] is None  # no inputs yet
    board.add_input("left", [None, 3, 4])
    board.add_input("right", [None, 4, 5])
    ports = [port["name"] for port in node(board, product)["inputs"]]
    for name, port in zip(("left", "right"), ports, strict=True):
        board.connect(name, name, product, port)
    assert board.flops(product) == node(board, product)["flops"] == 2 * 3 * 4 * 5
    assert board.flops("mlp") == node(board, "mlp")["flops"] == 2 * (4 * 8 + 8 * 3)
    assert (board.flops("mlp/linear_0"), board.flops("mlp/tanh")) == (2 * 4 * 8, 0)
    group = board.group(["mlp", product], "both")
    assert board.flops(group) == node(board, group)["flops"] == 2 * (32 + 24 + 60)
    assert board.flops("features") == 0
    with pytest.raises(BuilderError, match="there is no node 'nothing'"):
        board.flops("nothing")
