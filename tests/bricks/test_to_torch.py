"""Modules of torch made from bricks: structure, names, shared parameters, refusals, export."""

import numpy
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.torch import load_file, load_model, save_model

from workbench import tensor
from workbench.bricks import (
    MLP,
    BatchNormalization,
    Bias,
    Dropout,
    FeedforwardSequence,
    Initializable,
    LayerNormalization,
    Linear,
    Rectifier,
    Residual,
    Sequence,
    Softmax,
    SpatialBatchNormalization,
    Tanh,
    TorchModule,
    application,
)
from workbench.bricks.conv import (
    AveragePooling,
    Convolutional,
    ConvolutionalSequence,
    ConvolutionalTranspose,
    Flattener,
    MaxPooling,
    Pooling,
)
from workbench.bricks.lookup import LookupTable
from workbench.bricks.recurrent import LSTM, Bidirectional, SimpleRecurrent
from workbench.errors import BrickError, ParameterError
from workbench.initialization import Constant, IsotropicGaussian
from workbench.model import Model
from workbench.serialization import load_safetensors, save_safetensors

SCHEMES = {"weights_init": IsotropicGaussian(0.5), "biases_init": Constant(0.1)}
X = torch.linspace(-1, 1, 12).reshape(3, 4)


def initialised(brick):
    brick.initialize()
    return brick


def mlp():
    return initialised(MLP([Tanh(), None], [4, 3, 2], **SCHEMES))


def agree(brick, module, *inputs):
    wanted, found = brick.apply(*inputs), module.eval()(*inputs)
    assert_allclose(found.detach(), wanted, rtol=1e-5, atol=1e-6)


def test_parameters_have_the_names_and_layout_of_torch():
    brick = mlp()
    state = brick.to_torch().state_dict()
    assert list(state) == [
        "linear_0.weight", "linear_0.bias", "linear_1.weight", "linear_1.bias",
    ]  # fmt: skip
    assert_allclose(state["linear_0.weight"], brick.children[0].W.get_value().T)


def test_filters_are_flipped_because_torch_does_not_flip_them():
    brick = initialised(Convolutional((2, 3), 4, 1, **SCHEMES))
    weight = brick.to_torch().weight.detach()
    assert_allclose(weight, brick.W.get_value()[:, :, ::-1, ::-1])


def test_nested_sequences_become_nested_modules():
    inner = FeedforwardSequence([Linear(4, 3, **SCHEMES), Rectifier()], name="inner")
    brick = initialised(Sequence([inner, Linear(3, 2, **SCHEMES)], name="outer"))
    module = brick.to_torch()
    assert list(module.state_dict())[:2] == ["inner.linear.weight", "inner.linear.bias"]
    agree(brick, module, X)


def test_a_network_for_images_becomes_one_sequence_of_layers():
    layers = [
        Convolutional((3, 3), 4), SpatialBatchNormalization(), Rectifier(), MaxPooling((2, 2)),
    ]  # fmt: skip
    images = ConvolutionalSequence(layers, 1, (8, 8), border_mode="half", **SCHEMES)
    brick = initialised(Sequence([images, Flattener(), Linear(64, 2, **SCHEMES)]))
    module = brick.to_torch()
    names = [type(part).__name__ for part in module.modules() if not list(part.children())]
    assert names == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d", "Flatten", "Linear"]
    agree(brick, module, torch.rand(2, 1, 8, 8))


def test_a_residual_connection_becomes_a_module_with_visible_code():
    brick = initialised(Residual(Linear(4, 4), **SCHEMES))
    module = brick.to_torch()
    assert "linear = self.linear(input_)" in module.code
    assert isinstance(module.linear, torch.nn.Linear)
    agree(brick, module, X)


def test_a_brick_that_is_applied_twice_is_one_layer():
    linear = Linear(4, 4, **SCHEMES)
    brick = initialised(Sequence([linear, Tanh(), linear]))
    module = brick.to_torch()
    assert module.linear is module.linear_1
    assert len(list(module.parameters())) == 2
    agree(brick, module, X)


class Tied(Initializable):
    """Scores words by the table that also represents them."""

    def __init__(self, **kwargs):
        self.table = LookupTable(5, 3)
        super().__init__(children=[self.table], **kwargs)

    @application(inputs=["words"], outputs=["scores"])
    def apply(self, words):
        return self.table.apply(words) @ self.table.W.T


def test_a_parameter_that_is_used_outside_its_brick_stays_one_parameter():
    brick, words = initialised(Tied(**SCHEMES)), torch.tensor([[1, 2], [3, 4]])
    module = brick.to_torch(words)
    assert len(list(module.parameters())) == 1
    agree(brick, module, words)


