"""Reading ahead in threads and in processes: same batches, same positions, same errors."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback

import numpy as np
import pytest

from tests.data.support import batches_of, plain
from workbench.config import config
from workbench.data import (
    DataStream,
    IndexableDataset,
    Mapping,
    Prefetch,
    SequentialScheme,
    ShuffledScheme,
)
from workbench.data.prefetch.thread import ReadAhead
from workbench.errors import DataError, PrefetchError

X = np.arange(46.0).reshape(23, 2)


class Awkward(Exception):
    """Error that can be pickled but not unpickled."""

    def __init__(self, code, text):
        super().__init__(text)


class Troubled(IndexableDataset):
    """Dataset that fails at some examples, in different ways."""

    def get_data(self, request):
        for number in np.atleast_1d(request).tolist():
            if number == 101:
                raise OSError(5, "disk broken")
            if number == 102:
                raise Awkward(1, "cannot be told")
            if number == 103:
                return (lambda: "cannot be sent",)
            if number == 104:
                os._exit(3)
            if number == 105:
                print("printed by the data")
        return super().get_data(request)


def shuffled(dataset=None):
    dataset = dataset or IndexableDataset({"x": X, "y": np.arange(23)})
    return DataStream(dataset, iteration_scheme=ShuffledScheme(dataset.num_examples, 4, seed=5))


def troubled(*numbers):
    return DataStream(
        Troubled(np.arange(200)), iteration_scheme=SequentialScheme(numbers, batch_size=1)
    )


@pytest.fixture(scope="module")
def processed():
    """Yield a stream whose batches come from another process, which is started once."""
    stream = Prefetch(shuffled(), depth=3, workers="process")
    yield stream
    stream.close()


@pytest.fixture(params=["thread", "process"])
def ahead(request, processed):
    stream = processed if request.param == "process" else Prefetch(shuffled(), depth=3)
    stream.load_state_dict({"epoch": 0, "position": 0})
    return stream


def test_batches_and_order_are_those_of_the_stream_below(ahead):
    for epoch in range(3):
        assert plain(ahead.get_epoch_iterator()) == plain(shuffled().iterate(epoch))


def test_every_position_resumes_exactly(ahead):
    whole = plain(shuffled().iterate(1))
    for start in range(len(whole) + 1):
        ahead.load_state_dict({"epoch": 1, "position": start})
        assert plain(ahead.get_epoch_iterator()) == whole[start:]


def test_the_position_counts_returned_batches_only(ahead):
    running = ahead.get_epoch_iterator()
    list(zip(range(2), running, strict=False))
    assert ahead.state_dict() == {"epoch": 0, "position": 2}
    again = pickle.loads(pickle.dumps(running))
    assert plain(again) == plain(shuffled().iterate(0, 2))


def test_two_readers_at_once_do_not_mix(ahead):
    mine = ahead.get_epoch_iterator()
    first = next(mine)
    assert plain(ahead.get_epoch_iterator(epoch=4)) == plain(shuffled().iterate(4))
    assert plain([first, *mine]) == plain(shuffled().iterate(0))


def test_batches_are_writable(ahead):
    [x, _] = next(ahead.get_epoch_iterator())
    x += 1


def test_at_most_depth_batches_are_read_ahead():
    read = []
    counted = Mapping(batches_of(1, x=range(9)), lambda data: read.append(1) or data)
    batches = Prefetch(counted, depth=2).get_epoch_iterator()
    next(batches)
    while len(read) < 4:  # one returned, two ready, and one that waits for room
        time.sleep(0.001)
    del batches
    assert len(read) == 4


def test_the_thread_has_the_settings_of_its_context():
    stream = Mapping(batches_of(1, x=[1]), lambda data: (config.default_seed,))
    with config.override(default_seed=77):
        assert list(Prefetch(stream).iterate(0)) == [(77,)]


@pytest.mark.parametrize("workers", ["thread", "process"])
def test_errors_are_raised_in_order_with_their_traceback(workers):
    stream = Prefetch(troubled(0, 1, 101, 2), depth=5, workers=workers)
    batches = stream.get_epoch_iterator()
    assert plain([next(batches), next(batches)]) == [[[0]], [[1]]]
    for _ in range(2):  # the next read tries again: an error is not the end of the epoch
        with pytest.raises(OSError, match="disk broken") as caught:
            next(batches)
        assert "in get_data" in "".join(traceback.format_exception(caught.value))
    stream.close()


@pytest.mark.parametrize(
    ("number", "message", "note"),
    [
        (102, "an error that cannot be pickled", "Awkward: cannot be told"),
        (103, "pickle", "in _send"),
    ],
)
def test_errors_and_batches_that_cannot_be_pickled_are_reported(number, message, note):
    stream = Prefetch(troubled(number), workers="process")
    with pytest.raises(Exception, match=message) as caught:
        next(stream.get_epoch_iterator())
    assert note in "".join(caught.value.__notes__)
    stream.close()


def test_closing_within_an_epoch_ends_the_process_and_reading_goes_on_in_another():
    stream = Prefetch(shuffled(), depth=3, workers="process")
    batches = stream.get_epoch_iterator()
    got = [next(batches), next(batches)]
    [worker] = stream._pool.reading.values()
    stream.close()
    assert worker._process.poll() is not None
    assert all(pipe.closed for pipe in worker._pipes())
    assert not stream._pool._workers
    got += list(batches)
    stream.close()
    assert plain(got) == plain(shuffled().get_epoch_iterator())


@pytest.mark.slow
def test_a_process_that_ends_is_reported_and_replaced(capfd):
    stream = Prefetch(troubled(105), workers="process")
    assert plain(stream.get_epoch_iterator()) == [[[105]]]
    assert capfd.readouterr().err == "printed by the data\n"
    [worker] = stream._pool._workers
    os.kill(worker._process.pid, signal.SIGKILL)
    worker._process.wait()
    assert plain(stream.get_epoch_iterator()) == [[[105]]]
    stream.close()
    dying = Prefetch(troubled(104), workers="process")
    with pytest.raises(PrefetchError, match="ended with exit code 3 before it sent batch 0 of epo"):
        next(dying.get_epoch_iterator())


def test_a_stream_that_cannot_be_pickled_is_an_error():
    lock = threading.Lock()
    stream = Prefetch(Mapping(shuffled(), lambda data: (lock, data)), workers="process")
    with pytest.raises(DataError, match="must support pickling, but .* .cannot pickle"):
        next(stream.get_epoch_iterator())


def readers() -> int:
    gc.collect()
    return sum(thread.name == "prefetch" for thread in threading.enumerate())


@pytest.mark.slow
def test_a_thread_without_a_reader_ends():
    before = readers()
    stream = Prefetch(shuffled())
    abandoned = stream.get_epoch_iterator()
    next(abandoned)
    assert readers() == before + 1
    list(stream.get_epoch_iterator())
    del abandoned
    assert readers() == before
    next(stream.get_epoch_iterator())
    del stream
    assert readers() == before


def test_an_interrupt_is_left_to_the_main_loop(processed):
    list(processed.get_epoch_iterator(epoch=0))
    [worker] = processed._pool._workers
    worker._process.send_signal(signal.SIGINT)
    assert plain(processed.get_epoch_iterator(epoch=0)) == plain(shuffled().iterate(0))
    assert processed._pool._workers == [worker]


def test_a_closed_reader_has_no_more_batches():
    reader = ReadAhead(lambda: iter(range(9)), depth=2)
    assert next(reader) == 0
    reader.close()
    assert list(reader) == []


SCRIPT = """
import sys
from workbench.data import DataStream, IndexableDataset, Prefetch, SequentialScheme

class Mine(IndexableDataset):
    '''Defined in a script that has no guard against being imported.'''

    def get_data(self, request):
        return tuple(2 * source for source in super().get_data(request))

stream = DataStream(Mine(range(1000)), iteration_scheme=SequentialScheme(1000, 1))
kept = [Prefetch(stream, workers=workers).get_epoch_iterator() for workers in sys.argv[1:]]
print(*[int(next(batches)[0][0]) + int(next(batches)[0][0]) for batches in kept])
"""


def test_a_script_ends_while_batches_are_being_read(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), "thread", "process"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 2\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_continues_to_read(ahead):
    running = ahead.get_epoch_iterator()
    next(running)
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if not child:
        try:
            sender.send(plain(running))
        finally:
            os._exit(0)
    sender.close()
    mine = plain(running)
    assert receiver.poll(60) and receiver.recv() == mine == plain(shuffled().iterate(0, 1))
    os.waitpid(child, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 0}, "depth must be a whole number >= 1, not 0"),
        ({"workers": "fork"}, "must be 'thread' or 'process', not 'fork'"),
    ],
)
def test_invalid_arguments_are_an_error(arguments, message):
    with pytest.raises(DataError, match=message):
        Prefetch(shuffled(), **arguments)
