"""Images and Mermaid text of bricks, graphs, models and specifications."""

import pytest
import torch

from tests.support.svg import in_page, parsed, texts
from workbench import tensor
from workbench.bricks import MLP, Brick, Linear, Sequence, Softmax, Tanh
from workbench.bricks.cost import CategoricalCrossEntropy
from workbench.bricks.recurrent import LSTM
from workbench.builder import BLOCKS, draw, from_spec, to_mermaid
from workbench.errors import ArgumentError
from workbench.graph import ComputationGraph, apply_dropout
from workbench.graph.counts import count_flops, count_parameters
from workbench.initialization import Uniform
from workbench.model import Model


@pytest.fixture
def mlp():
    return MLP([Tanh(), Softmax()], [784, 100, 10])


@pytest.fixture
def cost(mlp):
    found = CategoricalCrossEntropy().apply(
        tensor.lvector("targets"), mlp.apply(tensor.matrix("features"))
    )
    found.name = "cost"
    return found


def by_title(image):
    return {node.title: node for node in image.diagram.nodes}


def edges_by_title(image):
    titles = {node.id: node.title for node in image.diagram.nodes}
    return {(titles[e.source], titles[e.target]): e.shape for e in image.diagram.edges}


# Graphs.


def test_a_graph_has_its_bricks_inside_of_each_other(cost):
    image = draw(cost)
    nodes = by_title(image)
    assert nodes["linear_0"].parent == "mlp" and nodes["mlp"].kind == "group"
    assert nodes["categoricalcrossentropy"].kind == "cost"
    assert nodes["features"].kind == "input" and nodes["targets"].type == "int64"


def test_edges_have_shapes(cost):
    edges = edges_by_title(draw(cost))
    assert edges["features", "linear_0"] == "batch × 784"
    assert edges["linear_0", "tanh"] == "batch × 100"
    assert edges["softmax", "categoricalcrossentropy"] == "batch × 10"
    assert edges["categoricalcrossentropy", "cost"] == "scalar"


def test_parameters_have_shapes_and_roles(cost):
    lines = by_title(draw(cost))["linear_0"].lines
    assert lines[:2] == ("W 784 × 100 WEIGHT", "b 100 BIAS")


def test_counts_are_those_of_the_graph(cost):
    image = draw(cost)
    flops = count_flops(cost, {"features": (1, 784), "targets": (1,)})
    assert f"{count_parameters(cost):,} parameters" in image.diagram.summary
    assert f"{flops.total:,} FLOPs" in image.diagram.summary
    assert f"{flops.by_brick['mlp/linear_0']:,} FLOPs" in by_title(image)["linear_0"].facts[-1]


def test_the_role_of_an_output_is_shown(cost):
    assert by_title(draw(cost))["cost"].lines == ("COST",)


def test_a_graph_names_its_auxiliary_variables_and_updates(cost):
    page = ComputationGraph(cost)._repr_html_()
    assert "Auxiliary variables: W_norm, b_norm" in page


def test_a_graph_that_was_changed_is_drawn_as_it_is(cost):
    graph = ComputationGraph(cost)
    dropped = apply_dropout(graph, [graph.inputs[0]], 0.5)
    assert "linear_0" in by_title(draw(dropped))
    assert len(draw(dropped).diagram.nodes) > len(draw(graph).diagram.nodes)


def test_operations_between_bricks_are_nodes():
    x = tensor.matrix("x")
    first, second = Linear(4, 3, name="first"), Linear(4, 3, name="second")
    edges = edges_by_title(draw(torch.tanh(first.apply(x) + second.apply(x))))
    assert edges["first", "add"] == edges["second", "add"] == edges["add", "tanh"] == "batch × 3"


def test_a_brick_that_is_used_twice_has_two_nodes():
    x, layer = tensor.matrix("x"), Linear(3, 3)
    nodes = draw(layer.apply(layer.apply(x))).diagram.nodes
    assert [node.title for node in nodes if node.type == "Linear"] == ["linear", "linear"]
    assert any("FLOPs of 2 uses" in line for node in nodes for line in node.facts)


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_is_drawn(name):
    built = from_spec(BLOCKS[name].spec)
    image = draw(built)
    assert parsed(image.svg) is not None
    assert f"{count_parameters(*built.bricks.values()):,} parameters" in image.diagram.summary
    inputs = {node.title for node in image.diagram.nodes if node.kind == "input"}
    assert inputs == set(built.inputs)
    titles = {node.id for node in image.diagram.nodes}
    assert all({edge.source, edge.target} <= titles for edge in image.diagram.edges)


