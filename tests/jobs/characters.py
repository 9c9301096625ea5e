"""A recurrent network learns to write like Jane Austen: it predicts her novels letter by letter.

An LSTM reads the characters one by one and predicts the probabilities of the next one; Graves,
*Generating sequences with recurrent neural networks*, 2013. The measure is the number of bits per
character of unseen text. It must be smaller than that of a trigram model, which knows the two
previous characters and is counted on the same training text (see `tests.jobs.ngrams`).

The last tenth of each novel is unseen. Its first half chooses the discount of the trigram model and
monitors training; the result is measured on the second half. The small size reads one novel, the
full size all six. The network starts each excerpt without its previous text, which costs a little;
the trigram model always knows the two previous characters.
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
        The size of the embedding of a character.
    """

    def __init__(self, size: int, dim: int, embedding: int, **kwargs: Any) -> None:
        self.lookup = LookupTable(size, embedding, weights_init=IsotropicGaussian(1.0), seed=1)
        self.to_gates = Linear(
            embedding,
            4 * dim,
            weights_init=IsotropicGaussian(1 / math.sqrt(embedding)),
            # Forget gates are open at first, so that the LSTM remembers long.
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
        """Return scores of shape (T, B, size) for characters of shape (T, B)."""
        states, _ = self.lstm.apply(self.to_gates.apply(self.lookup.apply(characters)))
        return self.to_scores.apply(states)


def numbered(titles: Sequence[str]) -> tuple[list[str], list[tuple[Numbers, Numbers, Numbers]]]:
    """Return the alphabet, and the training, validation and test part of each novel."""
    alphabet = sorted(set(novels(*titles)))
    number = {character: i for i, character in enumerate(alphabet)}
    parts = []
    for title in titles:
        text = np.array([number[character] for character in novels(title)])
        train, valid, test = np.split(text, [len(text) * 90 // 100, len(text) * 95 // 100])
        parts.append((train, valid, test))
    return alphabet, parts


def excerpts(texts: Sequence[Numbers], length: int) -> Numbers:
    """Return texts as rows of `length` characters and the first character of the next row."""
    rows = [np.lib.stride_tricks.sliding_window_view(text, length + 1)[::length] for text in texts]
    return np.concatenate(rows)


def stream(texts: Sequence[Numbers], length: int, batch_size: int, seed: int | None) -> DataStream:
    """Return batches of excerpts, in random order if there is a seed."""
    dataset = IndexableDataset({"excerpts": excerpts(texts, length)})
    number = dataset.num_examples
    scheme = (
        SequentialScheme(number, batch_size)
        if seed is None
        else ShuffledScheme(number, batch_size, seed=seed)
    )
    return DataStream(dataset, iteration_scheme=scheme)


def trigram_bits(parts: Sequence[tuple[Numbers, Numbers, Numbers]], size: int) -> float:
    """Return the bits per character of a trigram model on the test texts."""
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
    """Train; return the bits per unseen character, relative to those of a trigram model."""
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
    measure="bits per unseen character, relative to those of a trigram model,",
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
