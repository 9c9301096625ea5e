"""Triggers, conditions and predicates."""

import pytest

from tests.support.fakes import FakeAlgorithm, make
from workbench.errors import EventError, ExtensionError
from workbench.extensions import (
    CompositeExtension,
    FinishAfter,
    Predicate,
    SimpleExtension,
    always_true,
    has_done_epochs,
)
from workbench.extensions.predicates import OnLogRecord
from workbench.log import TrainingLog


class Noting(SimpleExtension):
    def __init__(self, **triggers):
        self.notes = []
        super().__init__(**triggers)

    def do(self, which_callback, *args):
        status = self.main_loop.status
        self.notes.append((str(which_callback), status["iterations_done"]))
        self.last_arguments = self.parse_args(which_callback, args)


def notes(end=None, **triggers):
    extension = Noting(**triggers)
    make(extension, end or FinishAfter(after_n_epochs=4)).run()
    return extension.notes


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({"before_training": True}, [("before_training", 0)]),
        ({"before_first_epoch": True}, [("before_epoch", 0)]),
        ({"before_epoch": True}, [("before_epoch", i) for i in (0, 3, 6, 9)]),
        ({"before_batch": True}, [("before_batch", i) for i in range(12)]),
        ({"after_batch": True}, [("after_batch", i) for i in range(1, 13)]),
        ({"after_epoch": True}, [("after_epoch", i) for i in (3, 6, 9, 12)]),
        ({"after_training": True}, [("after_training", 12)]),
        ({"after_n_epochs": 3}, [("after_epoch", 9)]),
        ({"every_n_epochs": 2}, [("after_epoch", 6), ("after_epoch", 12)]),
        ({"after_n_batches": 7}, [("after_batch", 7)]),
        ({"every_n_batches": 5}, [("after_batch", 5), ("after_batch", 10)]),
        ({"on_interrupt": True, "on_error": True, "on_resumption": True}, []),
        ({"after_epoch": False, "every_n_batches": None}, []),
        (
            {"after_n_epochs": 1, "after_training": True},
            [("after_epoch", 3), ("after_training", 12)],
        ),
    ],
)
def test_a_trigger_says_when(trigger, expected):
    assert notes(**trigger) == expected


def test_triggers_of_resumption_interrupts_and_errors():
    extension = Noting(on_resumption=True, on_interrupt=True, on_error=True)
    main_loop = make(extension, algorithm=FakeAlgorithm(errors={3: ValueError("no")}))
    main_loop.algorithm.errors[2] = KeyboardInterrupt()
    for expected in (KeyboardInterrupt, ValueError):
        with pytest.raises(expected):
            main_loop.run()
    main_loop.post(main_loop.interrupt)
    main_loop.run()
    assert [name for name, _ in extension.notes] == [
        "on_error",
        "on_resumption",
        "on_error",
        "on_resumption",
        "on_interrupt",
    ]


def test_an_unknown_trigger_is_answered_with_the_nearest():
    with pytest.raises(
        EventError, match="Noting has no trigger 'after_epoc'; .*did you mean 'after_ep"
    ):
        Noting(after_epoc=True)
    with pytest.raises(TypeError, match="the triggers are after_batch, after_epoch"):
        FinishAfter().set_conditions(often=True)


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        ({"after_epoch": 1}, "after_epoch must be True or False, not 1"),
        (
            {"every_n_batches": 0},
            "every_n_batches must be a positive whole number or None, not 0",
        ),
        ({"every_n_batches": True}, "every_n_batches must be .*, not True"),
        ({"after_n_epochs": "2"}, "after_n_epochs must be .*, not '2'"),
    ],
)
def test_a_trigger_of_the_wrong_kind_is_refused(trigger, text):
    with pytest.raises(EventError, match=text):
        Noting(**trigger)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("triggers", "expected"),
    [
        ({"after_epoch": True, "every_n_epochs": 2}, [("after_epoch", i) for i in (3, 6, 9, 12)]),
        ({"every_n_epochs": 1, "after_n_epochs": 2}, [("after_epoch", i) for i in (3, 6, 9, 12)]),
        ({"after_batch": True, "every_n_batches": 3}, [("after_batch", i) for i in range(1, 13)]),
        ({"before_first_epoch": True, "before_epoch": True},
         [("before_epoch", i) for i in (0, 3, 6, 9)]),
        ({"every_n_epochs": 2, "every_n_batches": 6},
         [("after_batch", 6), ("after_epoch", 6), ("after_batch", 12), ("after_epoch", 12)]),
    ],
)  # fmt: skip
def test_on_one_event_it_acts_once(triggers, expected, wrapped):
    extension = Noting(**triggers)
    whole = CompositeExtension([extension], after_epoch=True) if wrapped else extension
    make(whole, FinishAfter(after_n_epochs=4)).run()
    assert extension.notes == expected


