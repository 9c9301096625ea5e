"""Iteration schemes: the requests of an epoch, and resuming from each of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.config import config
from workbench.data import (
    BatchSizeScheme,
    ConcatenatedScheme,
    ConstantScheme,
    DataStream,
    IterableDataset,
    IterationScheme,
    SequentialExampleScheme,
    SequentialScheme,
    ShuffledExampleScheme,
    ShuffledScheme,
    cross_validation,
)
from workbench.errors import DataError

counts = st.integers(1, 60)
seeds = st.integers(0, 2**70)


@st.composite
def single_schemes(draw: st.DrawFn) -> IterationScheme:
    examples = draw(
        st.one_of(
            counts,
            st.lists(st.integers(0, 99), min_size=1, max_size=30),
            st.builds(range, st.integers(0, 9), st.integers(10, 40), st.integers(1, 3)),
        )
    )
    size, seed = draw(counts), draw(seeds)
    return draw(
        st.sampled_from(
            [
                SequentialScheme(examples, size),
                ShuffledScheme(examples, size, seed=seed),
                ShuffledScheme(examples, size, seed=seed, sorted_indices=True),
                SequentialExampleScheme(examples),
                ShuffledExampleScheme(examples, seed=seed),
                ConstantScheme(size, num_examples=draw(counts)),
                ConstantScheme(size, times=draw(counts)),
            ]
        )
    )


@st.composite
def concatenated_schemes(draw: st.DrawFn) -> IterationScheme:
    parts = draw(st.lists(single_schemes(), min_size=1, max_size=4))
    kind = (parts[0].requests_examples, parts[0].bounds is None)
    return ConcatenatedScheme(
        [part for part in parts if (part.requests_examples, part.bounds is None) == kind]
    )


schemes = st.one_of(single_schemes(), concatenated_schemes())


def flat(requests) -> list[int]:
    return [index for request in plain(requests) for index in request]


def plain(requests) -> list:
    """Return requests as lists of integers, which can be compared."""
    return [
        list(range(r.start, r.stop)) if isinstance(r, slice) else np.asarray(r).tolist()
        for r in requests
    ]


@given(schemes, st.integers(0, 5), st.integers(0, 70))
def test_any_position_resumes_exactly(scheme, epoch, start):
    whole = plain(scheme.get_request_iterator(epoch))
    assert plain(scheme.get_request_iterator(epoch, start)) == whole[start:]
    assert len(whole) == scheme.num_batches


@given(counts, counts, st.integers(0, 5))
def test_a_sequential_epoch_is_every_example_in_order(examples, size, epoch):
    scheme = SequentialScheme(examples, size)
    batches = plain(scheme.get_request_iterator(epoch))
    assert flat(scheme.get_request_iterator(epoch)) == list(range(examples))
    assert all(len(batch) == size for batch in batches[:-1])


@given(st.lists(st.integers(0, 99), min_size=1, max_size=30), counts, seeds, st.integers(0, 5))
def test_a_shuffled_epoch_has_every_index_as_often_as_given(indices, size, seed, epoch):
    scheme = ShuffledScheme(indices, size, seed=seed)
    assert sorted(flat(scheme.get_request_iterator(epoch))) == sorted(indices)


def test_consecutive_examples_are_slices():
    requests = SequentialScheme(range(10, 15), 3).get_request_iterator()
    assert list(requests) == [slice(10, 13), slice(13, 15)]


def test_epochs_and_seeds_differ():
    orders = {
        tuple(ShuffledExampleScheme(50, seed=seed).get_request_iterator(epoch))
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(orders) == 4


def test_batches_and_examples_are_shuffled_in_the_same_way():
    batches = ShuffledScheme(20, 6, seed=3).get_request_iterator(epoch=2)
    examples = ShuffledExampleScheme(20, seed=3).get_request_iterator(epoch=2)
    assert flat(batches) == list(examples)


def test_sorted_indices_ascend_within_each_batch():
    scheme = ShuffledScheme(40, 16, seed=0, sorted_indices=True)
    assert all(batch == sorted(batch) for batch in plain(scheme.get_request_iterator()))


@pytest.mark.parametrize("rng", [np.random.default_rng, np.random.RandomState])
def test_a_seed_is_drawn_from_rng_once(rng):
    first = ShuffledScheme(10, 5, rng=rng(7))
    again = ShuffledScheme(10, 5, rng=rng(7))
    assert first.seed == again.seed != ShuffledScheme(10, 5, rng=rng(8)).seed


def test_the_default_seed_comes_from_the_settings():
    with config.override(default_seed=0):
        assert ShuffledScheme(10, 5).seed == 0
    assert ShuffledExampleScheme(10).seed == config.default_seed


def test_a_constant_scheme_without_a_length_does_not_end():
    requests = ConstantScheme(3).get_request_iterator(start=10**9)
    assert [next(requests) for _ in range(4)] == [3, 3, 3, 3]


def test_concatenated_schemes_are_used_in_order():
    easy, hard = SequentialScheme(range(4), 3), ShuffledScheme(range(4, 9), 2, seed=1)
    scheme = ConcatenatedScheme([easy, hard])
    assert (scheme.num_examples, scheme.num_batches, scheme.bounds) == (9, 5, (0, 8))
    expected = plain(easy.get_request_iterator(2)) + plain(hard.get_request_iterator(2))
    assert plain(scheme.get_request_iterator(2)) == expected


class Growing(BatchSizeScheme):
    """Scheme of a user, which counts with numpy."""

    def __init__(self, sizes):
        self.sizes = sizes

    def get_request_iterator(self, epoch=0, start=0):
        return iter(self.sizes[start:])


def test_sizes_of_a_users_scheme_must_be_integers_of_python_or_numpy():
    dataset = IterableDataset(range(7))
    stream = DataStream(dataset, iteration_scheme=Growing(np.array([1, 2, 3, 4])))
    assert [batch.tolist() for [batch] in stream.iterate(0, 2)] == [[3, 4, 5], [6]]
    with pytest.raises(DataError, match=r"a request of .* must be a whole number, not 0\.5"):
        next(DataStream(dataset, iteration_scheme=Growing([0.5])).iterate(0))


def test_an_endless_scheme_can_be_the_last():
    scheme = ConcatenatedScheme([ConstantScheme(2, times=2), ConstantScheme(5)])
    assert (scheme.num_examples, scheme.num_batches, scheme.bounds) == (None, None, None)
    requests = scheme.get_request_iterator(start=1)
    assert [next(requests) for _ in range(3)] == [2, 5, 5]


@given(st.integers(2, 40), st.integers(2, 8))
def test_each_example_is_for_validation_in_one_fold_and_training_in_the_others(count, folds):
    folds = min(folds, count)
    seen = []
    for training, validation, size in cross_validation(
        SequentialScheme, count, folds, strict=False, batch_size=3
    ):
        held_out = flat(validation.get_request_iterator())
        assert size == len(held_out)
        assert sorted(flat(training.get_request_iterator()) + held_out) == list(range(count))
        seen += held_out
    assert seen == list(range(count))


def test_strict_folds_are_pairs_of_the_given_class():
    pairs = list(cross_validation(ShuffledScheme, 6, 2, batch_size=2, seed=5))
    assert [type(scheme) for pair in pairs for scheme in pair] == [ShuffledScheme] * 4
    assert [validation.bounds for _, validation in pairs] == [(0, 2), (3, 5)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConcatenatedScheme([]), "at least one scheme, but schemes is empty"),
        (
            lambda: ConcatenatedScheme([ConstantScheme(2), ConstantScheme(3)]),
            "after ConstantScheme.2. would never be used",
        ),
        (
            lambda: ConcatenatedScheme([ConstantScheme(2, 4), SequentialScheme(4, 2)]),
            "the same kind, .* requests numbers of examples; .* requests batches by index",
        ),
        (
            lambda: cross_validation(SequentialScheme, 10, 3),
            "num_folds=3 must divide the number of examples .10.;",
        ),
        (
            lambda: cross_validation(SequentialScheme, 10, 1),
            "num_folds must be between 2 and the number of examples .10., not 1",
        ),
        (lambda: SequentialScheme(10, 0), "batch_size must be a whole number >= 1, not 0"),
        (
            lambda: SequentialScheme(10, 2.5),
            "batch_size must be a whole number >= 1, not 2.5",
        ),
        (
            lambda: SequentialScheme(10, True),
            "batch_size must be a whole number >= 1, not True",
        ),
        (lambda: SequentialScheme(0, 2), "at least one example, but examples is 0"),
        (lambda: SequentialScheme([], 2), "at least one example, but examples is .."),
        (lambda: SequentialScheme([0.5], 2), "list of integer indices"),
        (lambda: SequentialScheme("ten", 2), "list of integer indices"),
        (lambda: SequentialScheme(None, 2), "examples must be a whole number, not None"),
        (lambda: ShuffledScheme(10, 2, seed=-1), "seed must be a whole number >= 0, not -1"),
        (
            lambda: ShuffledScheme(10, 2, seed=1, rng=np.random.default_rng()),
            "rng or seed, not both;",
        ),
        (lambda: ConstantScheme(2, 10, 5), "not both .num_examples=10, times=5."),
    ],
)
def test_the_error_names_an_invalid_argument(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_the_representation_of_schemes():
    assert repr(SequentialScheme(5, 2)) == "SequentialScheme(5 examples, batch_size=2)"
    assert repr(ShuffledScheme(5, 2, seed=9)) == "ShuffledScheme(5 examples, batch_size=2, seed=9)"
    assert repr(SequentialExampleScheme(5)) == "SequentialExampleScheme(5 examples)"
    assert repr(ShuffledExampleScheme(5, seed=9)) == "ShuffledExampleScheme(5 examples, seed=9)"
    assert repr(ConstantScheme(2, times=3)) == "ConstantScheme(2, num_examples=6)"
    shown = "ConcatenatedScheme([ConstantScheme(2, num_examples=6)])"
    assert repr(ConcatenatedScheme([ConstantScheme(2, times=3)])) == shown