class Doubled(Linear):
    """A linear transformation with another formula."""

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_):
        return 2 * (input_ @ self.W) + self.b


def test_a_subclass_is_not_taken_for_its_base_class():
    brick = initialised(Doubled(4, 2, **SCHEMES))
    module = brick.to_torch()
    assert isinstance(module, torch.fx.GraphModule)
    agree(brick, module, X)


def test_names_that_modules_use_themselves_are_changed():
    brick = initialised(Sequence([Linear(4, 4, name="forward", **SCHEMES), Tanh(name="training")]))
    module = brick.to_torch()
    assert [name for name, _ in module.named_children()] == ["forward_", "training_"]
    agree(brick, module, X)


def without_peepholes(lstm):
    for weight in lstm.parameters[1:4]:
        weight.set_value(numpy.zeros(lstm.dim))
    for state in lstm.parameters[4:]:
        state.set_value(numpy.linspace(0, 1, lstm.dim))
    return lstm


@pytest.mark.parametrize("reverse", [False, True])
def test_a_simple_transition_is_a_layer_that_starts_from_the_learned_state(reverse):
    rnn = SimpleRecurrent(3, Rectifier(), weights_init=IsotropicGaussian(0.5))

    class Reversed(Initializable):
        @application(inputs=["inputs"], outputs=["states"])
        def apply(self, inputs):
            return rnn.apply(inputs, reverse=reverse)

    brick = initialised(Reversed(children=[rnn]))
    rnn.parameters[1].set_value([0.1, 0.2, 0.3])
    inputs = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))
    module = brick.to_torch(inputs)
    assert [type(part) for part in module.modules()][-1] is torch.nn.RNN
    agree(brick, module, inputs)


def test_an_lstm_without_peepholes_has_the_order_of_gates_of_torch():
    lstm = without_peepholes(initialised(LSTM(3, weights_init=IsotropicGaussian(0.5))))
    module = lstm.to_torch(outputs=["states"])
    inputs = torch.randn(5, 2, 12, generator=torch.Generator().manual_seed(0))
    assert_allclose(module(inputs).detach(), lstm.apply(inputs)[0], atol=1e-6)
    assert [n for n, p in module.named_parameters() if not p.requires_grad] == ["lstm.weight_ih_l0"]


def test_a_bidirectional_brick_has_a_layer_for_each_direction():
    brick = initialised(Bidirectional(LSTM(3), weights_init=IsotropicGaussian(0.5)))
    for twin in brick.children:
        without_peepholes(twin)
    inputs = torch.randn(5, 2, 12, generator=torch.Generator().manual_seed(0))
    module = brick.to_torch(inputs, outputs=["states"])
    assert_allclose(module(inputs).detach(), brick.apply(inputs)[0], atol=1e-6)


def test_all_cells_of_an_lstm_are_refused():
    lstm = without_peepholes(initialised(LSTM(3, weights_init=IsotropicGaussian(0.5))))
    text = r"lstm: LSTM cannot .* does not return the cells .* to_torch\(outputs=\['states'\]\)"
    with pytest.raises(BrickError, match=text):
        lstm.to_torch()


def test_an_error_names_the_path_of_an_inner_brick():
    norm = BatchNormalization(3, mean_only=True)
    brick = initialised(Sequence([Linear(4, 3, **SCHEMES), norm], name="net"))
    text = r"net/batchnormalization: .* normalisation by the mean only \(mean_only=True\)"
    with pytest.raises(BrickError, match=text):
        brick.to_torch()


def test_a_brick_without_values_is_refused():
    with pytest.raises(ParameterError, match=r"not initialised: /linear.W"):
        Linear(4, 2).to_torch()


def test_an_unknown_output_or_method_is_refused():
    with pytest.raises(BrickError, match=r"mlp.apply has no output 'outptu', only output; did you"):
        mlp().to_torch(outputs=["outptu"])
    with pytest.raises(BrickError, match=r"no application method 'aply', only apply; did you mean"):
        mlp().to_torch(method="aply")


def test_an_example_for_an_unknown_input_is_refused():
    with pytest.raises(BrickError, match=r"inputs input_, but an example was given for 'x'"):
        mlp().to_torch({"x": X})
    with pytest.raises(BrickError, match=r"has the inputs input_, but 2 examples were given"):
        mlp().to_torch([X, X])


