"""Bricks made from modules of torch, and what stays a module."""

import logging

import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from workbench.bricks import TorchModule, from_torch
from workbench.errors import BrickError
from workbench.graph import training_mode
from workbench.utils import find_bricks


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


VECTORS = torch.linspace(-2, 2, 24).reshape(6, 4)
IMAGES = torch.linspace(-1, 1, 2 * 3 * 8 * 8).reshape(2, 3, 8, 8).sin()
WORDS = torch.tensor([[0, 4], [2, 2]])

CONVERTED = [
    (nn.Identity(), VECTORS),
    (nn.Tanh(), VECTORS),
    (nn.Sigmoid(), VECTORS),
    (nn.ReLU(), VECTORS),
    (nn.LeakyReLU(0.2), VECTORS),
    (nn.GELU(), VECTORS),
    (nn.GELU("tanh"), VECTORS),
    (nn.SiLU(), VECTORS),
    (nn.Softplus(), VECTORS),
    (nn.Softmax(-1), VECTORS),
    (nn.Dropout(0.3), VECTORS),
    (nn.Flatten(), IMAGES),
    (nn.Linear(4, 3), VECTORS),
    (nn.Linear(4, 3, bias=False), VECTORS),
    (nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 0)), IMAGES),
    (nn.Conv2d(3, 4, 3, bias=False), IMAGES),
    (nn.BatchNorm1d(4), VECTORS),
    (nn.BatchNorm1d(4, affine=False), VECTORS),
    (nn.BatchNorm2d(3), IMAGES),
    (nn.Embedding(5, 3), WORDS),
    (nn.LayerNorm(4), VECTORS),
    (nn.LayerNorm(4, bias=False), VECTORS),
    (nn.LayerNorm(4, elementwise_affine=False), VECTORS),
    (nn.RMSNorm(4, eps=1e-5), VECTORS),
    (nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), IMAGES),
    (nn.AvgPool2d(3, stride=2, padding=1), IMAGES),
    (nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), IMAGES),
    (nn.AvgPool2d(3, stride=2, ceil_mode=True), IMAGES),
]

KEPT = [
    nn.LSTM(4, 3),
    nn.GRU(4, 3),
    nn.Conv2d(3, 3, 3, dilation=2),
    nn.Conv2d(3, 3, 3, groups=3),
    nn.Conv2d(3, 3, 3, padding="same"),
    nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect"),
    nn.Embedding(5, 3, padding_idx=0),
    nn.LayerNorm((2, 4)),
    nn.RMSNorm(4),
    nn.MaxPool2d(2, dilation=2),
    nn.AvgPool2d(2, divisor_override=3),
    nn.BatchNorm1d(4, track_running_stats=False),
    nn.BatchNorm1d(4, momentum=0.01),
    nn.BatchNorm2d(4, momentum=None),
    nn.Softplus(2.0),
    nn.Softmax(0),
    nn.Linear(4, 3, dtype=torch.float64),
    nn.Linear(4, 3).requires_grad_(False),
]


