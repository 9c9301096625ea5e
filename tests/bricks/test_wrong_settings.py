"""Wrong settings of bricks, and unknown parts: errors name the place and the setting."""

import numpy as np
import pytest
import torch

from workbench import tensor
from workbench.bricks import (
    MLP,
    BatchNormalization,
    BatchNormalizedMLP,
    Dropout,
    LayerNormalization,
    LeakyRectifier,
    Linear,
    Maxout,
    MultiHeadAttention,
    Residual,
    RMSNormalization,
    Sequence,
    Swish,
    Tanh,
    TransformerBlock,
)
from workbench.bricks.attention import AttentionRecurrent, SequenceContentAttention
from workbench.bricks.base import Brick
from workbench.bricks.conv import Convolutional, ConvolutionalSequence
from workbench.bricks.lookup import LookupTable
from workbench.bricks.parallel import Fork, Merge, Parallel
from workbench.bricks.recurrent import (
    LSTM,
    Bidirectional,
    GatedRecurrent,
    RecurrentStack,
    SimpleRecurrent,
)
from workbench.bricks.sequence_generators import (
    FakeAttentionRecurrent,
    LookupFeedback,
    Readout,
    SequenceGenerator,
    SoftmaxEmitter,
)
from workbench.errors import ApplicationError, BrickError, NotConfiguredError, ShapeError
from workbench.initialization import Constant

EMITTER = SoftmaxEmitter()
SCHEMES = {"weights_init": Constant(0), "biases_init": Constant(0)}


@pytest.mark.parametrize("number", [0, -3, 2.5, "two", True])
@pytest.mark.parametrize(
    ("brick", "setting"),
    [
        (LookupTable, "length"),
        (LookupFeedback, "num_outputs"),
        (Maxout, "num_pieces"),
        (MultiHeadAttention, "num_heads"),
        (TransformerBlock, "num_heads"),
        (Convolutional, "num_filters"),
        (ConvolutionalSequence, "num_channels"),
    ],
)
def test_numbers_of_things_are_checked_when_they_are_given(brick, setting, number):
    made = brick([Tanh()]) if brick is ConvolutionalSequence else brick()
    text = rf"^{made.name}: {setting} is {number!r}, but must be a whole number >= 1"
    with pytest.raises(BrickError, match=text):
        setattr(made, setting, number)
    setattr(made, setting, np.int64(2))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Fork("ab"), r"^fork: the names are 'ab', but must be a list of distinct names"),
        (lambda: Fork(["a", "a"]), r"fork: the names are \['a', 'a'\]"),
        (lambda: Merge([], [], 2).allocate(), "merge: input_names is empty"),
        (lambda: Parallel(["x"], 3, [2]).allocate(), r"input_dims is 3, but .* the names \['x'\]"),
        (lambda: Residual("linear"), "Residual: a branch must consist of .*, not 'linear'"),
        (lambda: Residual(Linear), r"not <class .*Linear'>; write Linear\(\)"),
        (lambda: Residual(EMITTER), r"<SoftmaxEmitter .* no application named apply; pass .*probs"),
        (lambda: Residual(Brick()), r"^Residual: a branch: <Brick .* no application methods; pass"),
        (lambda: Sequence([EMITTER]), r"Sequence: a sequence: <SoftmaxEmitter .* named apply"),
        (
            lambda: BatchNormalization(3, epsilon=-1),
            "^batchnorm\\w+: epsilon is -1, but must be",
        ),
        (lambda: LayerNormalization(3, epsilon="a"), "^layernormalization: epsilon is 'a', but mu"),
        (
            lambda: BatchNormalizedMLP(Tanh(), [2, 3]),
            r"MLP: activations must be a list, not <T.*ite \[",
        ),
        (lambda: MLP(5, [2, 3]), r"^MLP: activations must be a list, not 5; write \[5\]"),
        (lambda: Dropout("0.5"), r"drop_prob is '0.5', but must be a number in \[0, 1\)"),
        (lambda: RecurrentStack([]), r"transitions is \[\], but must be a list of at least"),
        (lambda: RecurrentStack(LSTM(2)), r"transitions is <LSTM .*, but must be a list"),
        (lambda: RecurrentStack([Tanh()]), "^RecurrentStack: <Tanh tanh> is not a recurrent brick"),
        (
            lambda: Bidirectional(Linear()),
            "^Bidirectional: <Linear .* is not a recurrent brick; pass",
        ),
        (lambda: FakeAttentionRecurrent(Linear()), "^FakeAttentionRecurrent: <Linear"),
        (
            lambda: SequenceGenerator(EMITTER, Tanh()),
            "^SequenceGenerator: <Tanh tanh> is not a recu",
        ),
        (
            lambda: AttentionRecurrent(Linear(), Linear()),
            "^AttentionRecurrent: <Linear .* not a recu",
        ),
        (
            lambda: AttentionRecurrent(LSTM(2), Linear()),
            "^AttentionRecurrent: <Linear .* not an attention mechanism; .*SequenceContentAtt",
        ),
    ],
)
def test_parts_that_do_not_belong_are_refused(make, text):
    with pytest.raises(BrickError, match=text):
        make()


def generator(transition=None, attention=None, **settings):
    readout = {"source_names": ["states"], "readout_dim": 3} | settings
    return SequenceGenerator(
        Readout(EMITTER, LookupFeedback(3, 2), **readout),
        GatedRecurrent(2) if transition is None else transition,
        attention,
        **SCHEMES,
    )


