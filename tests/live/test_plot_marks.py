"""Marks of a plot: what they say, and that thousands stay readable."""

from itertools import pairwise

import pytest

from extensions_live.plot_axes import ITERATIONS
from extensions_live.plot_marks import BUCKETS, Visible, best_mark, epoch_marks, text_marks
from workbench.log import TrainingLog


def visible(start=None, stop=None, last=10_000):
    return Visible(ITERATIONS, start, stop, last)


def changed(variable, old, value, by="button"):
    return {
        "command": "set",
        "text": "set",
        "variable": variable,
        "old": old,
        "value": value,
        "by": by,
    }


@pytest.mark.parametrize("count", [1, 7, 100, 99_999])
def test_epochs_are_thinned_to_round_numbers(count):
    ends = list(range(10, 10 * count + 1, 10))
    marks = epoch_marks(ends, visible(last=10 * count))
    numbers = [int(text.rpartition(" ")[2].replace(",", "")) for text in marks["text"]]
    steps = {later - earlier for earlier, later in pairwise([0, *numbers])}
    assert 1 <= len(numbers) <= 30
    assert len(steps) == 1
    assert str(steps.pop()).rstrip("0") in {"1", "2", "5"}


def test_zooming_in_shows_every_epoch():
    marks = epoch_marks(list(range(10, 100_001, 10)), visible(500, 540))
    assert marks["text"] == [f"end of epoch {n}" for n in (50, 51, 52, 53, 54)]


def test_an_intervention_says_what_changed_and_who_did_it():
    log = TrainingLog()
    log[1204]["interventions"] = (changed("learning_rate", 0.1, 0.01),)
    marks = text_marks(log, "intervention", visible())
    assert marks["text"] == ["learning_rate 0.1 → 0.01 at 1,204, by button"]
    assert marks["x"] == [1204.0]


def test_a_pause_changes_nothing_and_is_no_mark():
    log = TrainingLog()
    log[3]["interventions"] = ({"command": "pause", "text": "pause", "by": "code"},)
    assert text_marks(log, "intervention", visible()) is None


def test_thousands_of_interventions_are_gathered():
    log = TrainingLog()
    for i in range(5000):
        log[2 * i]["interventions"] = (changed("rate", i, i + 1),)
    marks = text_marks(log, "intervention", visible())
    assert len(marks["x"]) <= BUCKETS + 1
    first = marks["text"][0].split("\n")
    assert first[0] == "rate 0 → 1 at 0, by button"
    assert first[-1] == "and 122 more"


def test_checkpoints_and_tiers_are_named():
    log = TrainingLog()
    log[50]["saved_to"] = ("/a/b/model.tar", "/a/b/best.tar")
    log[9]["execution"] = "compiled: asked for"
    assert text_marks(log, "checkpoint", visible())["text"] == [
        "checkpoint at 50: model.tar, best.tar"
    ]
    assert text_marks(log, "tier", visible())["text"] == ["compiled: asked for from 9 on"]


def test_the_reason_for_a_tier_is_whole():
    log = TrainingLog()
    reason = "eager: the batches are small, so a program would take longer to compile than it saves"
    log[2000]["execution"] = f"{reason}, and is compiled in the background"
    text = text_marks(log, "tier", visible())["text"][0]
    assert text.endswith("is compiled in the background from 2,000 on")


def test_the_best_value_is_the_last_one_that_was_noted():
    log = TrainingLog()
    for i, value in enumerate([3.0, 1.0, 2.0]):
        log[i]["cost"] = value
        if value < 3.0 and i == 1:
            log[i]["cost_best_so_far"] = True
    mark = best_mark(log, "cost", "cost", ITERATIONS)
    assert (mark["x"], mark["y"], mark["curve"]) == ([1.0], [1.0], "cost")
    assert mark["text"] == ["best cost so far: 1 at 1"]


def test_a_channel_whose_best_is_not_tracked_has_no_mark():
    assert best_mark(TrainingLog(), "cost", "cost", ITERATIONS) is None
