"""Every brick compiles, in evaluation and in training mode, with the results of the eager tier."""

import warnings

import pytest
import torch

from tests.contracts.test_bricks import Row, applied, each, symbols
from workbench import bricks, errors, function, grad, tensor
from workbench.graph import ComputationGraph, apply_training_mode
from workbench.graph.modes import ModeDependent
from workbench.tensor.execution.compiled import Compiled
from workbench.utils import find_bricks


def program(row: Row, training: bool):
    """Return inputs, output and gradients of a brick; None if the mode has no effect."""
    brick, given = row.made(), symbols(row)
    brick.initialize()
    output = applied(row, brick, given)
    depends = find_bricks([brick], lambda part: isinstance(part, ModeDependent))
    if training:
        trained = apply_training_mode(ComputationGraph([output])).outputs[0]
        assert (trained is not output) == bool(depends)
        if trained is output:
            return None
        output = trained
    if not output.dtype.is_floating_point:
        return given, [output], ComputationGraph([output])
    cost = (output**2).sum()
    parameters = ComputationGraph(cost).parameters
    gradients = grad(cost, parameters) if parameters else []
    return given, [output, *gradients], ComputationGraph([output, *gradients])


@pytest.mark.slow
@each
@pytest.mark.parametrize("mode", ["evaluation", "training"])
def test_compiles_and_computes_the_same(row, mode, capfd):
    made = program(row, mode == "training")
    if made is None:  # the program is the same as in evaluation mode
        return
    given, outputs, graph = made
    start = [(v, v.get_value()) for v in graph.shared_variables]  # counters of random streams, too
    expected = function(given, outputs, execution="eager")(*row.all_inputs)
    for variable, value in start:
        variable.set_value(value)
    capfd.readouterr()
    f = function(given, outputs, execution="compiled")
    computed = f(*row.all_inputs)
    assert isinstance(f.execution.tier, Compiled)
    for ours, theirs in zip(computed, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-4, atol=2e-5)
    assert capfd.readouterr().err == ""


def wrapped(module, training):
    x = tensor.tensor3("x")
    output = bricks.TorchModule(module).apply(x)
    if training:
        output = apply_training_mode(ComputationGraph([output])).outputs[0]
    return x, output


class Decoder(torch.nn.Module):
    """Test causal attention and a gated layer, as in decoders of other libraries."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = torch.nn.Linear(8, 24, bias=False), torch.nn.Linear(8, 8, bias=False)
        self.norm, self.up, self.down = (
            torch.nn.RMSNorm(8),
            *(torch.nn.Linear(*sizes) for sizes in [(8, 32), (16, 8)]),
        )

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.qkv(self.norm(x)).view(b, t, 3, 2, 4).permute(2, 0, 3, 1, 4)
        y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, 8))
        gate, up = self.up(self.norm(x)).chunk(2, -1)
        return x + self.down(torch.nn.functional.silu(gate) * up)


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "module",
    [
        torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True),
        Decoder(),
        torch.nn.Sequential(
            torch.nn.Linear(8, 8), torch.nn.Dropout(0.0), torch.nn.AlphaDropout(0.0)
        ),
    ],
    ids=lambda module: type(module).__name__,
)
def test_modules_of_torch_that_leave_nothing_out_compile(module, training, capfd):
    x, output = wrapped(module, training)
    value = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(1))
    f = function([x], output, execution="compiled")
    torch.testing.assert_close(f(value), module(value).detach(), rtol=1e-4, atol=1e-5)
    assert isinstance(f.execution.tier, Compiled)
    assert capfd.readouterr().err == ""


def test_a_random_leak_is_none_in_evaluation_mode():
    x, output = wrapped(torch.nn.RReLU(0.25, 0.25), training=False)
    f = function([x], output, execution="compiled")
    assert f(torch.full((2, 2, 2), -4.0)).unique().tolist() == [-1.0]
    assert isinstance(f.execution.tier, Compiled)


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (torch.nn.Dropout(0.5), "the module Dropout draws random numbers from torch's"),
        (torch.nn.RReLU(), "the module RReLU draws random numbers from torch's"),
    ],
)
def test_draws_have_a_one_line_reason_not_to_compile(module, reason, capfd):
    x, output = wrapped(module, training=True)
    f = function([x], output, execution="compiled")
    with pytest.warns(errors.CompilationWarning) as caught:
        f(torch.ones(2, 3, 4))
    [warning] = caught
    assert reason in str(warning.message) and "\n" not in str(warning.message)
    assert capfd.readouterr().err == ""


def test_other_reasons_are_one_line_of_ours(capfd):
    x = tensor.matrix("x")
    sequence = tensor.scan(lambda a, s: torch.tanh(s + a), sequences=[x], states=[x[0]])
    cost = (sequence[0] if isinstance(sequence, (list, tuple)) else sequence).pow(2).sum()
    [first] = grad(cost, [x])
    [second] = grad((first**2).sum(), [x])
    solved = torch.linalg.lstsq(x, x).solution
    for output, reason in [
        (second, "computed through a scan"),
        (solved, "torch cannot infer the result"),
    ]:
        f = function([x], output, execution="compiled")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", errors.CompilationWarning)
            f(torch.rand(6, 3, generator=torch.Generator().manual_seed(0)))
        assert reason in f.execution.described and "\n" not in f.execution.described
    assert capfd.readouterr().err == ""
