"""Wrong arguments of extensions, which are refused at once."""

import logging

import pytest

from tests.support.fakes import FakeAlgorithm, make
from workbench import shared, tensor
from workbench.errors import ArchiveError, ArgumentError, ExtensionError, LogError
from workbench.extensions import CompositeExtension, FinishAfter, SimpleExtension
from workbench.extensions.monitoring import DataStreamMonitoring, MonitoringExtension
from workbench.extensions.saveload import Checkpoint, Load
from workbench.extensions.schedules import chain, cosine, exponential, one_cycle, step, warm_up
from workbench.extensions.stopping import EarlyStopping
from workbench.extensions.training import ReduceOnPlateau, SharedVariableModifier, TrackTheBest
from workbench.main_loop import MainLoop

RATE = shared(0.1, "rate")
X = tensor.vector("x").sum().copy(name="sum")

ROWS = {
    "a switch as the name": (
        lambda: FinishAfter(True),
        ExtensionError,
        "the name passed to FinishAfter must be a string, not True;",
    ),
    "one argument": (
        lambda: SimpleExtension().add_condition(["after_batch"], arguments="best.tar"),
        ExtensionError,
        r"arguments must be a list, not 'best.tar'; write \[...\]",
    ),
    "no list of arguments": (
        lambda: SimpleExtension().add_condition(["after_batch"], arguments=5),
        ExtensionError,
        "arguments must be a list, not 5",
    ),
    "one extension": (
        lambda: CompositeExtension(FinishAfter(after_epoch=True)),
        ExtensionError,
        "sub_extensions must be a list, not FinishAfter",
    ),
    "no extension": (
        lambda: CompositeExtension([FinishAfter]),
        ExtensionError,
        r"sub_extensions\[0\] must be .* <class .*, not an instance: write Fin.*\(\.\.\.\)",
    ),
    "prefix": (
        lambda: DataStreamMonitoring([X], [{"x": [1.0]}], prefix=3),
        ExtensionError,
        "prefix must be a string, not 3",
    ),
    "suffix": (lambda: MonitoringExtension(suffix=["a"]), ExtensionError, "must be a string, not"),
    "no path": (lambda: Checkpoint(None), ExtensionError, "must be a string or a path, not None"),
    "no path to load": (lambda: Load(3), ExtensionError, "must be a string or a path, not 3"),
    "format": (
        lambda: Checkpoint("{epochs_done:zz}.tar"),
        ExtensionError,
        "of the path '.epochs_done:zz..tar' are not valid for str.format:",
    ),
    "one name": (
        lambda: Checkpoint("a.tar", save_separately="log"),
        ArchiveError,
        r"save_separately must be a list, not 'log'; write \['log'\]",
    ),
    "no checkpoint": (
        lambda: EarlyStopping("cost", "best.tar", "best.tar", epochs=1),
        ArgumentError,
        "checkpoint_extension must be a Checkpoint, not 'best.tar'",
    ),
    "no variable": (
        lambda: SharedVariableModifier(0.1, lambda n: 1 / n),
        ExtensionError,
        "SharedVariableModifier must be a shared variable, not 0.1;",
    ),
    "no variable to reduce": (
        lambda: ReduceOnPlateau(0.1, "cost"),
        ExtensionError,
        "ReduceOnPlateau must be a shared variable, not 0.1;",
    ),
    "no choice": (
        lambda: TrackTheBest("cost", choose_best="min"),
        ArgumentError,
        "choose_best must be a function, such as min,",
    ),
    "no rate": (lambda: cosine(None, 5), ArgumentError, "rate must be a finite number, not None"),
    "no target": (
        lambda: warm_up(lambda n: 1 / n, 5),
        ArgumentError,
        "target must be a finite number, not <function",
    ),
    "no schedule": (
        lambda: chain(["a"], []),
        ArgumentError,
        "a schedule must be a finite number, not 'a'",
    ),
    "nan": (
        lambda: one_cycle(float("nan"), 5),
        ArgumentError,
        "maximum must be a finite number, not nan",
    ),
    "no factor": (
        lambda: step(0.1, 5, factor="half"),
        ArgumentError,
        "factor must be a finite number, not 'half'",
    ),
    "negative": (
        lambda: exponential(1, -2),
        ArgumentError,
        "factor must be greater than 0, not -2",
    ),
    "no log": (
        lambda: MainLoop(FakeAlgorithm(), [{"x": 1}], log="run.sqlite"),
        LogError,
        "log must be a training log such as SQLiteLog.path., not 'run.sqlite'",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_errors_of_monitoring_name_the_variable(name):
    call, error, text = ROWS[name]
    with pytest.raises(error, match=text):
        call()


def test_every_condition_gets_the_arguments_of_an_iterator():
    seen = []

    class Note(SimpleExtension):
        def do(self, which_callback, *args):
            seen.append(self.parse_args(which_callback, args)[1])

    note = Note().add_condition(["before_training", "after_training"], arguments=iter(["a", "b"]))
    make(note, FinishAfter(after_n_batches=1)).run()
    assert seen == [("a", "b")] * 2


@pytest.mark.parametrize(
    "watch", [lambda: TrackTheBest("csot"), lambda: ReduceOnPlateau(RATE, "csot")]
)
def test_a_record_that_nothing_makes_causes_one_warning(watch, caplog):
    class Cost(SimpleExtension):
        def do(self, which_callback, *args):
            self.main_loop.log.current_row["cost"] = 1.0

    with caplog.at_level(logging.WARNING):
        make(Cost(after_epoch=True), watch(), FinishAfter(after_n_epochs=3)).run()
    (record,) = [r for r in caplog.records if r.name.startswith("workbench")]
    text = record.getMessage()
    assert "'csot', which no extension has written so far; " in text
    assert text.endswith("; did you mean 'cost'?")
