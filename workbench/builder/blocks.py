"""Ready-made blocks: small models and parts of models, as code and as specifications.

The code of a block is ordinary notebook code, so it is also an example for users. The inputs of a
block are named after the sources of a stream.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from textwrap import dedent

from workbench.builder.fields import Json
from workbench.builder.spec import Spec
from workbench.hints import Hinted

SPECS = Path(__file__).with_name("blocks.json")
"""The specifications of all blocks; ``python -m tests.support.block_specs`` writes this file."""


@dataclass(frozen=True)
class Block(Hinted):
    """A model or a part of a model, offered in the palette of an editor.

    Attributes
    ----------
    name : str
    text : str
        A one-line description.
    code : str
        Python code that builds the block.

    Examples
    --------
    >>> from workbench.builder import BLOCKS, check, shape_text
    >>> block = BLOCKS["MLP"]
    >>> isinstance(block, Block), block.text
    (True, 'A classifier with one hidden layer, for images of 28 x 28 pixels.')
    >>> print(block.code.partition("cost = ")[2])
    Softmax().categorical_cross_entropy(labels, scores).mean()
    ...
    >>> shape_text(check(block.spec).wires["scores"])
    'batch × 10'
    """

    name: str
    text: str
    code: str

    @cached_property
    def spec(self) -> Spec:
        """The specification of the block.

        It is read from a file, because running the code of a sequence generator takes seconds.
        """
        return Spec.from_dict(_specs()[self.name])


@cache
def _specs() -> dict[str, Json]:
    found: dict[str, Json] = json.loads(SPECS.read_text(encoding="utf-8"))
    return found


def _block(name: str, text: str, code: str) -> Block:
    return Block(name, text, dedent(code).lstrip("\n"))


ALL = [
    _block(
        "MLP",
        "A classifier with one hidden layer, for images of 28 x 28 pixels.",
        """
        import torch

        from workbench import tensor
        from workbench.bricks import MLP, Rectifier, Softmax
        from workbench.bricks.cost import MisclassificationRate
        from workbench.initialization import Constant, IsotropicGaussian

        features = tensor.variable("features", (None, 1, 28, 28))
        targets = tensor.variable("targets", (None, 1), torch.int64)

        mlp = MLP(
            [Rectifier(), None],
            [784, 100, 10],
            weights_init=IsotropicGaussian(0.05),
            biases_init=Constant(0),
        )
        scores = mlp.apply(features.flatten(1))
        scores.name = "scores"
        labels = targets.flatten()
        labels.name = "labels"
        cost = Softmax().categorical_cross_entropy(labels, scores).mean()
        cost.name = "cost"
        error_rate = MisclassificationRate(name="error").apply(labels, scores)
        error_rate.name = "error_rate"
        """,
    ),
    _block(
        "LeNet",
        "A convolutional classifier for images of 28 x 28 pixels.",
        """
        import torch

        from workbench import tensor
        from workbench.bricks import MLP, Rectifier, Softmax
        from workbench.bricks.conv import (
            Convolutional,
            ConvolutionalSequence,
            Flattener,
            MaxPooling,
        )
        from workbench.bricks.cost import MisclassificationRate
        from workbench.initialization import Constant, IsotropicGaussian

        features = tensor.variable("features", (None, 1, 28, 28))
        targets = tensor.variable("targets", (None, 1), torch.int64)

        convolutions = ConvolutionalSequence(
            [
                Convolutional((5, 5), 8, name="conv_0"),
                Rectifier(),
                MaxPooling((2, 2), name="pool_0"),
                Convolutional((5, 5), 16, name="conv_1"),
                Rectifier(),
                MaxPooling((2, 2), name="pool_1"),
            ],
            num_channels=1,
            image_size=(28, 28),
            weights_init=IsotropicGaussian(0.1),
            biases_init=Constant(0),
            name="convolutions",
        )
        flattener = Flattener()
        mlp = MLP(
            [Rectifier(), None],
            [256, 100, 10],
            weights_init=IsotropicGaussian(0.1),
            biases_init=Constant(0),
        )
        scores = mlp.apply(flattener.apply(convolutions.apply(features)))
        scores.name = "scores"
        labels = targets.flatten()
        labels.name = "labels"
        cost = Softmax().categorical_cross_entropy(labels, scores).mean()
        cost.name = "cost"
        error_rate = MisclassificationRate(name="error").apply(labels, scores)
        error_rate.name = "error_rate"
        """,
    ),
    _block(
        "ResNet block",
        "Two convolutions whose output is added to their input.",
        """
        from workbench import tensor
        from workbench.bricks import Rectifier, Residual, SpatialBatchNormalization
        from workbench.bricks.conv import Convolutional, ConvolutionalSequence
        from workbench.initialization import IsotropicGaussian

        images = tensor.variable("images", (None, 16, 28, 28))

        block = ConvolutionalSequence(
            [
                Residual(
                    ConvolutionalSequence(
                        [
                            Convolutional((3, 3), 16, border_mode="half", name="conv_0"),
                            SpatialBatchNormalization(name="norm_0"),
                            Rectifier(),
                            Convolutional((3, 3), 16, border_mode="half", name="conv_1"),
                            SpatialBatchNormalization(name="norm_1"),
                        ],
                        use_bias=False,
                        name="branch",
                    )
                ),
                Rectifier(),
            ],
            num_channels=16,
            image_size=(28, 28),
            weights_init=IsotropicGaussian(0.1),
            name="resnet_block",
        )
        maps = block.apply(images)
        maps.name = "maps"
        """,
    ),
    _block(
        "LSTM classifier",
        "A classifier for sequences of vectors, which uses the last state of an LSTM.",
        """
        from workbench import tensor
        from workbench.bricks import Linear, Softmax
        from workbench.bricks.cost import MisclassificationRate
        from workbench.bricks.recurrent import LSTM
        from workbench.initialization import Constant, IsotropicGaussian

        features = tensor.variable("features", (None, None, 8))
        targets = tensor.lvector("targets")

        steps = Linear(
            8, 128, weights_init=IsotropicGaussian(0.1), biases_init=Constant(0), name="steps"
        )
        lstm = LSTM(32, weights_init=IsotropicGaussian(0.1))
        classifier = Linear(
            32, 3, weights_init=IsotropicGaussian(0.1), biases_init=Constant(0), name="classifier"
        )
        states, _ = lstm.apply(steps.apply(features))
        scores = classifier.apply(states[-1])
        scores.name = "scores"
        cost = Softmax().categorical_cross_entropy(targets, scores).mean()
        cost.name = "cost"
        error_rate = MisclassificationRate(name="error").apply(targets, scores)
        error_rate.name = "error_rate"
        """,
    ),
    _block(
        "Transformer block",
        "Self-attention and an MLP, each with a residual connection.",
        """
        from workbench import tensor
        from workbench.bricks import TransformerBlock
        from workbench.initialization import Constant, IsotropicGaussian

        sequences = tensor.variable("sequences", (None, None, 64))

        block = TransformerBlock(
            64,
            4,
            weights_init=IsotropicGaussian(0.05),
            biases_init=Constant(0),
            name="transformer_block",
        )
        outputs = block.apply(sequences)
        outputs.name = "outputs"
        """,
    ),
    _block(
        "Sequence generator",
        "An encoder, and a sequence generator that attends to the output of the encoder.",
        """
        from workbench import tensor
        from workbench.bricks import Tanh
        from workbench.bricks.attention import SequenceContentAttention
        from workbench.bricks.lookup import LookupTable
        from workbench.bricks.parallel import Fork
        from workbench.bricks.recurrent import Bidirectional, SimpleRecurrent
        from workbench.bricks.sequence_generators import (
            LookupFeedback,
            Readout,
            SequenceGenerator,
            SoftmaxEmitter,
        )
        from workbench.initialization import Constant, IsotropicGaussian, Orthogonal

        source = tensor.lmatrix("source")
        source_mask = tensor.matrix("source_mask")
        target = tensor.lmatrix("target")
        target_mask = tensor.matrix("target_mask")

        lookup = LookupTable(28, 32, weights_init=IsotropicGaussian(0.1))
        fork = Fork(
            ["inputs"],
            input_dim=32,
            output_dims=[32],
            weights_init=IsotropicGaussian(0.1),
            biases_init=Constant(0),
        )
        encoder = Bidirectional(
            SimpleRecurrent(32, activation=Tanh()), weights_init=Orthogonal(), name="encoder"
        )
        generator = SequenceGenerator(
            Readout(
                source_names=["states", "weighted_averages"],
                readout_dim=28,
                emitter=SoftmaxEmitter(),
                feedback_brick=LookupFeedback(28, 32),
            ),
            SimpleRecurrent(32, activation=Tanh(), name="transition"),
            attention=SequenceContentAttention(
                state_names=["states"], attended_dim=64, match_dim=32, name="attention"
            ),
            weights_init=IsotropicGaussian(0.1),
            biases_init=Constant(0),
            name="generator",
        )
        letters = source.T
        letters.name = "letters"
        letters_mask = source_mask.T
        letters_mask.name = "letters_mask"
        encoded = encoder.apply(fork.apply(lookup.apply(letters)), mask=letters_mask)
        encoded.name = "encoded"
        cost = generator.cost(target.T, target_mask.T, attended=encoded, attended_mask=letters_mask)
        cost.name = "cost"
        """,
    ),
]

BLOCKS: dict[str, Block] = {block.name: block for block in ALL}
"""The ready-made blocks by name."""
