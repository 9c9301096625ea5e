"""Records that two extensions would make, and records that nothing makes."""

import logging

import numpy as np
import pytest

from extensions_live import Plot
from tests.support.fakes import make
from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.errors import ExtensionError
from workbench.extensions import (
    Checkpoint,
    CompositeExtension,
    DataStreamMonitoring,
    EarlyStopping,
    FinishAfter,
    FinishIfNoImprovementAfter,
    Printing,
    ReduceOnPlateau,
    SimpleExtension,
    Timestamp,
    Timing,
    TrackTheBest,
    TrainingDataMonitoring,
)
from workbench.extensions.predicates import OnLogRecord
from workbench.main_loop import MainLoop

RATE = shared(1.0, "rate")
BATCH = {"x": np.ones((2, 2), "float32")}


class Note(SimpleExtension):
    """Records numbers that get worse under a name."""

    def __init__(self, record, **triggers):
        super().__init__(**triggers)
        self.record = record

    def do(self, which_callback, *args):
        log = self.main_loop.log
        log.current_row[self.record] = float(log.status["iterations_done"])


def warnings_of(caplog, *extensions, epochs=3):
    main_loop = make(*extensions, FinishAfter(after_n_epochs=epochs))
    with caplog.at_level(logging.WARNING):
        main_loop.run()
    return [r.getMessage() for r in caplog.records if r.name.startswith("workbench")]


WATCHERS = {
    "TrackTheBest": lambda name: TrackTheBest(name),
    "TrackTheBest after batches": lambda name: TrackTheBest(name, after_batch=True),
    "ReduceOnPlateau": lambda name: ReduceOnPlateau(RATE, name),
    "EarlyStopping": lambda name: EarlyStopping(name, epochs=9),
    "FinishIfNoImprovementAfter": lambda name: FinishIfNoImprovementAfter(name, epochs=9),
    "OnLogRecord": lambda name: Printing(after_epoch=False).add_condition(
        ["after_epoch"], OnLogRecord(name)
    ),
    "OnLogRecord of a checkpoint": lambda name: Checkpoint("/nowhere/a.tar", after_training=False)
    .add_condition(["after_epoch"], OnLogRecord(name)),
    "Plot": lambda name: Plot(channels=[["cost", name]]),
    "a part": lambda name: CompositeExtension([TrackTheBest(name)]),
}  # fmt: skip


@pytest.mark.parametrize("watcher", WATCHERS)
def test_a_channel_that_never_came_is_named_once_with_the_nearest(watcher, caplog):
    [text] = warnings_of(caplog, Note("cost", after_epoch=True), WATCHERS[watcher]("csot"))
    assert "record 'csot', which no extension has written so far; " in text
    assert text.endswith("; did you mean 'cost'?")


def test_a_record_derived_from_a_channel_is_no_hint(caplog):
    [text] = warnings_of(
        caplog, Note("cost", after_epoch=True), EarlyStopping("valid_error", epochs=1)
    )
    assert "reads the record 'valid_error'," in text and "did you mean" not in text


@pytest.mark.parametrize("watcher", WATCHERS)
def test_a_channel_with_records_causes_no_warning(watcher, caplog):
    assert warnings_of(caplog, Note("cost", after_epoch=True), WATCHERS[watcher]("cost")) == []


@pytest.mark.parametrize("watcher", WATCHERS)
def test_a_run_that_ends_within_its_first_epoch_warns_too(watcher, caplog):
    main_loop = make(
        Note("cost", after_batch=True), WATCHERS[watcher]("csot"), FinishAfter(after_n_batches=1)
    )
    with caplog.at_level(logging.WARNING):
        main_loop.run()
    assert "did you mean 'cost'" in caplog.text and main_loop.status["epochs_done"] == 0


def test_nothing_is_said_before_the_first_epoch_ends(caplog):
    class Look(SimpleExtension):
        def do(self, which_callback, *args):
            texts.append(caplog.text)

    texts = []
    warnings_of(caplog, TrackTheBest("csot", after_batch=True), Look(after_epoch=True), epochs=2)
    assert texts[0] == "" and "csot" in texts[1]


def test_a_record_made_later_in_the_run_causes_no_warning(caplog):
    monitor, _ = monitors(every_n_epochs=3, after_epoch=False, before_first_epoch=False)
    texts = warnings_of(caplog, monitor, TrackTheBest("cost"), epochs=2)
    assert texts == []


@pytest.mark.parametrize(
    "watcher", ["TrackTheBest", "ReduceOnPlateau", "OnLogRecord", "FinishIfNoImprovementAfter"]
)
def test_looking_before_the_record_is_made_causes_a_warning(watcher, caplog):
    [text] = warnings_of(caplog, WATCHERS[watcher]("cost"), Note("cost", after_epoch=True))
    assert "'cost' before it is written; the extension that writes it must" in text


def monitors(**options):
    x, w = tensor.matrix("x"), shared(0.0, "w")
    cost = ((w - x) ** 2).mean().copy(name="cost")
    return DataStreamMonitoring([cost], [BATCH], **options), (cost, w)


