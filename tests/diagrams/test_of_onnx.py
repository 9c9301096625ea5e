"""Diagrams of ONNX files; the files are made here with onnx itself."""

import numpy as np
import pytest

from tests.support.svg import parsed, texts
from workbench.builder import draw, to_mermaid
from workbench.errors import ArgumentError

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def model(nodes, inputs, outputs, weights, **options):
    """Return an ONNX model."""
    held = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "net", inputs, outputs, held, **options)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return made


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.fixture
def mlp():
    rng = np.random.default_rng(1)
    weights = {
        "fc1.weight": rng.normal(size=(784, 50)).astype("float32"),
        "fc1.bias": np.zeros(50, "float32"),
        "fc2.weight": rng.normal(size=(50, 10)).astype("float32"),
        "shape": np.array([-1, 784]),
    }
    nodes = [
        helper.make_node("Reshape", ["images", "shape"], ["flat"], name="/flatten/Reshape"),
        helper.make_node("Gemm", ["flat", "fc1.weight", "fc1.bias"], ["h"], name="/body/fc1/Gemm"),
        helper.make_node("Relu", ["h"], ["r"], name="/body/act/Relu"),
        helper.make_node("MatMul", ["r", "fc2.weight"], ["scores"], name="/body/fc2/MatMul"),
    ]
    return model(nodes, [value("images", ["batch", 1, 28, 28])], [value("scores", None)], weights)


def saved(made, tmp_path, **options):
    path = tmp_path / "net.onnx"
    onnx.save(made, str(path), **options)
    return path


def edges(image):
    titles = {node.id: node.title for node in image.diagram.nodes}
    return {(titles[e.source], titles[e.target]): e.shape for e in image.diagram.edges}


def test_nodes_groups_and_shapes(mlp, tmp_path):
    image = draw(saved(mlp, tmp_path))
    found = edges(image)
    assert found["images", "Reshape"] == "batch × 1 × 28 × 28"
    assert found["Gemm", "Relu"] == "? × 50" and found["MatMul", "scores"] == "? × 10"
    groups = [node for node in image.diagram.nodes if node.kind == "group"]
    assert [(group.title, group.parameters) for group in groups] == [("body", 39_750)]
    assert {"Gemm", "net.onnx"} & set(texts(image.svg)) == {"Gemm"}


def test_weights_are_counted(mlp, tmp_path):
    image = draw(str(saved(mlp, tmp_path)))
    count = 784 * 50 + 50 + 50 * 10
    assert image.diagram.summary.startswith(f"{count:,} parameters · opset ai.onnx 17")
    gemm = next(node for node in image.diagram.nodes if node.title == "Gemm")
    assert gemm.lines == ("weight 784 × 50", "bias 50") and gemm.parameters == 39_250


def test_attributes_are_shown(tmp_path):
    conv = helper.make_node(
        "Conv", ["x", "w"], ["y"], kernel_shape=[3, 3], strides=[2, 2], name="conv"
    )
    made = model([conv], [value("x", [1, 3, 9, 9])], [value("y", None)],
                 {"w": np.zeros((4, 3, 3, 3), "float32")})  # fmt: skip
    image = draw(saved(made, tmp_path))
    node = next(node for node in image.diagram.nodes if node.title == "Conv")
    assert "kernel_shape 3 × 3, strides 2 × 2" in node.lines
    assert edges(image)["Conv", "y"] == "1 × 4 × 4 × 4"


def test_a_weight_with_two_names_is_one_weight(tmp_path):
    nodes = [
        helper.make_node("Identity", ["onnx::b"], ["copy"]),
        helper.make_node("Gemm", ["x", "onnx::w", "copy"], ["y"], alpha=1.0, transB=1),
    ]
    weights = {"onnx::w": np.zeros((4, 3), "float32"), "onnx::b": np.zeros(4, "float32")}
    made = model(nodes, [value("x", [2, 3])], [value("y", None)], weights)
    image = draw(saved(made, tmp_path))
    assert edges(image) == {("x", "Gemm"): "2 × 3", ("Gemm", "y"): "2 × 4"}
    gemm = next(node for node in image.diagram.nodes if node.title == "Gemm")
    assert gemm.lines == ("transB 1", "B 4 × 3", "C 4")


