"""`ProgressBar`, a progress bar with the remaining time, drawn by a separate thread.

A slow terminal or notebook barely delays training, since the thread polls the status of the run, by
default twice per second. tqdm draws the bar, as text in a terminal and as a widget in a notebook.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from bisect import bisect_left
from typing import Any

from workbench.extensions.base import TrainingExtension
from workbench.extensions.planned_end import batches_per_epoch, planned_batches, planned_epochs

logger = logging.getLogger(__name__)


class ProgressBar(TrainingExtension):
    """Extension that shows the progress of training and the remaining time.

    If the total number of batches is known, the bar counts the batches of all epochs; otherwise it
    counts the batches of each epoch. The length of an epoch is taken from the data stream or from
    the previous epoch. Place the extension before extensions that print, so that their output
    starts on a new line.

    Parameters
    ----------
    interval : float
        The number of seconds between two updates of the bar.
    name : str, optional
        The name of the extension; by default the class name.

    Examples
    --------
    >>> from workbench.extensions import FinishAfter
    >>> extensions = [FinishAfter(after_n_epochs=5), ProgressBar()]
    """

    only_reports = True

    def __init__(self, *, interval: float = 0.5, name: str | None = None) -> None:
        super().__init__(name)
        self.interval = interval
        self._stand_still()

    def _stand_still(self) -> None:
        self._artist: threading.Thread | None = None
        self._ended = threading.Event()
        self._drawing = threading.Lock()
        self._bar: Any = None
        self._quiet_at = -1

    def __getstate__(self) -> dict[str, Any]:
        drawing = ("_artist", "_ended", "_drawing", "_bar", "_quiet_at")
        return {key: value for key, value in vars(self).items() if key not in drawing}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._stand_still()

    def get_iter_per_epoch(self) -> int | None:
        """Return the number of batches in an epoch, or None if it is not known yet."""
        return batches_per_epoch(self.main_loop)

    def create_bar(self) -> Any:
        """Create a tqdm bar at the current position; it appears after the first interval."""
        from tqdm.auto import tqdm

        done, total = self._progress()
        return tqdm(
            total=total,
            initial=done,
            unit="batch",
            delay=self.interval,
            mininterval=0.0,
            dynamic_ncols=True,
        )

    def before_epoch(self) -> None:
        self._start()

    def on_resumption(self) -> None:
        self._start()

    def after_epoch(self) -> None:
        # Other output must not continue the bar's line. The next batch shows the bar again.
        self._quiet_at = self.main_loop.status["iterations_done"]
        if self._drawing.acquire(timeout=self.interval):  # a front end may hang
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
            artist = threading.Thread(
                target=run, args=(self._draw_until_ended,), name="progress bar", daemon=True
            )
            try:
                artist.start()
            except RuntimeError:  # the system cannot start more threads
                logger.warning("the progress bar cannot start; training continues", exc_info=True)
            else:
                self._artist = artist

    def _stop(self) -> None:
        if self._artist is not None:
            self._ended.set()
            self._artist.join(timeout=2 * self.interval + 1.0)
            self._artist = None

    def _draw_until_ended(self) -> None:
        try:
            self._bar = self.create_bar()
            while not self._ended.wait(self.interval):
                self._draw()
            self._quiet_at = -1
            self._draw()
            self._bar.close()
        except Exception:
            logger.warning("the progress bar failed; training continues without it", exc_info=True)
        finally:
            self._bar = None

    def _draw(self) -> None:
        with self._drawing:
            if self.main_loop.status["iterations_done"] == self._quiet_at:
                return
            bar = self._bar
            done, total = self._progress()
            bar.set_description_str(self._description(), refresh=False)
            if total != bar.total or done < bar.n:
                # The bar's timer restarts, so only later batches may affect the displayed speed.
                bar.initial = 0
                bar.reset(total)
                bar.total = total  # reset(None) does not change it
                bar.initial = bar.n = bar.last_print_n = done
            bar.update(done - bar.n)
            bar.refresh()

    def _progress(self) -> tuple[int, int | None]:
        done, total = self.main_loop.status["iterations_done"], planned_batches(self.main_loop)
        if total is not None:
            return done, total
        starts = [0, *self.main_loop.status["_epoch_ends"]]
        return done - starts[self._epochs_before()], self.get_iter_per_epoch()

    def _description(self) -> str:
        epoch, last = self._epochs_before() + 1, planned_epochs(self.main_loop)
        return f"epoch {epoch}" if last is None else f"epoch {epoch}/{last}"

    def _epochs_before(self) -> int:
        """Return the number of epochs before the current epoch."""
        status = self.main_loop.status
        return bisect_left(status["_epoch_ends"], status["iterations_done"])