COST, W = monitors()[1]
LEARN = {"cost": COST, "parameters": [W], "step_rule": Scale(0.1)}


def named(name):
    return (W * 1).copy(name=name)


CLASHES = {
    "training and evaluation": (
        TrainingDataMonitoring([COST], after_batch=True), DataStreamMonitoring([COST], [BATCH]),
        "cost",
    ),
    "two evaluations": (
        DataStreamMonitoring([COST], [BATCH], prefix="test"),
        DataStreamMonitoring([COST, W], [BATCH], prefix="test"), "test_cost",
    ),
    "a prefix that makes another's name": (
        DataStreamMonitoring([named("best_cost")], [BATCH], prefix="test"),
        DataStreamMonitoring([COST], [BATCH], prefix="test_best"), "test_best_cost",
    ),
    "two trainings": (
        TrainingDataMonitoring([COST], after_batch=True),
        TrainingDataMonitoring([COST], after_epoch=True), "cost",
    ),
    "a part": (
        CompositeExtension([TrainingDataMonitoring([COST], after_batch=True)]),
        DataStreamMonitoring([COST], [BATCH]), "cost",
    ),
    "a variable called like a time": (
        TrainingDataMonitoring([named("time_train_total")], after_epoch=True), Timing(),
        "time_train_total",
    ),
    "two timings": (Timing(), Timing(every_n_epochs=2), "time_initialization"),
    "two timestamps": (Timestamp(), Timestamp(after_batch=True), "timestamp"),
    "a variable called like a time stamp": (
        DataStreamMonitoring([named("timestamp")], [BATCH]), Timestamp(), "timestamp",
    ),
    "a variable called like a notification": (
        DataStreamMonitoring([named("cost_best_so_far")], [BATCH]), TrackTheBest("cost"),
        "cost_best_so_far",
    ),
    "a variable called like a patience": (
        DataStreamMonitoring([named("n_patience_epochs")], [BATCH]),
        FinishIfNoImprovementAfter("n", epochs=2), "n_patience_epochs",
    ),
    "a variable called like a file": (
        DataStreamMonitoring([named("saved_to")], [BATCH]), Checkpoint("a.tar"), "saved_to",
    ),
}  # fmt: skip


@pytest.mark.parametrize("first, second, name", CLASHES.values(), ids=CLASHES)
def test_two_extensions_with_one_record_are_refused_by_name(first, second, name):
    kinds = [type(next(iter(getattr(e, "sub_extensions", [e])))).__name__ for e in (first, second)]
    text = f"^{kinds[0]}.* and {kinds[1]}.* would both write the record '{name}'.*rename one"
    with pytest.raises(ExtensionError, match=text):
        MainLoop(GradientDescent(**LEARN), [BATCH], extensions=[first, second])


@pytest.mark.parametrize("name", ["training_finished", "execution", "interventions"])
def test_the_records_of_the_main_loop_are_its_own(name):
    monitor = DataStreamMonitoring([named(name)], [BATCH])
    with pytest.raises(ExtensionError, match=f"^the main loop and Data.* the record '{name}'"):
        MainLoop(GradientDescent(**LEARN), [BATCH], extensions=[monitor])


def test_extensions_added_later_are_checked_when_training_starts():
    main_loop = MainLoop(
        GradientDescent(**LEARN),
        [BATCH],
        extensions=[
            TrainingDataMonitoring([COST], after_batch=True),
            FinishAfter(after_n_epochs=1),
        ],
    )
    main_loop.extensions.append(DataStreamMonitoring([COST], [BATCH]))
    with pytest.raises(ExtensionError, match="would both write the record 'cost'"):
        main_loop.run()
    main_loop.extensions[-1].prefix = "test"
    main_loop.run()
    assert {"cost", "test_cost"} <= set(main_loop.log.channels)


@pytest.mark.parametrize(
    "extensions",
    [
        [TrainingDataMonitoring([COST], after_batch=True),
         TrainingDataMonitoring([COST], prefix="mean", after_epoch=True)],
        [Timing(), Timing(prefix="batch", every_n_batches=10)],
        [Timestamp(), Timestamp("stamp", after_batch=True)],
        [Checkpoint("a.tar"), Checkpoint("b.tar"), FinishAfter(after_n_epochs=1),
         FinishAfter(after_n_batches=1)],
        [TrackTheBest("cost"), EarlyStopping("cost", epochs=3)],
    ],
)  # fmt: skip
def test_records_of_several_and_other_names_are_fine(extensions):
    main_loop = MainLoop(GradientDescent(**LEARN), [BATCH], extensions=extensions)
    assert main_loop.extensions == extensions


@pytest.mark.parametrize("watcher", WATCHERS)
def test_a_record_made_before_resumption_causes_no_warning(watcher, caplog):
    def build(epochs):
        record = Note("cost", after_n_epochs=1)
        return make(record, WATCHERS[watcher]("cost"), FinishAfter(after_n_epochs=epochs))

    first, second = build(2), build(4)
    first.run()
    second.load_state_dict(first.state_dict())
    with caplog.at_level(logging.WARNING):
        second.run()
    assert caplog.text == "" and second.status["epochs_done"] == 4
