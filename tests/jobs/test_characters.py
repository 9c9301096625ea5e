"""The small character model is better than a trigram model, which is tested here too."""

from collections import Counter

import numpy as np
import pytest

from tests.jobs import characters
from tests.jobs.austen import TITLES, novels
from tests.jobs.ngrams import NGrams

RNG = np.random.default_rng(6)
TEXT = RNG.integers(0, 4, size=300) * RNG.integers(0, 2, size=300)


@pytest.mark.slow
def test_text_is_predicted_better_than_by_three_characters():
    result = characters.JOB.run()
    assert result.reached, result


def kneser_ney(text, discount, size):
    """Return the probability of a character after two others, directly from the definition."""
    grams = [Counter(zip(*[text[i:] for i in range(n)], strict=False)) for n in (1, 2, 3)]
    follows = Counter(gram[1:] for gram in grams[1])  # number of preceding characters
    pairs = Counter(gram[1:] for gram in grams[2])  # the same for a pair

    def mixed(counts, context, character, shorter):
        here = {gram: count for gram, count in counts.items() if gram[:-1] == context}
        total = sum(here.values())
        if not total:
            return shorter
        top = max(here.get((*context, character), 0) - discount, 0)
        return (top + discount * len(here) * shorter) / total

    def probability(context, character):
        one = mixed(follows, (), character, 1 / size)
        two = mixed(pairs, context[1:], character, one)
        return mixed(grams[2], context, character, two)

    return probability


def test_trigrams_are_counted_and_smoothed_as_defined():
    model, probability = NGrams(TEXT[:200], 5), kneser_ney(TEXT[:200].tolist(), 0.7, 5)
    unseen = np.append(TEXT[200:], [4, 4, 0])  # the counted text contains no 4
    found = model.probabilities(unseen, 0.7)
    for i in range(2, len(unseen)):
        expected = probability(tuple(unseen[i - 2 : i].tolist()), int(unseen[i]))
        assert found[i] == pytest.approx(expected)


@pytest.mark.parametrize("context", [(0, 0), (3, 1), (4, 4)])
def test_probabilities_of_all_characters_sum_to_one(context):
    model = NGrams(TEXT, 5)
    after = [model.probabilities(np.array([*context, c]), 0.6)[-1] for c in range(5)]
    assert sum(after) == pytest.approx(1)
    assert min(after) > 0


def test_the_best_discount_costs_least():
    model = NGrams(TEXT[:200], 5)
    best = model.best_discount(TEXT[200:])
    costs = [model.bits_per_character(TEXT[200:], d) for d in np.arange(1, 20) / 20]
    assert model.bits_per_character(TEXT[200:], best) == min(costs)


def test_the_novels_are_whole():
    assert len(novels()) == 4_025_032
    assert [novels(title).split("\n")[0] for title in TITLES] == list(TITLES)
    assert "".join(novels(title) for title in TITLES) == novels()


def test_texts_are_cut_so_that_every_character_follows_once():
    rows = characters.excerpts([np.arange(10), np.arange(20, 24)], length=3)
    assert rows.tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9], [20, 21, 22, 23]]