@pytest.mark.parametrize(("layer", "example"), CONVERTED, ids=lambda one: str(one)[:40])
def test_a_layer_becomes_a_brick_with_equal_outputs(layer, example):
    if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
        layer.train()(example * 2 + 1)  # so that its statistics are not the default ones
    brick = from_torch(layer)
    assert not isinstance(brick, TorchModule)
    assert_allclose(brick.apply(example), layer.eval()(example).detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layer", KEPT, ids=lambda one: str(one)[:40])
def test_a_layer_without_an_equal_brick_stays_a_module(layer, caplog):
    with caplog.at_level(logging.WARNING):
        brick = from_torch(nn.Sequential(nn.Identity(), layer))
    assert [type(child).__name__ for child in brick.children] == ["Identity", "TorchModule"]
    assert f"from_torch: 1 ({type(layer).__name__}): there is no equivalent brick" in caplog.text


@pytest.mark.parametrize(
    "layers, example",
    [
        ([nn.Conv1d(3, 8, 3), nn.ReLU(), nn.BatchNorm1d(8)], torch.ones(2, 3, 10)),
        ([nn.Conv2d(3, 4, 3), nn.Softmax(1)], IMAGES),
        ([nn.Conv2d(3, 4, 3), nn.Flatten(2), nn.BatchNorm1d(4)], IMAGES),
        ([nn.Conv2d(3, 4, 3), nn.Flatten(1, 2), nn.Softmax(1)], IMAGES),
        ([nn.Embedding(5, 3), nn.Linear(3, 4), nn.Softmax(-1)], torch.tensor([[0, 4], [1, 2]])),
    ],
)
def test_layers_for_vectors_stay_modules_after_layers_for_sequences_and_images(layers, example):
    module = nn.Sequential(*layers)
    brick = from_torch(module)
    assert isinstance(brick.children[-1], TorchModule)
    assert_allclose(brick.apply(example), module.eval()(example).detach(), rtol=1e-5, atol=1e-6)


def test_layers_for_vectors_become_bricks_after_flattening():
    layers = nn.Conv2d(3, 8, 3), nn.Flatten(), nn.BatchNorm1d(72), nn.Linear(72, 4), nn.Softmax(1)
    brick = from_torch(nn.Sequential(*layers))
    assert not any(isinstance(one, TorchModule) for one in brick.children)


def test_statistics_of_the_batch_are_equal_in_training_mode():
    layer = nn.BatchNorm1d(4, eps=0.1).train()
    brick = from_torch(layer)
    with training_mode(brick):
        found = brick.apply(VECTORS)
    assert_allclose(found, layer(VECTORS).detach(), atol=1e-6)


def network():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64, 8), nn.Sequential(nn.GELU(), nn.LayerNorm(8)), nn.Dropout(0.2),
    )  # fmt: skip


def test_there_and_back_is_the_same_network():
    module = network()
    module(IMAGES)
    back = from_torch(module).to_torch().eval()
    assert [type(part) for part in back.modules()] == [type(part) for part in module.modules()]
    assert_allclose(back(IMAGES).detach(), module.eval()(IMAGES).detach(), rtol=1e-4, atol=1e-5)


def test_bricks_are_named_after_the_modules():
    brick = from_torch(nn.Sequential(nn.Linear(4, 3), nn.Tanh()), name="net")
    assert [child.path() for child in brick.children] == ["net/linear_0", "net/tanh_1"]


def test_a_module_that_occurs_twice_is_one_brick():
    layer = nn.Linear(4, 4)
    brick = from_torch(nn.Sequential(layer, nn.Tanh(), layer))
    assert len(brick.children) == 2
    module = nn.Sequential(layer, nn.Tanh(), layer)
    assert_allclose(brick.apply(VECTORS), module(VECTORS).detach(), atol=1e-6)


def test_tied_layers_stay_one_module():
    one, other = nn.Linear(4, 4), nn.Linear(4, 4)
    other.weight = one.weight
    assert isinstance(from_torch(nn.Sequential(one, other)), TorchModule)


def test_a_hook_is_not_lost():
    layer = nn.Linear(4, 4)
    layer.register_forward_hook(lambda module, inputs, output: output + 1)
    assert isinstance(from_torch(layer), TorchModule)


def test_a_parametrised_layer_stays_a_module():
    layer = torch.nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    assert isinstance(from_torch(layer), TorchModule)


def test_values_are_copied_and_need_no_initialisation():
    layer = nn.Linear(4, 3)
    brick = from_torch(layer)
    assert brick.initialized and all(one.allocated for one in find_bricks([brick], bool))
    brick.W.set_value(torch.zeros(4, 3).numpy())
    assert layer.weight.abs().sum() > 0


def test_anything_else_is_refused():
    with pytest.raises(BrickError, match=r"requires a torch.nn.Module, .* not \[1, 2\]"):
        from_torch([1, 2])