def test_conditions_with_other_arguments_are_other_occasions():
    class Saving(SimpleExtension):
        def do(self, which_callback, *args):
            seen.append(args)

    seen, saving = [], Saving(after_epoch=True, every_n_epochs=1)
    for path in ("best.tar", "best.tar", "other.tar"):
        saving.add_condition(["after_epoch"], always_true, [path])
    make(saving, FinishAfter(after_n_epochs=1)).run()
    assert seen == [(), ("best.tar",), ("other.tar",)]


def test_one_of_two_predicates_suffices():
    extension = Noting()
    extension.add_condition(["after_batch"], OnLogRecord("never"))
    extension.add_condition(["after_batch"], Predicate("after_n_batches", 2))
    make(extension, FinishAfter(after_n_epochs=1)).run()
    assert extension.notes == [("after_batch", 2)]


def test_setting_conditions_replaces_them():
    extension = Noting(after_epoch=True)
    assert extension.set_conditions(after_training=True) is extension
    make(extension, FinishAfter(after_n_epochs=1)).run()
    assert extension.notes == [("after_training", 3)]
    assert repr(extension) == "Noting(after_training=True)"


def test_conditions_that_are_refused_leave_the_old_ones():
    extension = Noting(after_epoch=True)
    with pytest.raises(EventError):
        extension.set_conditions(after_training=True, often=True)
    assert repr(extension) == "Noting(after_epoch=True)"
    assert [c.event for c in extension.conditions] == ["after_epoch"]


def test_added_conditions_have_predicates_and_arguments():
    extension = Noting()
    added = extension.add_condition(
        ["after_batch", "after_epoch"], OnLogRecord("wanted"), arguments=["a", 2]
    )
    assert added is extension
    wanting = SimpleExtension(every_n_batches=3)
    wanting.do = lambda event, batch: wanting.main_loop.log.current_row.update(wanted=True)
    make(wanting, extension, FinishAfter(after_n_batches=4)).run()
    assert extension.notes == [("after_batch", 3), ("after_epoch", 3)]
    assert extension.last_arguments == ((), ("a", 2))


def test_a_condition_may_be_added_while_training():
    extension, adding = Noting(after_batch=False), SimpleExtension(after_n_batches=2)
    adding.do = lambda *_: extension.add_condition("after_batch")
    make(adding, extension, FinishAfter(after_n_batches=4)).run()
    assert extension.notes == [("after_batch", 3), ("after_batch", 4)]


def test_conditions_that_cannot_be_are_refused():
    with pytest.raises(EventError, match="'before_first_epoch'"):
        Noting().add_condition(["before_first_epoch"])
    with pytest.raises(ExtensionError, match="predicate must be a function of the log, not 3"):
        Noting().add_condition(["after_batch"], 3)


def test_a_do_that_cannot_be_called_is_refused_before_training():
    class Wrong(SimpleExtension):
        def do(self, which_callback):
            pass

    with pytest.raises(
        ExtensionError, match=r"do of Wrong\(after_batch=True\) cannot handle the event after_batch"
    ):
        make(Wrong(after_batch=True)).run()


def test_a_method_that_nothing_would_call_is_refused():
    class Mixed(SimpleExtension):
        def after_epoch(self):
            pass

    with pytest.raises(ExtensionError, match=r"Mixed defines after_epoch\(\), which would never"):
        make(Mixed()).run()


@pytest.mark.parametrize("extension", [FinishAfter(), CompositeExtension([Noting()])])
def test_extensions_that_would_never_act_are_refused_before_training(extension):
    text = "has no trigger, so it would never act; pass a trigger, such as"
    with pytest.raises(ExtensionError, match=text):
        make(extension).run()


def test_an_extension_may_be_switched_off():
    off = Noting(after_epoch=False, every_n_batches=None)
    make(off, FinishAfter(after_n_epochs=1)).run()
    assert off.notes == []


def test_arguments_are_separated_by_origin():
    assert Noting.parse_args("after_epoch", ["user"]) == ((), ("user",))
    assert Noting.parse_args("before_batch", [{"x": 1}, "user"]) == (({"x": 1},), ("user",))
    assert Noting.parse_args("on_error", [ValueError]) == ((ValueError,), ())
    with pytest.raises(EventError):
        Noting.parse_args("sometimes", [])


def test_predicates_count_what_is_done():
    log = TrainingLog()
    assert always_true(log)
    assert not has_done_epochs(log)
    log.status.update(epochs_done=4, iterations_done=10)
    assert has_done_epochs(log)
    assert [Predicate("every_n_epochs", n)(log) for n in (1, 2, 3)] == [True, True, False]
    assert [Predicate("after_n_batches", n)(log) for n in (9, 10, 11)] == [False, True, False]
    assert [Predicate("at_least_n_batches", n)(log) for n in (9, 10, 11)] == [True, True, False]
    assert repr(Predicate("every_n_epochs", 2)) == "Predicate('every_n_epochs', 2)"
    with pytest.raises(EventError, match="'every_n_batch'; .* you mean 'every_n_batches'"):
        Predicate("every_n_batch", 2)
