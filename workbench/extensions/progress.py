"""A progress bar with the time left, drawn by a thread of its own.

Training never waits for a terminal or a notebook: the bar reads the status of the run twice a
second. tqdm decides what a bar looks like where it is shown.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from workbench.extensions.base import TrainingExtension
from workbench.extensions.composite import CompositeExtension
from workbench.extensions.finish import FinishAfter

logger = logging.getLogger(__name__)


class ProgressBar(TrainingExtension):
    """Shows how far training is, and how long it will still take.

    Where `FinishAfter` says when training ends, one bar counts all batches until then; otherwise
    it counts those of the epoch. The length of an epoch is that of the data stream, where that is
    known, or of the epoch before. Place it before extensions that print, so that they find a
    clean line.

    Parameters
    ----------
    interval : float
        Seconds between two looks at the run.
    name : str, optional
        Its name; the name of the class if not given.
    """

    def __init__(self, *, interval: float = 0.5, name: str | None = None) -> None:
        super().__init__(name)
        self.interval = interval
        self._artist: threading.Thread | None = None
        self._ended = threading.Event()
        self._drawing = threading.Lock()
        self._bar: Any = None
        self._began = 0
        self._learned: int | None = None
        self._quiet_at = -1

    def get_iter_per_epoch(self) -> int | None:
        """Return the number of batches in an epoch, or None if it is not known yet."""
        stream = self.main_loop.data_stream
        length = None if stream is None else stream.num_batches
        return self._learned if length is None else length

    def get_total(self) -> int | None:
        """Return the number of batches until training ends, or None if that is not known."""
        length = self.get_iter_per_epoch()
        epochs, batches = self._limits()
        in_epochs = None if epochs is None or length is None else epochs * length
        return min((n for n in (batches, in_epochs) if n is not None), default=None)

    def create_bar(self) -> Any:
        """Return a new tqdm bar for what is known now."""
        from tqdm.auto import tqdm

        done, total = self._progress()
        return tqdm(total=total, initial=done, unit="batch", mininterval=0.0, dynamic_ncols=True)

    def before_epoch(self) -> None:
        self._began = self.main_loop.status["iterations_done"]
        self._start()

    def on_resumption(self) -> None:
        ends = self.main_loop.status["_epoch_ends"]
        self._began = ends[-1] if ends else 0
        self._start()

    def after_epoch(self) -> None:
        done = self.main_loop.status["iterations_done"]
        self._learned = done - self._began
        # what is printed now shall not stand behind the bar; it comes back with the next batch
        self._quiet_at = done
        if self._drawing.acquire(timeout=self.interval):  # no longer: a front end may hang
            try:
                if self._bar is not None:
                    self._bar.clear()
            finally:
                self._drawing.release()

    def after_training(self) -> None:
        self._stop()

    def on_error(self, exception: BaseException) -> None:
        self._stop()

    def _start(self) -> None:
        if self._artist is None:
            self._ended.clear()
            run = contextvars.copy_context().run
            self._artist = threading.Thread(
                target=run, args=(self._draw_until_ended,), name="progress bar", daemon=True
            )
            self._artist.start()

    def _stop(self) -> None:
        if self._artist is not None:
            self._ended.set()
            self._artist.join(timeout=2 * self.interval + 1.0)
            self._artist = None

    def _draw_until_ended(self) -> None:
        try:
            while not self._ended.wait(self.interval):
                self._draw()
            self._quiet_at = -1
            self._draw()
            self._bar.close()
        except Exception:
            logger.warning("the progress bar broke; training goes on without it", exc_info=True)
        finally:
            self._bar = None

    def _draw(self) -> None:
        with self._drawing:
            if self.main_loop.status["iterations_done"] == self._quiet_at:
                return
            if self._bar is None:
                self._bar = self.create_bar()
            bar = self._bar
            done, total = self._progress()
            if total != bar.total or done < bar.n:
                bar.reset(total)
                bar.initial = bar.n = done
            bar.set_description_str(self._description(), refresh=False)
            bar.update(done - bar.n)
            bar.refresh()

    def _progress(self) -> tuple[int, int | None]:
        done, total = self.main_loop.status["iterations_done"], self.get_total()
        return (
            (done, total) if total is not None else (done - self._began, self.get_iter_per_epoch())
        )

    def _description(self) -> str:
        epoch, (last, _) = self.main_loop.status["epochs_done"] + 1, self._limits()
        return f"epoch {epoch}" if last is None else f"epoch {min(epoch, last)}/{last}"

    def _limits(self) -> tuple[int | None, int | None]:
        """Return the numbers of epochs and of batches after which training ends."""
        found = [e for e in _all(self.main_loop.extensions) if isinstance(e, FinishAfter)]
        epochs = min((e.epochs for e in found if e.epochs is not None), default=None)
        batches = min((e.batches for e in found if e.batches is not None), default=None)
        return epochs, batches


def _all(extensions: Iterable[TrainingExtension]) -> Iterator[TrainingExtension]:
    for extension in extensions:
        yield extension
        if isinstance(extension, CompositeExtension):
            yield from _all(extension.sub_extensions)