@pytest.mark.parametrize(
    ("make", "path", "setting"),
    [
        (lambda: Bidirectional(LSTM()), "bidirectional/forward", "dim"),
        (lambda: RecurrentStack([LSTM(2), GatedRecurrent()]), r"\w+/gatedrecurrent#1", "dim"),
        (lambda: RecurrentStack([SimpleRecurrent(activation=Tanh())] * 1), r"\w+/simple\w+", "dim"),
        (lambda: ConvolutionalSequence([Convolutional((2, 2))], 3), r"\w+/conv\w+", "num_filters"),
        (lambda: AttentionRecurrent(LSTM(), SequenceContentAttention(
            2, state_names=["states"], attended_dim=3)), r"\w+/lstm", "dim"),
        (lambda: AttentionRecurrent(LSTM(2), SequenceContentAttention(2, attended_dim=3)),
         r"\w+/\w+attention", "state_names"),
        (lambda: generator(GatedRecurrent()), r"\w+/\w+/gatedrecurrent", "dim"),
        (lambda: generator(source_names=None), r"\w+/readout", "source_names"),
        (lambda: generator(readout_dim=None), r"\w+/readout", "readout_dim"),
        (lambda: generator(attention=SequenceContentAttention(2, state_names=["states"])),
         r"\w+/\w+/\w+attention", "attended_dim"),
        (lambda: TransformerBlock(4), "transformerblock", "num_heads"),
    ],
)  # fmt: skip
def test_what_a_part_lacks_is_named_with_its_path(make, path, setting):
    with pytest.raises(NotConfiguredError, match=rf"^{path}: allocation requires {setting}"):
        make().allocate()


@pytest.mark.parametrize("name", ["n_steps", "batch_size"])
@pytest.mark.parametrize("number", [-1, 2.5, "2", True])
def test_numbers_of_steps_and_examples_are_checked(name, number):
    text = rf"^gatedrecurrent.apply: {name} is {number!r}, but must be a whole number >= 0"
    brick, x = GatedRecurrent(1), tensor.tensor3("x")
    with pytest.raises(ApplicationError, match=text):
        brick.apply(x, tensor.tensor3("gates"), **{name: number})


@pytest.mark.parametrize(
    ("attended", "mask"), [((4, 5), None), ((4, 2, 5), (4,)), ((1, 4, 2, 5), (4, 2))]
)
def test_what_is_attended_has_three_dimensions(attended, mask):
    look = SequenceContentAttention(2, state_names=["states"], state_dims=[3], attended_dim=5)
    given = {"attended_mask": None if mask is None else tensor.variable("mask", shape=mask)}
    with pytest.raises(ShapeError, match=r"take_glimpses: attended has shape .* shape \(L, B, 5\)"):
        look.take_glimpses(tensor.variable("x", shape=attended), states=tensor.matrix("h"), **given)


@pytest.mark.parametrize("shapes", [[(4,)], [(3, 4), (2, 3, 4)], [(2, 3, 4), (3, 4)]])
def test_queries_are_sequences_like_what_they_attend_to(shapes):
    with pytest.raises(ShapeError, match=r"query has shape .*; both must have the shape \(\.\.\."):
        MultiHeadAttention(4, 2).apply(*map(torch.zeros, shapes))


def test_a_generator_says_what_it_does_not_know_and_what_it_lacks():
    look = SequenceContentAttention(2, state_names=["states"], attended_dim=3)
    made = generator(attention=look)
    with pytest.raises(
        TypeError, match=r"att_trans.preprocess requires attended, the sequence to attend to"
    ):
        made.generate(n_steps=2, batch_size=2)
    attended = tensor.tensor3("attended")
    with pytest.raises(
        TypeError, match=r"generate accepts .*, not 'atended'; did you mean 'attended"
    ):
        made.generate(n_steps=2, batch_size=2, attended=attended, atended=attended)
    with pytest.raises(
        TypeError, match=r"att_trans.take_glimpses requires attended, the sequence to attend to"
    ):
        made.transition.take_glimpses(states=tensor.matrix("h"))


@pytest.mark.parametrize(
    ("brick", "setting", "values"),
    [
        (Dropout(0.5), "drop_prob", [-0.1, 1, 1.5, float("nan"), "half", None]),
        (BatchNormalization(3), "epsilon", [-1e-3, float("nan"), float("inf"), "small"]),
        (LayerNormalization(3), "epsilon", [-1e-3, float("nan"), float("inf"), "small"]),
        (RMSNormalization(3), "epsilon", [-1e-3, float("nan")]),
        (LeakyRectifier(), "leak", [float("nan"), float("inf"), "much"]),
        (Swish(), "beta", [float("nan"), float("inf"), "steep", None]),
    ],
)
def test_a_check_holds_for_constructor_and_attribute(brick, setting, values):
    kind, before = type(brick), getattr(brick, setting)
    required = {} if kind in (Dropout, LeakyRectifier, Swish) else {"input_dim": 3}
    required = {"dim": 3} if kind in (LayerNormalization, RMSNormalization) else required
    for value in values:
        with pytest.raises(BrickError, match=f"{setting} is "):
            setattr(brick, setting, value)
        with pytest.raises(BrickError, match=f"{setting} is "):
            kind(**required, **{setting: value})
    assert getattr(brick, setting) == before
