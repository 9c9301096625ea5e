"""Names of events, and the table that documents them."""

import copy
import pickle

import pytest

from tests.support.fakes import FakeAlgorithm, Recorder, make, request_finish
from workbench.errors import EventError
from workbench.extensions import CallbackName, FinishAfter, TrainingExtension, events

BATCH = ["before_batch", "after_batch"]
EPOCH = ["before_epoch", *BATCH * 3, "after_epoch"]


def documented():
    lines = events.__doc__.split("=\n")[-2].splitlines()
    cells = [(line[:17].strip(), line[17:31].strip()) for line in lines if line[0].isalpha()]
    return [(name, tuple(arguments.split())) for name, arguments in cells]


def test_the_table_has_every_event_with_its_arguments():
    assert documented() == [(str(event), event.arguments) for event in CallbackName]


def test_every_event_has_a_method_that_takes_its_arguments():
    for event in CallbackName:
        assert getattr(TrainingExtension(), event)(*event.arguments) is None


def test_comparing_with_an_unknown_event_raises():
    event = CallbackName.AFTER_BATCH
    assert event == "after_batch" == event
    assert event != "after_epoch"
    assert event not in (None, 3, CallbackName.ON_ERROR)
    assert {event: 1}["after_batch"] == 1
    for compare in (lambda: event == "after_bach", lambda: event != "after_bach"):
        with pytest.raises(EventError, match="'after_bach'; did you mean 'after_batch'?"):
            compare()
    with pytest.raises(EventError, match="no event is called 'on_eror'; did you mean 'on_error'?"):
        CallbackName("on_eror")


def test_a_name_survives_copying_and_pickling():
    event = CallbackName.ON_ERROR
    assert copy.deepcopy(event) is pickle.loads(pickle.dumps(event)) is event


def test_a_run_fires_in_the_documented_order():
    recorder = Recorder()
    make(recorder, FinishAfter(after_n_epochs=2)).run()
    assert recorder.events == ["before_training", *EPOCH * 2, "after_training"]
    counts = list(zip(recorder.events, recorder.counts, strict=True))
    after_batch = [count for event, count in counts if event == "after_batch"]
    after_epoch = [count for event, count in counts if event == "after_epoch"]
    assert after_batch == [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1), (6, 1)]
    assert after_epoch == [(3, 1), (6, 2)]


def test_a_second_run_continues_within_the_epoch():
    recorder = Recorder()
    main_loop = make(recorder, FinishAfter(after_n_batches=2))
    main_loop.run()
    assert recorder.events == ["before_training", "before_epoch", *BATCH * 2, "after_training"]
    recorder.events.clear()
    main_loop.run(batches=1)
    assert recorder.events == ["on_resumption", *BATCH, "after_training"]
    recorder.events.clear()
    main_loop.run(batches=1)
    assert recorder.events[:4] == ["on_resumption", "after_epoch", "before_epoch", "before_batch"]


def test_a_new_main_loop_with_an_old_log_begins_and_resumes():
    old = make(FinishAfter(after_n_epochs=1))
    old.run()
    recorder = Recorder({"after_epoch": request_finish})
    make(recorder, log=old.log).run()
    assert recorder.events == ["before_training", "on_resumption", *EPOCH, "after_training"]
    assert recorder.counts[-1] == (6, 2)


def test_an_error_fires_on_error_and_nothing_after_it():
    recorder = Recorder()
    algorithm = FakeAlgorithm(errors={2: ValueError("no")})
    with pytest.raises(ValueError, match="no"):
        make(recorder, algorithm=algorithm).run()
    assert recorder.events == [
        "before_training",
        "before_epoch",
        *BATCH,
        "before_batch",
        "on_error",
    ]


def test_an_interrupt_fires_at_the_next_boundary():
    recorder = Recorder({"before_batch": lambda m: m.post(m.interrupt)})
    make(recorder).run()
    expected = ["before_training", "before_epoch", *BATCH, "on_interrupt", "after_training"]
    assert recorder.events == expected


def test_extensions_are_called_in_their_order():
    calls = []
    recorders = [
        Recorder(dict.fromkeys(CallbackName, lambda _, n=name: calls.append(n)), name=name)
        for name in "abc"
    ]
    make(*recorders, FinishAfter(after_n_batches=1)).run()
    assert calls == list("abc") * len(recorders[0].events)
