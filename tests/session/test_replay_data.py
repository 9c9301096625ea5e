"""Replays of runs on other data: a note says what differs."""

import numpy as np
import pytest
import torch

from tests.support import runs
from tests.support.waiting import SOON, paused_at
from workbench.data import DataStream, IndexableDataset, ShuffledScheme, as_stream
from workbench.main_loop.data_fingerprints import of_batch, of_data

pytestmark = pytest.mark.usefixtures("no_session_is_left")

EXAMPLES = "was not trained on the same examples as this run"
ORDER = "did not read its examples in the same order as this run"
FIRST = "the first batch of this run differs from the first batch of the original run"


def notes_of_replay(capsys, then, now):
    """Return what a replay of a run on the stream `then` prints in a run on the stream `now`."""
    original = runs.build(6, stream=then, dropout=0).start()
    assert original.wait(SOON)
    capsys.readouterr()
    session = runs.build(6, stream=now, dropout=0).start(paused=True)
    session.replay(original.log).wait(SOON)
    session.resume()
    assert session.wait(SOON)
    return capsys.readouterr().err


def other_examples():
    data = runs.examples()
    data["features"] = data["features"] + 1
    return stream_over(data)


def stream_over(data, **options):
    scheme = ShuffledScheme(len(data["targets"]), **{"batch_size": 5, "seed": 3, **options})
    return DataStream(IndexableDataset(data), iteration_scheme=scheme)


def batches(shift=0.0):
    """Return a stream of ready-made batches, whose examples have no indices."""
    return as_stream([{**batch, "features": batch["features"] + shift} for batch in some_batches()])


def some_batches():
    return list(runs.shuffled().get_epoch_iterator(as_dict=True))


def loader(seed=1, shift=0.0):
    data = runs.examples()
    tensors = (
        torch.as_tensor(data["features"] + np.float32(shift)),
        torch.as_tensor(data["targets"]),
    )
    dataset = torch.utils.data.TensorDataset(*tensors)
    generator = torch.Generator().manual_seed(seed)
    found = torch.utils.data.DataLoader(dataset, batch_size=5, shuffle=True, generator=generator)
    return as_stream(found, sources=("features", "targets"))


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        (runs.shuffled, other_examples, [EXAMPLES]),
        (runs.shuffled, lambda: runs.shuffled(seed=4), [ORDER]),
        (runs.shuffled, lambda: runs.shuffled(batch_size=4), [ORDER]),
        (runs.shuffled, runs.shuffled, []),
        (batches, lambda: batches(1.0), [FIRST]),
        (batches, batches, []),
        (loader, lambda: loader(seed=2), [ORDER]),
        (loader, lambda: loader(shift=1.0), [FIRST]),
        (loader, loader, []),
        (runs.shuffled, batches, []),  # the same batches, in another form
    ],
)
def test_a_replay_on_other_data_says_what_differs(capsys, then, now, expected):
    told = notes_of_replay(capsys, then(), now())
    assert [text for text in (EXAMPLES, ORDER, FIRST) if text in told] == expected


def test_other_examples_and_another_order_are_both_named(capsys):
    told = notes_of_replay(capsys, runs.shuffled(), stream_over(runs.examples(), seed=4))
    assert ORDER in told
    assert EXAMPLES not in told
    data = {name: values[:20] for name, values in runs.examples().items()}
    told = notes_of_replay(capsys, runs.shuffled(), stream_over(data, seed=4))
    assert ORDER in told
    assert EXAMPLES in told


def test_fingerprints_change_no_training_data():
    class Counting(ShuffledScheme):
        """Scheme with another order at each call, as a user could write it."""

        calls = 0

        def get_request_iterator(self, epoch=0, start=0):
            self.calls += 1
            return super().get_request_iterator(self.calls, start)

    scheme = Counting(22, 5, seed=1)
    stream = DataStream(IndexableDataset(runs.examples()), iteration_scheme=scheme)
    before = of_data(stream)
    assert of_data(stream) == before
    assert set(before) == {"examples", "order"}
    assert scheme.calls == 0


def test_data_that_cannot_be_read_have_no_fingerprint():
    class Broken(IndexableDataset):
        def get_data(self, request):
            raise OSError("the disk is gone")

    stream = DataStream(Broken(runs.examples()), iteration_scheme=ShuffledScheme(22, 5, seed=1))
    assert set(of_data(stream)) == {"order"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": [1.0, 2.0]}, {"x": [2.0, 1.0]}),
        ({"x": [1.0]}, {"y": [1.0]}),
        ({"x": torch.ones(2)}, {"x": torch.ones(3)}),
        ({"x": np.array(["a", "b"])}, {"x": np.array(["b", "a"])}),
        ({"x": np.array([[1], [2, 3]], dtype=object)}, {"x": np.array([[1], [2]], dtype=object)}),
    ],
)
def test_different_batches_have_different_fingerprints(one, other):
    assert of_batch(one) == of_batch(dict(one))
    assert of_batch(one) != of_batch(other)


def test_a_batch_that_is_no_mapping_has_no_fingerprint():
    assert of_batch([1, 2]) is None


def test_a_pause_with_a_pending_replay_does_nothing(monkeypatch):
    """The replay waits for the next batch, and does not ask for it again and again."""
    original = runs.build(9).start(paused=True)
    original.step(6).wait(SOON)
    paused_at(original, 6)
    original.set("learning_rate", 0.05).wait(SOON)
    original.resume()
    assert original.wait(SOON)
    session = runs.build(9).start(paused=True)
    replay = session.replay(original.log)
    settled = session.main_loop._run.mailbox
    for _ in range(3):
        session.snapshot().wait(SOON)
    assert settled._settled < 20
    assert not replay.done
    session.resume()
    assert session.wait(SOON)
    assert replay.iteration == 6
    runs.assert_same(session.main_loop, original.main_loop)