@pytest.mark.parametrize("name", BLOCKS)
def test_every_node_of_a_block_is_connected(name):
    diagram = draw(from_spec(BLOCKS[name].spec)).diagram
    ends = {edge.source for edge in diagram.edges} | {edge.target for edge in diagram.edges}
    groups = {node.parent for node in diagram.nodes}
    assert {node.id for node in diagram.nodes} - groups <= ends


def test_the_inside_of_a_loop_is_drawn():
    image = draw(from_spec(BLOCKS["Sequence generator"].spec))
    nodes = {node.id: node for node in image.diagram.nodes}
    inside = {node.title for node in nodes.values() if node.parent == "scan"}
    assert inside == {"transition", "attention", "distribute"}
    titles = edges_by_title(image)
    assert titles["fork_inputs", "add"] == "batch × 32"  # one step
    assert titles["preprocess", "add"] == "time × batch × 32"


# Bricks.


def test_a_brick_is_drawn_without_being_applied(mlp):
    image = draw(mlp)
    assert edges_by_title(image)["input_", "linear_0"] == "batch × 784"
    assert not mlp.allocated and not mlp.children[0].allocated


def test_a_brick_is_drawn_in_the_same_way_after_it_was_applied(mlp):
    before = draw(mlp).svg
    mlp.apply(tensor.matrix("x"))
    parameters = list(mlp.children[0].parameters)
    assert draw(mlp).svg == before
    assert list(mlp.children[0].parameters) == parameters


def test_a_recurrent_brick_has_sequences():
    found = edges_by_title(draw(LSTM(5)))
    assert found["inputs", "lstm"] == "time × batch × 20"


def test_a_brick_of_unknown_shapes_shows_what_is_inside():
    image = draw(Sequence([Tanh(), Tanh(name="second")], name="both"))
    assert set(by_title(image)) == {"both", "tanh", "second"} and not image.diagram.edges
    assert "Shapes are unknown" in image.diagram.notes[0]


def test_a_single_brick_of_unknown_shapes_cannot_be_drawn():
    with pytest.raises(ArgumentError, match="draw: the input shapes of <Tanh tanh>.*apply"):
        draw(Tanh())


def test_drawing_draws_no_random_numbers():
    values = []
    for drawn in (True, False):
        made = MLP([Tanh()], [7, 3], weights_init=Uniform(width=1), seed=3, use_bias=False)
        if drawn:
            made._repr_html_()
            draw(made)
        made.initialize()
        values.append(made.children[0].W.get_value())
    assert (values[0] == values[1]).all()


# What a notebook shows.


def test_the_page_of_a_brick_has_its_image_and_its_tree(mlp):
    page = mlp._repr_html_()
    assert "linear_0" in texts(in_page(page)) and "<details" in page


@pytest.mark.parametrize("made", [Model, ComputationGraph])
def test_the_page_of_a_graph_has_its_image(made, cost):
    assert {"features", "batch × 784", "softmax"} <= set(texts(in_page(made(cost)._repr_html_())))


def test_pages_have_no_scripts_or_styles(cost):
    for page in (Model(cost)._repr_html_(), draw(cost)._repr_html_()):
        assert "<script" not in page and "<style" not in page and "<svg" not in page


def test_the_same_model_gives_the_same_page(cost):
    assert Model(cost)._repr_html_() == Model(cost)._repr_html_()


def test_a_name_cannot_break_the_page():
    brick = Sequence([Tanh(name='"><script>alert(1)<')], name="<svg onload=x>")
    assert "<script" not in brick._repr_html_() and "<svg" not in brick._repr_html_()


def test_a_large_model_starts_with_closed_groups():
    layers = [Sequence([Linear(4, 4), Tanh()], name=f"block_{i}") for i in range(60)]
    image = draw(Sequence(layers, name="deep").apply(tensor.matrix("x")))
    assert len(image.diagram.nodes) <= 100
    assert all(not node.open for node in image.diagram.nodes if node.title.startswith("block"))
    assert len(draw(Sequence(layers, name="two"), depth=1).diagram.nodes) <= 100


# Arguments.


def test_mermaid_text_of_a_model(cost):
    text = to_mermaid(Model(cost))
    assert text.startswith("flowchart TD\n") and '-->|"batch × 784"|' in text
    assert text == to_mermaid(cost)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ArgumentError, match="draw: 3 cannot be drawn; pass a brick, variables"):
        draw(3)


def test_inputs_are_for_modules(mlp):
    with pytest.raises(
        ArgumentError, match="inputs can be passed only for a torch module, but the .* is <M"
    ):
        draw(mlp, inputs=[(None, 784)])


def test_a_brick_whose_class_fails_is_drawn_as_a_tree():
    class Odd(Brick):
        def get_dim(self, name):
            raise RuntimeError("odd")

    assert "<details" in Odd(children=[Tanh()])._repr_html_()
