"""Diagrams of modules of torch."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from tests.support.svg import parsed
from workbench.builder import draw
from workbench.errors import ArgumentError


class Block(nn.Module):
    def __init__(self, channels, out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Block(16, 16), Block(16, 16))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32))
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(50, 8)
        self.lstm = nn.LSTM(8, 6, batch_first=True)
        self.out = nn.Linear(6 + 3, 2)

    def forward(self, words, extra):
        states, _ = self.lstm(self.words(words))
        return {"scores": self.out(torch.cat([states[:, -1], extra], dim=1)), "last": states}


def edges(image):
    return {(e.source, e.target): e.shape for e in image.diagram.edges}


def by_id(image):
    return {node.id: node for node in image.diagram.nodes}


def test_modules_are_inside_of_each_other():
    nodes = by_id(draw(ResNet(), inputs=[(None, 3, 64, 64)]))
    assert nodes["layer2.0.downsample.1"].parent == "layer2.0.downsample"
    assert nodes["layer2.0"].parent == "layer2" and nodes["layer2"].kind == "group"
    assert nodes["conv1"].type == "Conv2d" and nodes["conv1"].kind == "brick"


def test_edges_have_the_shapes_that_torch_computes():
    found = edges(draw(ResNet(), inputs=[(None, 3, 64, 64)]))
    assert found["x", "conv1"] == "batch × 3 × 64 × 64"
    assert found["conv1", "bn1"] == "batch × 16 × 32 × 32"
    assert found["fc", "output 0"] == "batch × 10"


def test_functions_between_modules_are_nodes():
    nodes = by_id(draw(ResNet(), inputs=[(None, 3, 64, 64)]))
    titles = {node.title for node in nodes.values() if node.kind == "operation"}
    assert {"relu", "adaptive_avg_pool2d", "flatten", "add"} <= titles
    assert nodes["layer1.0.add()"].parent == "layer1.0"


def test_counts_are_those_of_torch():
    module = ResNet().eval()
    image = draw(module, inputs=[(None, 3, 64, 64)])
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.zeros(1, 3, 64, 64))
    count = sum(p.numel() for p in module.parameters())
    assert image.diagram.summary == (
        f"{count:,} parameters · {counter.get_total_flops():,} FLOPs per example"
    )
    assert by_id(image)["conv1"].parameters == 2352
    assert by_id(image)["conv1"].flops == 2 * 2352 * 32 * 32


def test_the_input_is_taken_from_the_first_layer():
    image = draw(ResNet())
    assert edges(image)["x", "conv1"] == "batch × 3 × ? × ?"
    assert edges(image)["fc", "output 0"] == "batch × 10"
    assert "Inferred from the first layer: x is batch × 3 × ? × ?" in image.diagram.notes[0]


def test_several_inputs_and_outputs():
    image = draw(Two(), inputs=[torch.zeros(4, 7, dtype=torch.int64), (None, 3)])
    found = edges(image)
    assert found["words", "words@2"] == "batch × 7"
    assert found["extra", "cat()"] == "batch × 3" and found["cat()", "out"] == "batch × 9"
    assert {found["out", "output 0"], found["lstm", "output 1"]} == {"batch × 2", "batch × 7 × 6"}


def test_without_the_shapes_of_several_inputs_the_drawing_says_so():
    image = draw(Two())
    assert not image.diagram.edges and "lstm" in by_id(image)
    assert "pass the shapes of the inputs" in image.diagram.notes[0]
    assert "words, extra" in image.diagram.notes[0]


def test_an_example_of_the_wrong_shape_is_refused():
    with pytest.raises(ArgumentError, match=r"draw: Linear cannot run on .*\(None, 5\)"):
        draw(nn.Linear(4, 3), inputs=[(None, 5)])


@pytest.mark.parametrize("given", [3, [], ["x"], [(-1, 2)]])
def test_inputs_must_be_shapes_or_tensors(given):
    with pytest.raises(ArgumentError, match=r"draw: inputs(\[0\])? must be a"):
        draw(nn.Linear(4, 3), inputs=given)


def test_a_module_without_children_is_one_node():
    image = draw(nn.Linear(4, 3))
    assert edges(image) == {("input", "0"): "batch × 4", ("0", "output 0"): "batch × 3"}


def test_nested_containers():
    module = nn.Sequential(
        nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU())), nn.Linear(4, 2)
    )
    nodes = by_id(draw(module))
    assert nodes["0.1.0"].parent == "0.1" and nodes["0.1"].parent == "0"


def test_a_module_that_is_used_twice_has_two_nodes():
    layer = nn.Linear(3, 3)
    nodes = by_id(draw(nn.Sequential(layer, nn.ReLU(), layer)))
    assert nodes["0"].type == nodes["0@2"].type == "Linear"


def test_a_module_list_and_tied_weights():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
            self.layers[1].weight = self.layers[0].weight

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    image = draw(Tied())
    assert image.diagram.summary.startswith("15 parameters")
    assert edges(image)["layers.0", "layers.1"] == "batch × 3"


def test_attention_of_torch():
    module = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False
    )
    image = draw(module, inputs=[(None, 5, 8)])
    assert edges(image)["layers.1" if "layers.1" in {s for s, _ in edges(image)} else
                        "layers.1.norm2", "output 0"] == "batch × 5 × 8"  # fmt: skip


def test_a_module_that_returns_its_input_has_edges_of_its_own():
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(3, 3)
            self.same = nn.Identity()
            self.last = nn.Linear(3, 3)

        def forward(self, x):
            x = self.first(x)
            return self.same(x) + self.last(x)

    assert edges(draw(Skip())) == {
        ("x", "first"): "batch × 3",
        ("first", "same"): "batch × 3",
        ("first", "last"): "batch × 3",
        ("same", "add()"): "batch × 3",
        ("last", "add()"): "batch × 3",
        ("add()", "output 0"): "batch × 3",
    }


def test_modules_in_a_plain_list_are_functions():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Conv2d(3, 4, 3)]

        def forward(self, x):
            return self.layers[0](x)

    found = edges(draw(Plain(), inputs=[(None, 3, 8, 8)]))
    assert found["conv2d()", "output 0"] == "batch × 4 × 6 × 6"


def test_a_forward_that_needs_no_tensors_is_drawn_without_edges():
    class Batched(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(3, 3)

        def forward(self, batch):
            return [self.first(one["image"]) for one in batch]

    image = draw(Batched())
    assert not image.diagram.edges and "first" in by_id(image)
    assert "IndexError" in image.diagram.notes[1] or "TypeError" in image.diagram.notes[1]


def test_the_outputs_of_a_module_go_to_the_right_places():
    class Pair(nn.Module):
        def forward(self, x):
            return x[:, :2], x[:, 2:]

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.pair = Pair()
            self.left, self.right = nn.Linear(2, 1), nn.Linear(5, 1)

        def forward(self, x):
            left, right = self.pair(x)
            return self.right(right) - self.left(left)

    found = edges(draw(Model(), inputs=[(None, 7)]))
    assert found["pair.getitem()", "left"] == "batch × 2"
    assert found["pair.getitem()@2", "right"] == "batch × 5"


def test_the_module_does_not_change():
    module = ResNet()
    module.train()
    before = copy.deepcopy(module.state_dict())
    hooks = len(module.conv1._forward_hooks)
    state = torch.random.get_rng_state()
    draw(module, inputs=[(None, 3, 64, 64)])
    assert module.training and module.bn1.training
    assert all(torch.equal(a, before[name]) for name, a in module.state_dict().items())
    assert len(module.conv1._forward_hooks) == hooks
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_huge_module_needs_no_memory():
    with torch.device("meta"):
        module = nn.Linear(200_000, 1_000_000)
    assert "200,001,000,000 parameters" in draw(module).diagram.summary


def test_values_decide_what_is_computed():
    class Deciding(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(3, 3)

        def forward(self, x):
            return self.first(x) if x.sum() > 0 else x

    image = draw(Deciding())
    assert not image.diagram.edges and "depends on values" in image.diagram.notes[0]
    parsed(image.svg)


def test_a_lazy_module_is_drawn_without_shapes():
    image = draw(nn.Sequential(nn.LazyLinear(3)))
    assert by_id(image)["0"].type == "LazyLinear" and not image.diagram.edges
