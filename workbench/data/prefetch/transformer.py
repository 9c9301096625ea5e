"""`Prefetch`, a transformer that reads the batches of a stream in advance.

The position of a stream counts only returned batches, so reading ahead does not affect saving and
resuming.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Literal

from workbench.data.editing import edits_of
from workbench.data.prefetch.process import WorkerPool
from workbench.data.prefetch.thread import ReadAhead
from workbench.data.streams import AbstractDataStream, Data, DataStream
from workbench.data.transformers import Transformer
from workbench.errors import DataError
from workbench.utils.numbers import as_whole


class Prefetch(Transformer):
    """Transformer that reads batches in advance, in a thread or another process.

    The batches and their order do not change. If a batch cannot be read, an error is raised when
    that batch is requested. Use a thread if reading mostly waits for the disk or runs numpy
    functions, which let other threads run. Use a process if reading mostly executes Python code.
    The process takes a few seconds to start, and runs until this stream is closed. It receives
    copies of the stream (including any data in memory) and of the definitions in a notebook or
    script. Therefore ``if __name__ == "__main__"`` is not required.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    depth : int
        The maximum number of batches to read in advance.
    workers : {'thread', 'process'}
        The kind of worker that reads the batches.

    Raises
    ------
    DataError
        If `depth` or `workers` is not valid or, while reading in a process, if the stream cannot be
        pickled.
    PrefetchError
        While reading in a process, if the process ends unexpectedly. Reading again starts another
        process.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> stream = DataStream(IndexableDataset(range(5)), iteration_scheme=SequentialScheme(5, 2))
    >>> batches = Prefetch(stream, depth=4).get_epoch_iterator()
    >>> next(batches), next(batches)
    ((array([0, 1]),), (array([2, 3]),))
    >>> batches.state_dict()
    {'epoch': 0, 'position': 2}
    """

    _hooks = AbstractDataStream._hooks

    def __init__(
        self,
        data_stream: AbstractDataStream,
        depth: int = 2,
        workers: Literal["thread", "process"] = "thread",
    ) -> None:
        super().__init__(data_stream)
        self.batch_size = data_stream.batch_size
        self.depth = as_whole(depth, "depth", DataError, 1)
        if workers not in ("thread", "process"):
            raise DataError(f"workers of Prefetch must be 'thread' or 'process', not {workers!r}")
        self.workers = workers
        self._pool = WorkerPool()

    def _copied(self) -> None:
        self._pool = WorkerPool()

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        reading = self._in_thread if self.workers == "thread" else self._in_process
        with reading(epoch, start) as ahead:
            for batch in ahead:
                start += 1
                yield batch
                if ahead.lost or ahead.abandoned:  # a fork has no reading thread
                    break
            else:
                if not ahead.abandoned:
                    return
        yield from self.iterate(epoch, start)

    @contextlib.contextmanager
    def _in_thread(self, epoch: int, start: int) -> Iterator[ReadAhead[Data]]:
        read = partial(self.data_stream.iterate, epoch, start)
        with contextlib.closing(ReadAhead(read, self.depth)) as ahead:
            yield ahead

    @contextlib.contextmanager
    def _in_process(self, epoch: int, start: int) -> Iterator[ReadAhead[Data]]:
        worker = self._pool.take(self.data_stream)
        try:
            read = partial(worker.iterate, epoch, start, edits_of(self.data_stream))
            with contextlib.closing(ReadAhead(read, self.depth, cancel=worker.kill)) as ahead:
                self._pool.reading[ahead] = worker
                try:
                    yield ahead
                finally:
                    del self._pool.reading[ahead]
        finally:
            self._pool.give_back(worker)

    _one_for_one = True

    def _keeps_rows(self) -> bool:
        return self.data_stream._keeps_rows()

    def _over(self, base: DataStream, size: int) -> AbstractDataStream:
        return self.data_stream._over(base, size)  # nothing is read in advance

    def close(self) -> None:
        """Stop the reading process, even during an epoch; the next read starts a new process."""
        self._pool.close()
        super().close()

    def __repr__(self) -> str:
        return f"Prefetch({self.data_stream!r}, depth={self.depth}, workers={self.workers!r})"