@pytest.mark.parametrize(
    "brick",
    [
        BatchNormalization((3, 2), name="pixels"),
        BatchNormalization(4, learn_scale=False),
        BatchNormalization(4, learn_scale=False, learn_shift=False),
        LayerNormalization(4, learn_scale=False),
        LayerNormalization(4, learn_scale=False, learn_shift=False),
        Linear(4, 2, use_bias=False, **SCHEMES),
        Convolutional((3, 2), 2, 1, (5, 6), tied_biases=False, **SCHEMES),
        Convolutional((3, 2), 2, 1, step=(2, 1), border_mode="full", use_bias=False, **SCHEMES),
        ConvolutionalTranspose((3, 2), 2, 1, step=(2, 1), border_mode=(1, 0), **SCHEMES),
        ConvolutionalTranspose((3, 3), 2, 1, unused_edge=(1, 0), step=(2, 2), **SCHEMES),
        ConvolutionalTranspose((3, 3), 2, 1, unused_edge=(2, 1), step=(2, 2), **SCHEMES),
        Pooling("sum", (2, 2), ignore_border=False),
        Pooling("max", (3, 3), padding=(2, 2)),
        AveragePooling((3, 3), padding=(1, 1), ignore_border=False),
        AveragePooling((3, 3), padding=(2, 2)),
    ],
    ids=lambda brick: brick.describe(),
)
def test_settings_are_kept(brick):
    initialised(brick)
    dim = brick.get_dim("input_")
    sizes = dim if isinstance(dim, tuple) else (dim,)
    example = torch.rand(2, *(n or 5 + i for i, n in enumerate(sizes)))
    agree(brick, brick.to_torch(example), example)


def test_a_wrapped_module_is_copied():
    own = torch.nn.Linear(4, 2)
    module = TorchModule(own).to_torch()
    assert type(module) is torch.nn.Linear
    assert module is not own and module.weight is not own.weight


def test_another_method_can_be_converted():
    module = Softmax().to_torch(X, method="apply")
    assert_allclose(module(X), torch.softmax(X, 1))
    with pytest.raises(BrickError, match=r"softmax: .* torch has no equivalent function for"):
        Softmax().to_torch(X, method="log_probabilities")


def test_dropout_keeps_its_probability():
    assert Dropout(0.3).to_torch().p == pytest.approx(0.3)


def test_torch_exports_the_module_for_any_batch_size():
    brick = initialised(Residual(MLP([Tanh(), None], [4, 3, 4]), **SCHEMES))
    sizes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(brick.to_torch().eval(), (X,), dynamic_shapes=sizes).module()
    more = torch.rand(7, 4)
    assert_allclose(program(more).detach(), brick.apply(more), atol=1e-6)


def test_safetensors_have_the_names_of_torch(tmp_path):
    brick = mlp()
    save_model(brick.to_torch(), tmp_path / "torch.safetensors")
    assert "linear_0.weight" in load_file(tmp_path / "torch.safetensors")
    other = torch.nn.Sequential()
    for name, sizes in (("linear_0", (4, 3)), ("tanh", ()), ("linear_1", (3, 2))):
        other.add_module(name, torch.nn.Linear(*sizes) if sizes else torch.nn.Tanh())
    load_model(other, tmp_path / "torch.safetensors")
    agree(brick, other, X)


def test_safetensors_can_have_the_paths_of_bricks(tmp_path):
    one, other = mlp(), mlp()
    other.children[0].W.set_value(numpy.zeros((4, 3)))
    of = [Model(brick.apply(tensor.matrix("x"))).parameters for brick in (one, other)]
    save_safetensors(of[0], tmp_path / "paths.safetensors")
    assert "mlp.linear_0.W" in load_file(tmp_path / "paths.safetensors")
    load_safetensors(of[1], tmp_path / "paths.safetensors")
    assert_allclose(other.apply(X), one.apply(X))


class Scaled(Initializable):
    """A brick of a user with its own layer."""

    def __init__(self, **kwargs):
        self.bias = Bias(4)
        super().__init__(children=[self.bias], **kwargs)

    def _torch_layer(self, call):
        return torch.nn.Identity() if call.plain else None

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_):
        return self.bias.apply(input_)


def test_a_brick_can_define_its_own_layer():
    assert type(initialised(Scaled(**SCHEMES)).to_torch()) is torch.nn.Identity


def test_a_missing_example_of_an_input_is_named(tmp_path):
    class Two(torch.nn.Module):
        def forward(self, left, right):
            return left + right

    brick = TorchModule(Two())
    with pytest.raises(BrickError, match="inputs left, right, but no example was given for right"):
        brick.to_onnx(tmp_path / "two.onnx", (None, 3))
    brick.to_onnx(tmp_path / "two.onnx", [(None, 3), (None, 3)])
