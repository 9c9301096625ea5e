"""The progress bar: its counts, and training that continues when it fails."""

import logging
import threading
from unittest.mock import Mock

import pytest

from tests.support.fakes import make
from workbench.extensions import CompositeExtension, FinishAfter, ProgressBar
from workbench.extensions.planned_end import planned_batches


class Endless:
    """A data source of unknown length."""

    def __iter__(self):
        return iter([{"x": 1}] * 4)


class Bar:
    """Records the calls of a tqdm bar."""

    def __init__(self, total, initial=0):
        self.total, self.n, self.told, self.closed = total, initial, [], False

    def set_description_str(self, text, refresh):
        self.description = text

    def update(self, n):
        self.n += n
        self.told.append((self.n, self.total))

    def reset(self, total):
        self.total, self.n = total, 0

    def refresh(self):
        pass

    def clear(self):
        self.told.append("clear")

    def close(self):
        self.closed = True


def attached(*others, **options):
    bar = ProgressBar()
    main_loop = make(bar, *others, **options)
    bar.main_loop = main_loop
    return bar


@pytest.mark.parametrize(
    ("finish", "total"),
    [
        ([], None),
        ([FinishAfter(after_n_epochs=5)], 15),
        ([FinishAfter(after_n_batches=7)], 7),
        ([FinishAfter(after_n_epochs=2, after_n_batches=7)], 6),
        ([CompositeExtension([FinishAfter(after_n_epochs=4)]), FinishAfter(after_n_epochs=6)], 12),
        ([FinishAfter(every_n_epochs=2)], None),
    ],
)
def test_the_total_comes_from_the_extension_that_ends_training(finish, total):
    bar = attached(*finish)
    assert bar.get_iter_per_epoch() == 3
    assert planned_batches(bar.main_loop) == total


def test_an_epoch_of_unknown_length_is_learned_from_the_first():
    from workbench.data import as_stream

    bar = attached(FinishAfter(after_n_epochs=2), batches=as_stream(Endless()))
    assert (bar.get_iter_per_epoch(), planned_batches(bar.main_loop)) == (None, None)
    bar.main_loop.run()
    assert (bar.get_iter_per_epoch(), planned_batches(bar.main_loop)) == (4, 8)


def test_the_bar_shows_where_the_run_ended(monkeypatch):
    made = []
    monkeypatch.setattr(ProgressBar, "create_bar", lambda self: made.append(Bar(None)) or made[-1])
    make(ProgressBar(interval=0.001), FinishAfter(after_n_epochs=2)).run()
    assert len(made) == 1
    assert made[0].told[-1] == (6, 6)
    assert made[0].description == "epoch 2/2"
    assert made[0].closed


def test_tqdm_draws_it(capsys):
    make(ProgressBar(interval=0.001), FinishAfter(after_n_epochs=2)).run()
    assert "epoch 2/2: 100%" in capsys.readouterr().err


def test_the_rate_stays_right_after_a_rewind_and_another_total(monkeypatch):
    now, progress, bar = [0.0], [50_000, 100_000], attached()
    monkeypatch.setattr(bar, "_progress", lambda: tuple(progress))
    drawn = bar._bar = bar.create_bar()
    drawn._time, drawn.start_t, drawn.last_print_t = (lambda: now[0]), 0.0, 0.0

    def facts():
        for _ in range(2):
            now[0] += 1.0
            progress[0] += 100
            bar._draw()
        found = drawn.format_dict
        return found["n"], found["total"], found["rate"]

    assert facts() == (50_200, 100_000, pytest.approx(100.0))
    progress[0] = 40_000
    bar._draw()
    assert facts() == (40_200, 100_000, pytest.approx(100.0))
    for total in (120_000, None):
        progress[1] = total
        bar._draw()
        assert facts()[1:] == (total, pytest.approx(100.0))
    drawn.close()


def test_a_broken_bar_does_not_harm_training(monkeypatch, caplog):
    monkeypatch.setattr(ProgressBar, "create_bar", lambda self: 1 / 0)
    main_loop = make(ProgressBar(interval=0.001), FinishAfter(after_n_epochs=2))
    with caplog.at_level(logging.WARNING):
        main_loop.run()
    assert main_loop.status["epochs_done"] == 2
    assert "the progress bar failed; training continues without it" in caplog.text


def test_the_bar_ends_with_a_run_that_fails(monkeypatch):
    bar = Bar(None)
    monkeypatch.setattr(ProgressBar, "create_bar", lambda self: bar)
    main_loop = make(ProgressBar(interval=0.001))
    main_loop.algorithm.errors[5] = ValueError("no")
    with pytest.raises(ValueError, match="no"):
        main_loop.run()
    assert bar.closed
    assert bar.told[-1] == (1, 3)
    assert bar.description == "epoch 2"


def test_a_bar_whose_thread_cannot_start_leaves_training_alone(monkeypatch, caplog):
    monkeypatch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("no thread")))
    main_loop = make(ProgressBar(), FinishAfter(after_n_epochs=1))
    main_loop.run()
    assert main_loop.status["epochs_done"] == 1
    assert "the progress bar cannot start" in caplog.text
