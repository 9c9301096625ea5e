"""Readouts, emitters and feedback."""

import numpy
import pytest
import torch

from workbench import shared, tensor
from workbench.bricks import MLP, Bias, Linear, Tanh
from workbench.bricks.lazy import is_set
from workbench.bricks.parallel import Merge
from workbench.bricks.recurrent import LSTM
from workbench.bricks.sequence_generators import (
    AbstractEmitter,
    AbstractFeedback,
    AbstractReadout,
    LookupFeedback,
    Readout,
    SequenceGenerator,
    SoftmaxEmitter,
    TrivialEmitter,
    TrivialFeedback,
)
from workbench.initialization import IsotropicGaussian

SCHEMES = {
    "weights_init": IsotropicGaussian(1), "biases_init": IsotropicGaussian(1), "seed": 4
}  # fmt: skip
X = torch.randn(5, 3, 2, generator=torch.Generator().manual_seed(1))  # T x B x D
Y = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(2))


def made(**kwargs):
    readout = Readout(source_names=["x", "y"], readout_dim=3, **kwargs, **SCHEMES)
    readout.source_dims = [2, 4]
    readout.initialize()
    return readout


def test_sources_are_merged_and_a_bias_added():
    readout = made()
    x, y = (child.W.get_value() for child in readout.merge.children)
    expected = X.numpy() @ x + Y.numpy() @ y + readout.post_merge.parameters[0].get_value()
    for at in (slice(None), 0):
        got = readout.readout(x=X[at], y=Y[at], other=X[at])
        numpy.testing.assert_allclose(got, expected[at], rtol=1e-4, atol=1e-5)


def test_parts_may_be_other_bricks():
    deep = made(merge_prototype=Linear(), merged_dim=6, post_merge=MLP([Tanh()], [None, None]))
    assert [child.get_dim("output") for child in deep.merge.children] == [6, 6]
    assert deep.readout(x=X, y=Y).abs().max() <= 1
    assert deep.post_merge.get_dim("input_") == 6
    given = made(merge=Merge(prototype=Linear(use_bias=True)), post_merge=Bias())
    assert all(len(child.parameters) == 2 for child in given.merge.children)


def test_dimensions():
    readout = made(emitter=SoftmaxEmitter(), feedback_brick=LookupFeedback(3, 7))
    assert readout.get_dims(["readouts", "outputs", "feedback", "x", "y"]) == [3, 0, 7, 2, 4]
    assert made().get_dims(["outputs", "feedback"]) == [3, 3]
    assert readout.feedback(torch.tensor([0, 2])).shape == (2, 7)
    assert made().feedback(X).equal(X)


@pytest.mark.parametrize("at", [slice(None), 0], ids=["sequences", "one element"])
def test_softmax_costs_agree_with_torch(at):
    readouts, outputs = Y[at], torch.randint(4, (5, 3))[at]
    got = SoftmaxEmitter().cost(readouts, outputs)
    flat = torch.nn.functional.cross_entropy(
        readouts.reshape(-1, 4), outputs.reshape(-1), reduction="none"
    )
    torch.testing.assert_close(got, flat.reshape(outputs.shape))
    torch.testing.assert_close(SoftmaxEmitter().probs(readouts), torch.softmax(readouts, -1))


def test_initial_outputs():
    assert SoftmaxEmitter(3).initial_outputs(2).eval().tolist() == [3, 3]
    start = shared(numpy.int64(1), "start")
    outputs = SoftmaxEmitter(start).initial_outputs(tensor.matrix("x").shape[0])
    start.set_value(numpy.int64(2))
    assert outputs.eval({"x": numpy.zeros((3, 1), "float32")}).tolist() == [2, 2, 2]
    assert TrivialEmitter(4).initial_outputs(2).eval().equal(torch.zeros(2, 4))
    with pytest.raises(TypeError, match=r"softmaxemitter: initial_output is 0.5, but must be one "):
        SoftmaxEmitter(0.5).initial_outputs(2)


def test_a_trivial_emitter_may_get_a_cost():
    class Squared(TrivialEmitter):
        """Squared error."""

    assert Squared(2).cost(X, X).equal(torch.zeros(5, 3))


def test_what_cannot_be_is_named():
    with pytest.raises(ValueError, match=r"merge is .* and merge_prototype is .*; pass only one"):
        made(merge=Merge(), merge_prototype=Linear())
    with pytest.raises(ValueError, match=r"scalars, but must be v.* LookupFeedback\(3, feedb"):
        made(emitter=SoftmaxEmitter())
    with pytest.raises(ValueError, match=r"merged_dim is 5 and readout_dim is 3, but .* such as"):
        made(merged_dim=5)
    with pytest.raises(TypeError, match=r"the source 'y', .* with \(x, yy\); did you mean 'yy'"):
        made().readout(x=tensor.tensor3("x"), yy=tensor.tensor3("y"))
    with pytest.raises(ValueError, match="outputs has ndim=2 and readouts has ndim=2, but"):
        SoftmaxEmitter().cost(tensor.matrix("r"), tensor.lmatrix("y"))
    with pytest.raises(ValueError, match=r"the readout has the source 'state', .* mean 'states'?"):
        SequenceGenerator(Readout(source_names=["state"], readout_dim=1), LSTM(2)).allocate()


@pytest.mark.parametrize("brick", [AbstractEmitter, AbstractFeedback, AbstractReadout])
def test_interfaces_say_what_is_to_be_defined(brick):
    made = brick(["x"], 1, source_dims=[2]) if brick is AbstractReadout else brick()
    x = tensor.matrix("x")
    calls = {"feedback": [x], "emit": [x], "cost": [x, x], "initial_outputs": [3], "readout": []}
    for method, arguments in calls.items():
        if hasattr(brick, method):
            with pytest.raises(NotImplementedError, match=f"{brick.__name__} must .* {method}"):
                getattr(made, method)(*arguments)


def test_lookup_feedback_knows_the_size_of_its_vectors():
    feedback = LookupFeedback(3, 2)
    assert (feedback.output_dim, *feedback.get_dims(["outputs", "feedback"])) == (2, 0, 2)
    feedback.output_dim = 0  # what a readout of numbers hands down
    assert feedback.output_dim == feedback.feedback_dim == 2
    feedback.push_allocation_config()
    feedback.allocate()
    assert feedback.output_dim == feedback.lookup.dim == feedback.lookup.output_dim == 2
    feedback.output_dim = 5
    assert feedback.feedback_dim == 5
    feedback.allocate()
    assert feedback.lookup.W.shape == (3, 5)


@pytest.mark.parametrize("late", [False, True])
def test_a_readout_leaves_the_size_of_looked_up_vectors_alone(late):
    feedback = LookupFeedback(num_outputs=3) if late else LookupFeedback(3, 7)
    readout = Readout(
        SoftmaxEmitter(), feedback, source_names=["feedback"], source_dims=[7], readout_dim=3
    )
    readout.push_allocation_config()
    if late:
        assert not is_set(feedback.output_dim)
        with pytest.raises(ValueError, match="feedback_dim"):
            readout.allocate()
        feedback.output_dim = 7
    readout.allocate()
    assert feedback.output_dim == readout.get_dim("feedback") == feedback.lookup.W.shape[1] == 7


def test_a_feedback_that_is_given_learns_the_size_of_outputs():
    emitter, feedback = TrivialEmitter(), TrivialFeedback()
    readout = Readout(emitter, feedback, source_names=["x"], source_dims=[2], readout_dim=3)
    readout.allocate()
    assert feedback.output_dim == 3
