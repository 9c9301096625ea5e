"""A convolutional network learns handwritten digits: LeNet, with rectifiers and Adam.

LeCun, Bottou, Bengio and Haffner, *Gradient-based learning applied to document recognition*, 1998.
The small size trains on the 10,000 digits of the package, the full one on all of MNIST if it is
found.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from tests.jobs import Job, Size, main
from workbench import tensor
from workbench.algorithms import Adam, GradientDescent
from workbench.bricks import MLP, Dropout, Rectifier, Softmax
from workbench.bricks import Sequence as SequenceOfBricks
from workbench.bricks.conv import Convolutional, ConvolutionalSequence, Flattener, MaxPooling
from workbench.bricks.cost import MisclassificationRate
from workbench.data import MNIST, DataStream, SequentialScheme, ShuffledScheme
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.extensions.monitoring import DataStreamMonitoring, TrainingDataMonitoring
from workbench.initialization import Constant, IsotropicGaussian
from workbench.main_loop import MainLoop
from workbench.model import Model


def network(maps: tuple[int, int], hidden: int, drop_prob: float) -> SequenceOfBricks:
    """Return two convolutions with pooling and a perceptron of one hidden layer, for scores."""
    images = ConvolutionalSequence(
        [
            Convolutional((5, 5), maps[0], name="conv_0"),
            Rectifier(),
            MaxPooling((2, 2), name="pool_0"),
            Convolutional((5, 5), maps[1], name="conv_1"),
            Rectifier(),
            MaxPooling((2, 2), name="pool_1"),
        ],
        num_channels=1,
        image_size=(28, 28),
        biases_init=Constant(0),
        seed=1,
    )
    features = math.prod(images.get_dim("output"))
    perceptron = MLP(
        [SequenceOfBricks([Rectifier(), Dropout(drop_prob, random_seed=2)]), None],
        [features, hidden, 10],
        biases_init=Constant(0),
        seed=3,
    )
    # Weights shrink with the number of inputs of a unit (He and others, 2015).
    inputs = {images.children[0]: 25, images.children[3]: 25 * maps[0]}
    inputs |= dict(zip(perceptron.linear_transformations, (features, hidden), strict=True))
    for layer, number in inputs.items():
        layer.weights_init = IsotropicGaussian(math.sqrt(2 / number))
    return SequenceOfBricks([images, Flattener(), perceptron], name="lenet")


def digits(which: str, batch_size: int, full: bool | None) -> DataStream:
    """Return a stream of training digits in random order, or of test digits in order."""
    dataset = MNIST((which,), full=full)
    if which == "train":
        scheme = ShuffledScheme(dataset.num_examples, batch_size, seed=4)
    else:
        scheme = SequentialScheme(dataset.num_examples, batch_size)
    return DataStream.default_stream(dataset, iteration_scheme=scheme)


def train(
    extensions: Sequence[TrainingExtension],
    *,
    maps: tuple[int, int],
    hidden: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    drop_prob: float,
    full: bool | None,
) -> float:
    """Train; return the error rate on the test digits."""
    x, y = tensor.tensor4("features"), tensor.lmatrix("targets")
    lenet = network(maps, hidden, drop_prob)
    lenet.initialize()
    scores = lenet.apply(x)
    cost = Softmax().categorical_cross_entropy(y.flatten(), scores).mean()
    error = MisclassificationRate().apply(y.flatten(), scores)
    cost.name, error.name = "cost", "error_rate"
    model = Model(cost)
    loop = MainLoop(
        GradientDescent(cost=cost, parameters=model.parameters, step_rule=Adam(learning_rate)),
        digits("train", batch_size, full),
        model=model,
        extensions=[
            TrainingDataMonitoring([cost], after_epoch=True),
            DataStreamMonitoring(
                [cost, error], digits("test", 500, full), prefix="test", after_epoch=True
            ),
            FinishAfter(after_n_epochs=epochs),
            *extensions,
        ],
    )
    loop.run()
    return float(loop.log.epochs["test_error_rate"].iloc[-1])


SMALL = {"maps": (8, 16), "hidden": 100, "epochs": 4, "batch_size": 64, "learning_rate": 2e-3}
LARGE = {"maps": (20, 50), "hidden": 500, "epochs": 15, "batch_size": 64, "learning_rate": 1e-3}

JOB = Job(
    name="lenet",
    measure="error rate on test digits",
    train=train,
    small=Size(limit=0.04, settings=SMALL | {"drop_prob": 0.0, "full": False}),
    full=Size(limit=0.025, settings=LARGE | {"drop_prob": 0.5, "full": None}),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
