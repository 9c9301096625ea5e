"""User classes that override methods which nothing calls: an error at their definition."""

import numpy as np
import pytest

from tests.data.support import examples_of, plain, ragged_batches
from workbench import data
from workbench.data.transformers import RandomTransformer
from workbench.errors import DataError


def defining(base, **methods):
    """Define a class, as a class statement of the user does."""
    return lambda: type("Mine", (base,), {"__module__": "__main__", **methods})


def old(self, request=None):
    return None


def old_of_dataset(self, state=None, request=None):
    return None


TRANSFORM = "Transformer calls transform(self, data) instead"
BY_SOURCE = "calls transform_source_batch(self, source_batch, source_name), transform_source_exam"
REFUSED = {
    "Padding.get_data_from_batch": (data.Padding, "Padding calls transform(self, data) instead"),
    "Padding.transform_batch": (data.Padding, "Padding calls transform(self, data) instead"),
    "Filter.get_data": (data.Filter, "Filter calls iterate(self, epoch, start=0) instead"),
    "Filter.transform": (data.Filter, "Filter calls iterate(self, epoch, start=0) instead"),
    "DataStream.get_data": (data.DataStream, "DataStream calls iterate(self, epoch, start=0) ins"),
    "DataStream.next_epoch": (data.DataStream, "calls iterate(self, epoch, start=0) instead"),
    "AbstractDataStream.reset": (data.AbstractDataStream, "calls iterate(self, epoch, start=0)"),
    "Transformer.get_data": (data.Transformer, TRANSFORM),
    "Transformer.get_data_from_example": (data.Transformer, TRANSFORM),
    "Transformer.transform_example": (data.Transformer, TRANSFORM),
    "Transformer.transform_batch": (data.Transformer, TRANSFORM),
    "Transformer.transform_any": (data.Transformer, TRANSFORM),
    "Transformer.transform_source_batch": (data.Transformer, TRANSFORM),
    "Mapping.get_data": (data.Mapping, "Mapping calls transform(self, data) instead"),
    "Merge.get_data": (data.Merge, "Merge calls iterate(self, epoch, start=0) instead"),
    "SourcewiseTransformer.transform_any_source": (data.SourcewiseTransformer, BY_SOURCE),
    "SourcewiseTransformer.transform_batch": (data.SourcewiseTransformer, BY_SOURCE),
    "Flatten.get_data": (data.Flatten, BY_SOURCE),
    "RandomTransformer.transform_source_batch": (
        RandomTransformer, "RandomTransformer calls transform_example(self, example, rng) instead"
    ),
    "RandomFlip.transform": (data.RandomFlip, "calls transform_example(self, example, rng) ins"),
    "Batch.get_data": (data.Batch, "Batch calls iterate(self, epoch, start=0) instead"),
    "Cache.transform": (data.Cache, "Cache calls iterate(self, epoch, start=0) instead"),
    "Unpack.get_data": (data.Unpack, "Unpack calls iterate(self, epoch, start=0) instead"),
    "Window.transform": (data.Window, "Window calls iterate(self, epoch, start=0) instead"),
    "Prefetch.get_data": (data.Prefetch, "Prefetch calls iterate(self, epoch, start=0) instead"),
    "IterableDataset.get_data": (data.IterableDataset, "calls examples(self, start=0) instead"),
    "TextFile.get_data": (data.TextFile, "TextFile calls examples(self, start=0) instead"),
    "IterableDataset.open": (data.IterableDataset, "calls examples(self, start=0) instead"),
    "Dataset.open": (data.Dataset, "Dataset calls get_data(self, request) instead"),
    "Dataset.next_epoch": (data.Dataset, "Dataset calls get_data(self, request) instead"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_the_error_for_a_former_hook_names_the_method_to_write(name):
    base, advice = REFUSED[name]
    method = name.rpartition(".")[2]
    with pytest.raises(DataError) as caught:
        defining(base, **{method: old})()
    assert f"Mine.{method} would never be called, because " in str(caught.value)
    assert advice in str(caught.value)


OTHERWISE = {
    "a state": (data.Dataset, "get_data", old_of_dataset, "defined as get_data(state=None, reque"),
    "a state, in memory": (
        data.IndexableDataset, "get_data", old_of_dataset, "a dataset has no state:"
    ),
    "no name of the source": (
        data.SourcewiseTransformer, "transform_source_batch", lambda self, batch: batch,
        "called as transform_source_batch(source_batch, source_name)",
    ),
    "no generator": (
        RandomTransformer, "transform_example", lambda self, example: example,
        "is called as transform_example(example, rng), but is defined as transform_example(exam",
    ),
    "no epoch": (
        data.AbstractDataStream, "iterate", lambda self: iter(()), "is called as iterate(epoch, s"
    ),
    "no start": (
        data.IterableDataset, "examples", lambda self: iter(()), "the first `start`"
    ),
    "no epoch of a scheme": (
        data.BatchSizeScheme, "get_request_iterator", lambda self: iter([1, 2]),
        "the requests of epoch `epoch`, omitting the first `start`",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("base", "name", "method", "message"), OTHERWISE.values(), ids=OTHERWISE
)  # fmt: skip
def test_a_hook_with_other_arguments_is_an_error(base, name, method, message):
    with pytest.raises(DataError) as caught:
        defining(base, **{name: method})()
    assert message in str(caught.value) and str(caught.value).startswith(f"Mine.{name} ")


def test_a_hook_from_a_mixin_is_an_error():
    class Old:
        def transform_batch(self, batch):
            return batch

    with pytest.raises(DataError, match="Mine.transform_batch would never be called"):
        type("Mine", (Old, data.Transformer), {"__module__": "__main__"})


class PaddingWithEnd(data.Padding):
    """Padding with the number of the end of a sequence instead of 0."""

    def transform(self, data):
        padded, mask = super().transform(data)
        return np.where(mask == 1, padded, 9), mask


def test_the_named_method_is_called():
    stream = PaddingWithEnd(ragged_batches(2, x=[[1], [2, 3]]), mask_dtype="int8")
    [(padded, mask)] = plain(stream.get_epoch_iterator())
    assert (padded, mask) == ([[1, 9], [2, 3]], [[1, 0], [1, 1]])


def test_methods_of_a_class_with_its_own_iterate_can_have_any_name():
    class Mine(data.Transformer):
        def iterate(self, epoch, start=0):
            return map(self.transform_batch, self.data_stream.iterate(epoch, start))

        def transform_batch(self, batch):
            return (batch[0] + 1,)

    assert list(Mine(examples_of(x=[1, 2])).get_epoch_iterator()) == [(2,), (3,)]


class Squares(data.Dataset):
    provides_sources = ("number", "square")
    num_examples = 5
    example_iteration_scheme = data.SequentialExampleScheme(5)

    def get_data(self, request):
        numbers = np.arange(5)[request]
        return self.filter_sources((numbers, numbers**2))


def test_sources_can_be_an_attribute_of_the_class():
    scheme = data.SequentialScheme(5, 3)
    stream = data.DataStream(Squares(sources=("square",)), iteration_scheme=scheme)
    assert plain(stream.get_epoch_iterator()) == [[[0, 1, 4]], [[9, 16]]]
    assert Squares().sources == ("number", "square")
    assert plain(Squares(sources=("square", "number")).get_example_stream().iterate(0, 4)) == [
        [16, 4]
    ]


def test_the_error_for_a_data_set_without_sources_gives_advice():
    class Nothing(data.Dataset):
        def get_data(self, request):
            return ()

    with pytest.raises(DataError, match="Nothing must name its sources; set"):
        Nothing()

    class Forgetful(Squares):
        def __init__(self):
            self.numbers = range(5)

    with pytest.raises(DataError, match=r"call super\(\).__init__\(\) in its __init__"):
        data.DataStream(Forgetful())


def test_filtering_the_wrong_number_of_sources_is_an_error():
    with pytest.raises(DataError, match="entry for each of .'number', 'square'., but was given 1"):
        Squares().filter_sources((1,))


def test_epochs_follow_one_another():
    stream = examples_of(x=[1, 2])
    epochs = [next(stream.iterate_epochs(as_dict=True))]
    assert [list(epoch) for epoch in epochs] == [[{"x": 1}, {"x": 2}]]
    for _, epoch in zip(range(2), stream.iterate_epochs(), strict=False):
        assert list(epoch) == [(1,), (2,)]
