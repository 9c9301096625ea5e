"""The models of the step benchmark, each in bricks, in torch and in Keras.

All have ten classes: a perceptron (784-100-10), LeNet with 20 and 50 maps, and a recurrent layer
over 50 time steps of 128 features, whose last state is classified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from torch import nn

from workbench.bricks import MLP, Brick, Initializable, Linear, Rectifier, Softmax, Tanh
from workbench.bricks.conv import Convolutional, ConvolutionalSequence, Flattener, MaxPooling
from workbench.bricks.recurrent import LSTM
from workbench.initialization import Constant, IsotropicGaussian
from workbench.tensor import Variable

STEPS, DIM = 50, 128


@dataclass(frozen=True)
class Work:
    """A model, its training data, and the number of examples in a batch.

    Attributes
    ----------
    inputs, targets : array
        float32 with examples first, and int64 classes.
    cost : function
        Takes the variables of a batch; returns the cost, in bricks.
    module : function
        Returns the same model in torch, which computes scores.
    keras : function
        Takes the module ``keras``; returns the layers of the model.
    """

    name: str
    batch_size: int
    inputs: NDArray[Any]
    targets: NDArray[Any]
    cost: Callable[[Variable, Variable], Variable]
    module: Callable[[], nn.Module]
    keras: Callable[[Any], list[Any]]

    @property
    def batches(self) -> int:
        """The number of batches in an epoch."""
        return len(self.inputs) // self.batch_size


def mlp(batch_size: int, batches: int) -> Work:
    """Return a perceptron with 100 hidden units."""

    def cost(x: Variable, y: Variable) -> Variable:
        return _cost(x, y, MLP([Tanh(), None], [784, 100, 10]))

    return Work(
        f"MLP 784-100-10, batch {batch_size}",
        batch_size,
        *_data((batches * batch_size, 784)),
        cost,
        lambda: nn.Sequential(nn.Linear(784, 100), nn.Tanh(), nn.Linear(100, 10)),
        lambda keras: [
            keras.layers.Dense(100, activation="tanh"),
            keras.layers.Dense(10),
        ],
    )


def lenet(batch_size: int, batches: int) -> Work:
    """Return LeNet with rectifiers: 20 and 50 maps, 500 hidden units."""

    def cost(x: Variable, y: Variable) -> Variable:
        images = ConvolutionalSequence(
            [
                Convolutional((5, 5), 20, name="conv_0"),
                Rectifier(),
                MaxPooling((2, 2), name="pool_0"),
                Convolutional((5, 5), 50, name="conv_1"),
                Rectifier(),
                MaxPooling((2, 2), name="pool_1"),
            ],
            num_channels=1,
            image_size=(28, 28),
        )
        perceptron = MLP([Rectifier(), None], [800, 500, 10])
        return _cost(x, y, images, Flattener(), perceptron)

    def module() -> nn.Module:
        return nn.Sequential(
            *(nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)),
        )

    def keras(keras: Any) -> list[Any]:
        layers, first = keras.layers, {"data_format": "channels_first"}
        return [
            *(layers.Conv2D(20, 5, activation="relu", **first), layers.MaxPooling2D(2, **first)),
            *(layers.Conv2D(50, 5, activation="relu", **first), layers.MaxPooling2D(2, **first)),
            *(layers.Flatten(), layers.Dense(500, activation="relu"), layers.Dense(10)),
        ]

    data = _data((batches * batch_size, 1, 28, 28))
    return Work(f"LeNet, batch {batch_size}", batch_size, *data, cost, module, keras)


def lstm(batch_size: int, batches: int) -> Work:
    """Return an LSTM layer; the brick has peepholes as well."""

    def cost(x: Variable, y: Variable) -> Variable:
        return _cost(x.transpose(0, 1), y, *_lstm_bricks())

    return Work(
        f"LSTM, {STEPS} steps x {batch_size} x {DIM}",
        batch_size,
        *_data((batches * batch_size, STEPS, DIM)),
        cost,
        LastState,
        lambda keras: [keras.layers.LSTM(DIM), keras.layers.Dense(10)],
    )


class LastState(nn.Module):
    """``torch.nn.LSTM`` with scores of its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(DIM, DIM, batch_first=True)
        self.scores = nn.Linear(DIM, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, _ = self.lstm(x)
        scores: torch.Tensor = self.scores(states[:, -1])
        return scores


def _lstm_bricks() -> list[Any]:
    return [Linear(DIM, 4 * DIM, name="fork"), LSTM(DIM), Linear(DIM, 10, name="scores")]


def _cost(x: Variable, y: Variable, *bricks: Brick) -> Variable:
    """Return the cross-entropy of scores, from the last state of a recurrent brick."""
    for brick in bricks:
        if isinstance(brick, Initializable):
            brick.weights_init = IsotropicGaussian(0.05)
            brick.biases_init = Constant(0)
        brick.initialize()
        x = brick.apply(x)[0][-1] if isinstance(brick, LSTM) else brick.apply(x)
    cost: Variable = Softmax().categorical_cross_entropy(y, x).mean()
    return cost


def _data(shape: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = numpy.random.default_rng(0)
    return rng.standard_normal(shape, dtype="float32"), rng.integers(0, 10, shape[0])
