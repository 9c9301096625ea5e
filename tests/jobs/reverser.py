"""A network with attention learns to spell English words backwards.

An encoder reads letters in both directions. A sequence generator writes the reversed words and
attends to some of the letters in each step; Bahdanau, Cho and Bengio, *Neural machine translation
by jointly learning to align and translate*, 2014. The measure is the number of wrong letters in the
likeliest spelling of unseen words, found by beam search.

The words are from novels by Jane Austen. The small size reverses single short words of one novel.
The full size reverses each word of phrases: "it is a truth" becomes "ti si a hturt", so that the
network must learn where words start and end.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.jobs import Job, Size, main
from tests.jobs.austen import TITLES, novels
from workbench import tensor
from workbench.algorithms import Adam, CompositeRule, GradientDescent, StepClipping
from workbench.bricks import Initializable, Tanh, application
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
from workbench.data import DataStream, IndexableDataset, Padding, SequentialScheme, ShuffledScheme
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.extensions.monitoring import DataStreamMonitoring, TrainingDataMonitoring
from workbench.extensions.schedules import cosine, warm_up
from workbench.extensions.training import SharedVariableModifier
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian, Orthogonal
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.search import BeamSearch
from workbench.tensor import Variable

Codes = npt.NDArray[np.integer[Any]]

ALPHABET = ". abcdefghijklmnopqrstuvwxyz"
END = ALPHABET.index(".")


def codes(phrase: str) -> Codes:
    """Return the numbers of the letters of a phrase, followed by that of the end."""
    return np.array([ALPHABET.index(letter) for letter in phrase + ALPHABET[END]])


def text(letters: Iterable[int]) -> str:
    """Return the phrase for numbers of letters."""
    return "".join(ALPHABET[code] for code in letters).removesuffix(ALPHABET[END])


def phrases(titles: Sequence[str], length: int, longest: int) -> list[str]:
    """Return the different phrases of `length` words in some novels, in random order.

    Parameters
    ----------
    titles : sequence of str
        Titles of the novels; see `tests.jobs.austen`.
    length : int
        The number of words of a phrase; phrases do not overlap.
    longest : int
        The largest number of letters in a word; phrases with longer ones are left out.
    """
    text = re.findall("[a-z]+", novels(*titles).lower())
    starts = range(0, len(text) - length + 1, length)
    pieces = {tuple(text[start : start + length]) for start in starts}
    found = sorted(" ".join(p) for p in pieces if max(map(len, p)) <= longest)
    return [found[i] for i in np.random.default_rng(1).permutation(len(found))]


def backwards(phrase: str) -> str:
    """Return a phrase with each of its words reversed.

    >>> backwards("it is a truth")
    'ti si a hturt'
    """
    return " ".join(word[::-1] for word in phrase.split())


def stream(texts: Sequence[str], batch_size: int, seed: int | None) -> DataStream:
    """Return batches of phrases and reversed phrases with masks; shuffled if there is a seed."""
    sources = {"phrases": texts, "reversed": [backwards(phrase) for phrase in texts]}
    columns = {name: np.empty(len(texts), dtype=object) for name in sources}
    for name, spelled in sources.items():
        columns[name][:] = [codes(phrase) for phrase in spelled]
    scheme = (
        SequentialScheme(len(texts), batch_size)
        if seed is None
        else ShuffledScheme(len(texts), batch_size, seed=seed)
    )
    return Padding(DataStream(IndexableDataset(columns), iteration_scheme=scheme))


class Reverser(Initializable):
    """Brick that reads letters and writes others.

    Parameters
    ----------
    dim : int
        The size of all vectors.
    """

    def __init__(self, dim: int, **kwargs: Any) -> None:
        transition = SimpleRecurrent(dim, activation=Tanh(), name="transition")
        self.encoder = Bidirectional(SimpleRecurrent(dim, activation=Tanh()))
        self.lookup = LookupTable(len(ALPHABET), dim)
        self.fork = Fork(["inputs"], input_dim=dim, output_dims=[dim])
        self.attention = SequenceContentAttention(
            state_names=["states"], attended_dim=2 * dim, match_dim=dim, name="attention"
        )
        self.generator = SequenceGenerator(
            Readout(
                source_names=["states", "weighted_averages"],
                readout_dim=len(ALPHABET),
                emitter=SoftmaxEmitter(END),
                feedback_brick=LookupFeedback(len(ALPHABET), dim),
            ),
            transition,
            self.attention,
            name="generator",
        )
        children = [self.lookup, self.fork, self.encoder, self.generator]
        super().__init__(children=children, **kwargs)
        self.recurrent = [transition, *self.encoder.children]

    def _encoded(self, phrases: Variable, mask: Variable | None) -> dict[str, Variable]:
        [inputs] = self.fork.apply(self.lookup.apply(phrases), as_list=True)
        contexts = {"attended": self.encoder.apply(inputs, mask=mask)}
        return contexts if mask is None else contexts | {"attended_mask": mask}

    @application(outputs=["cost"])
    def cost(
        self, phrases: Variable, mask: Variable, spelled: Variable, spelled_mask: Variable
    ) -> Variable:
        """Return the cost of reversed phrases; all arguments have the shape (T, B)."""
        encoded = self._encoded(phrases, mask)
        return self.generator.cost(spelled, spelled_mask, **encoded)

    @application(outputs=["spelled"])
    def spell(self, phrases: Variable) -> Variable:
        """Draw spellings for phrases without padding, of shape (T, B)."""
        drawn = self.generator.generate(
            n_steps=phrases.shape[0],
            batch_size=phrases.shape[1],
            as_dict=True,
            **self._encoded(phrases, None),
        )
        return drawn["outputs"]


def differences(text: str, other: str) -> int:
    """Return the edit distance of two texts (Levenshtein, 1965).

    >>> differences("cart", "chat")
    2
    """
    row = list(range(len(other) + 1))
    for i, letter in enumerate(text, start=1):
        above, row = row, [i]
        for j, its in enumerate(other, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != its)))
    return row[-1]


class Speller:
    """Beam search for the likeliest spelling of a phrase.

    Parameters
    ----------
    reverser : Reverser
    beam : int
        The number of spellings to follow.
    """

    def __init__(self, reverser: Reverser, beam: int) -> None:
        self.beam = beam
        self.phrases = tensor.lmatrix("phrases")
        drawn = VariableFilter(applications=[reverser.generator.generate], name="outputs")
        [samples] = drawn(ComputationGraph(reverser.spell(self.phrases)).variables)
        self.search = BeamSearch(samples)

    def __call__(self, phrase: str) -> str:
        copies = np.repeat(codes(phrase)[:, None], self.beam, axis=1)
        longest = 2 * len(phrase) + 1
        found, _ = self.search.search({self.phrases: copies}, END, max_length=longest)
        return text(found[0])


def train(
    extensions: Sequence[TrainingExtension],
    *,
    titles: Sequence[str],
    length: int,
    longest: int,
    unseen: int,
    number: int | None,
    dim: int,
    batch_size: int,
    epochs: int,
    learning_rate: float,
    beam: int,
) -> float:
    """Train; return the number of wrong letters per letter of unseen phrases."""
    everything = phrases(titles, length, longest)
    test, known = everything[:unseen], everything[unseen:][:number]
    sources = [tensor.lmatrix("phrases"), tensor.matrix("phrases_mask")]
    sources += [tensor.lmatrix("reversed"), tensor.matrix("reversed_mask")]
    reverser = Reverser(
        dim,
        weights_init=IsotropicGaussian(1 / math.sqrt(dim)),
        biases_init=Constant(0),
        seed=2,
        name="reverser",
    )
    reverser.push_initialization_config()
    for transition in reverser.recurrent:
        transition.weights_init = Orthogonal()
    reverser.initialize()
    cost = reverser.cost(*(source.T for source in sources))
    cost.name = "cost"
    adam = Adam(learning_rate)
    shuffled = stream(known, batch_size, seed=3)
    total = epochs * math.ceil(len(known) / batch_size)
    schedule = warm_up(cosine(learning_rate, total - total // 20), total // 20)
    loop = MainLoop(
        GradientDescent(
            cost=cost,
            parameters=Model(cost).parameters,
            step_rule=CompositeRule([StepClipping(1.0), adam]),
        ),
        shuffled,
        model=Model(cost),
        extensions=[
            SharedVariableModifier(adam.learning_rate, schedule, after_batch=True),
            TrainingDataMonitoring([cost], after_epoch=True),
            DataStreamMonitoring([cost], stream(test, 100, seed=None), prefix="test"),
            FinishAfter(after_n_epochs=epochs),
            *extensions,
        ],
    )
    loop.run()
    speller = Speller(reverser, beam)
    spelled = [(backwards(phrase), speller(phrase)) for phrase in test]
    for wanted, found in [pair for pair in spelled if pair[0] != pair[1]][:5]:
        print(f"{wanted!r} was spelled {found!r}")
    return sum(differences(*pair) for pair in spelled) / sum(map(len, test))


JOB = Job(
    name="reverser",
    measure="wrong letters, per letter of unseen text,",
    train=train,
    small=Size(
        limit=0.05,
        settings={
            "titles": ("Persuasion",),
            "length": 1,
            "longest": 6,
            "unseen": 100,
            "number": None,
            "dim": 64,
            "batch_size": 32,
            "epochs": 6,
            "learning_rate": 5e-3,
            "beam": 3,
        },
    ),
    full=Size(
        limit=0.05,
        settings={
            "titles": TITLES,
            "length": 4,
            "longest": 20,
            "unseen": 500,
            "number": 40000,
            "dim": 128,
            "batch_size": 50,
            "epochs": 2,
            "learning_rate": 2e-3,
            "beam": 10,
        },
    ),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