def test_weights_in_other_files_are_not_read(mlp, tmp_path):
    path = saved(mlp, tmp_path, save_as_external_data=True, location="w.bin", size_threshold=0)
    (tmp_path / "w.bin").unlink()
    assert draw(path).diagram.summary.startswith("39,750 parameters")


def test_a_path_out_of_the_folder_is_not_opened(mlp, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 400_000)
    folder = tmp_path / "models"
    folder.mkdir()
    path = saved(mlp, folder, save_as_external_data=True, location="w.bin", size_threshold=0)
    held = onnx.load(str(path), load_external_data=False)
    for one in held.graph.initializer:
        for entry in one.external_data:
            if entry.key == "location":
                entry.value = "../secret"
    path.write_bytes(held.SerializeToString())
    secret.chmod(0)
    assert draw(path).diagram.summary.startswith("39,750 parameters")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is not an ONNX file, or has an empty graph"),
        (b"not an onnx file at all", "is not an ONNX file"),
        (b"\x08\xff\xff\xff", "is not an ONNX file"),
        (bytes(range(256)) * 8, "is not an ONNX file"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, content, text):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ArgumentError, match=rf"draw: .*broken\.onnx {text}"):
        draw(path)


def test_damaged_files_are_drawn_or_refused(mlp, tmp_path):
    for one in mlp.graph.initializer:
        one.ClearField("raw_data")  # so that most damage is elsewhere
        one.data_location = TensorProto.EXTERNAL
    path, rng = saved(mlp, tmp_path), np.random.default_rng(1)
    content, refused = bytearray(path.read_bytes()), 0
    for _ in range(150):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 6)):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            parsed(draw(path).svg)
        except ArgumentError as error:
            assert "net.onnx is" in str(error)
            refused += 1
    assert 0 < refused < 150


def test_half_a_file_is_refused(mlp, tmp_path):
    path = saved(mlp, tmp_path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ArgumentError, match=r"net\.onnx is not an ONNX file"):
        draw(path)


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"no\.onnx does not exist; give the path"):
        draw(tmp_path / "no.onnx")
    with pytest.raises(ArgumentError, match="is a folder"):
        draw(tmp_path)


def test_values_that_nothing_gives_are_named(tmp_path):
    made = model([helper.make_node("Relu", ["lost"], ["y"])], [], [value("y", None)], {})
    image = draw(saved(made, tmp_path))
    assert "The file does not define these values: lost." in image.diagram.notes


def test_nodes_in_a_circle_are_drawn(tmp_path):
    nodes = [helper.make_node("Relu", ["b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    made = model(nodes, [], [value("a", None)], {})
    parsed(draw(saved(made, tmp_path)).svg)


def test_wrong_shapes_give_a_note(tmp_path):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    made = model([node], [value("x", [2, 3])], [value("y", None)],
                 {"w": np.zeros((5, 4), "float32")})  # fmt: skip
    image = draw(saved(made, tmp_path))
    shapes = set(edges(image).values())
    assert shapes == {"2 × 3", "?"}


def test_names_are_only_text(tmp_path):
    name = '/<script>/"]/x'
    made = model([helper.make_node("Relu", ["x"], [name], name=name)],
                 [value("x", ["<b>"])], [value(name, None)], {})  # fmt: skip
    path = saved(made, tmp_path)
    assert "<script" not in draw(path)._repr_html_() + draw(path).svg
    assert "<" not in to_mermaid(path).replace("<br/>", "")


def test_a_branch_is_one_node_with_its_graph(tmp_path):
    inner = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["r"])], "then", [], [value("r", [2])]
    )
    branch = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    made = model([branch], [value("c", [], TensorProto.BOOL), value("x", [2])],
                 [value("y", [2])], {})  # fmt: skip
    node = next(n for n in draw(saved(made, tmp_path)).diagram.nodes if n.title == "If")
    assert "then_branch: a graph of 1 nodes" in node.lines


def test_without_onnx_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(
        ArgumentError, match="requires the package onnx; install it with pip install"
    ):
        draw(tmp_path / "net.onnx")
