"""A recurrent network learns to write like Jane Austen: it predicts her novels letter by letter.

An LSTM reads the characters one by one and gives the probability of each next one; Graves,
*Generating sequences with recurrent neural networks*, 2013. What counts is how many bits a
character of unseen text costs, and that these are fewer than those of a trigram model, which knows
the two characters before and has counted the same training text (see `tests.jobs.ngrams`).

Of each novel the last tenth is unseen: its first half tells the trigram model its discount and how
training goes, the second is what the result is measured on. The small size reads one novel, the
full size all six. The network starts each excerpt of text without knowing what stood before, which
costs it a little; the trigram model always knows.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.jobs import Job, Size, main
from tests.jobs.austen import TITLES, novels
from tests.jobs.ngrams import NGrams, Numbers
from workbench import tensor
from workbench.algorithms import Adam, CompositeRule, GradientDescent, StepClipping
from workbench.bricks import Brick, Linear, NDimensionalSoftmax, application
from workbench.bricks.lookup import LookupTable
from workbench.bricks.recurrent import LSTM
from workbench.data import DataStream, IndexableDataset, SequentialScheme, ShuffledScheme
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.extensions.monitoring import DataStreamMonitoring, TrainingDataMonitoring
from workbench.extensions.schedules import cosine, warm_up
from workbench.extensions.training import SharedVariableModifier
from workbench.initialization import Constant, IsotropicGaussian, Uniform
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.tensor import Variable


class CharacterModel(Brick):
    """Scores of the next character after each character.

    Parameters
    ----------
    size : int
        The number of different characters.
    dim : int
        The number of cells of the LSTM.
    embedding : int
        The size of the vector that stands for a character.
    """

    def __init__(self, size: int, dim: int, embedding: int, **kwargs: Any) -> None:
        self.lookup = LookupTable(size, embedding, weights_init=IsotropicGaussian(1.0), seed=1)
        self.to_gates = Linear(
            embedding,
            4 * dim,
            weights_init=IsotropicGaussian(1 / math.sqrt(embedding)),
            # Forget gates are open at first, so that the past reaches far.
            biases_init=Constant(np.repeat([0.0, 1.0, 0.0, 0.0], dim)),
            seed=2,
            name="to_gates",
        )
        self.lstm = LSTM(dim, weights_init=Uniform(width=2 / math.sqrt(dim)), seed=3)
        self.to_scores = Linear(
            dim,
            size,
            weights_init=IsotropicGaussian(1 / math.sqrt(dim)),
            biases_init=Constant(0),
            seed=4,
            name="to_scores",
        )
        children = [self.lookup, self.to_gates, self.lstm, self.to_scores]
        super().__init__(children=children, **kwargs)

    @application(inputs=["characters"], outputs=["scores"])
    def apply(self, characters: Variable) -> Variable:
        """Characters of shape (T, B) to scores of shape (T, B, size)."""
        states, _ = self.lstm.apply(self.to_gates.apply(self.lookup.apply(characters)))
        return self.to_scores.apply(states)


def numbered(titles: Sequence[str]) -> tuple[list[str], list[tuple[Numbers, Numbers, Numbers]]]:
    """The alphabet, and of each novel the parts to train on, to validate on and to test on."""
    alphabet = sorted(set(novels(*titles)))
    number = {character: i for i, character in enumerate(alphabet)}
    parts = []
    for title in titles:
        text = np.array([number[character] for character in novels(title)])
        train, valid, test = np.split(text, [len(text) * 90 // 100, len(text) * 95 // 100])
        parts.append((train, valid, test))
    return alphabet, parts


def excerpts(texts: Sequence[Numbers], length: int) -> Numbers:
    """Texts in rows of `length` characters and one more, which the next row begins with."""
    rows = [np.lib.stride_tricks.sliding_window_view(text, length + 1)[::length] for text in texts]
    return np.concatenate(rows)


def stream(texts: Sequence[Numbers], length: int, batch_size: int, seed: int | None) -> DataStream:
    """Batches of excerpts, in random order if there is a seed."""
    dataset = IndexableDataset({"excerpts": excerpts(texts, length)})
    number = dataset.num_examples
    scheme = (
        SequentialScheme(number, batch_size)
        if seed is None
        else ShuffledScheme(number, batch_size, seed=seed)
    )
    return DataStream(dataset, iteration_scheme=scheme)


def trigram_bits(parts: Sequence[tuple[Numbers, Numbers, Numbers]], size: int) -> float:
    """Bits per character that a trigram model needs for the test texts."""
    train, valid, test = (np.concatenate(texts) for texts in zip(*parts, strict=True))
    counts = NGrams(train, size, order=3)
    return counts.bits_per_character(test, counts.best_discount(valid))


def train(
    extensions: Sequence[TrainingExtension],
    *,
    titles: Sequence[str],
    dim: int,
    embedding: int,
    length: int,
    batch_size: int,
    epochs: int,
    learning_rate: float,
) -> float:
    """Train; return the bits per unseen character, as a part of those of a trigram model."""
    alphabet, parts = numbered(titles)
    training, validation, test = zip(*parts, strict=True)

    rows = tensor.lmatrix("excerpts")
    characters, following = rows.T[:-1], rows.T[1:]
    model = CharacterModel(len(alphabet), dim, embedding)
    model.initialize()
    costs = NDimensionalSoftmax().categorical_cross_entropy(
        following, model.apply(characters), extra_ndim=1
    )
    bits = (costs.mean() / math.log(2)).copy(name="bits_per_character")
    bits.tag.n_examples = rows.shape[0]

    adam = Adam(learning_rate)
    algorithm = GradientDescent(
        cost=bits,
        parameters=Model(bits).parameters,
        step_rule=CompositeRule([StepClipping(1.0), adam]),
    )
    shuffled = stream(training, length, batch_size, seed=5)
    total = epochs * shuffled.num_batches
    schedule = warm_up(cosine(learning_rate, total - total // 20), total // 20)
    loop = MainLoop(
        algorithm,
        shuffled,
        model=Model(bits),
        extensions=[
            SharedVariableModifier(adam.learning_rate, schedule, after_batch=True),
            TrainingDataMonitoring([bits], after_epoch=True),
            DataStreamMonitoring(
                [bits], stream(validation, length, 100, seed=None), prefix="valid"
            ),
            DataStreamMonitoring(
                [bits],
                stream(test, length, 100, seed=None),
                prefix="test",
                before_first_epoch=False,
                after_epoch=False,
                after_training=True,
            ),
            FinishAfter(after_n_epochs=epochs),
            *extensions,
        ],
    )
    baseline = trigram_bits(parts, len(alphabet))
    loop.log.current_row["trigram_bits_per_character"] = baseline
    loop.run()
    reached: float = loop.log.current_row["test_bits_per_character"]
    return reached / baseline


JOB = Job(
    name="characters",
    measure="bits per unseen character, as a part of those of a trigram model,",
    train=train,
    small=Size(
        limit=0.85,
        settings={
            "titles": ("Persuasion",),
            "dim": 128,
            "embedding": 32,
            "length": 50,
            "batch_size": 16,
            "epochs": 3,
            "learning_rate": 8e-3,
        },
    ),
    full=Size(
        limit=0.68,
        settings={
            "titles": TITLES,
            "dim": 256,
            "embedding": 64,
            "length": 100,
            "batch_size": 32,
            "epochs": 2,
            "learning_rate": 5e-3,
        },
    ),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
