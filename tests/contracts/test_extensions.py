"""Every extension of the package: built, run, saved, resumed, shown and documented."""

import importlib
import inspect
import pickle
import pkgutil

import cloudpickle
import numpy as np
import pytest

import workbench.extensions
from tests.support import runs
from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Momentum
from workbench.data import DataStream, IndexableDataset, ShuffledScheme
from workbench.errors import EventError, StateError
from workbench.extensions import (
    Alert,
    CompositeExtension,
    FinishAfter,
    Guard,
    Printing,
    ProgressBar,
    SimpleExtension,
    Timestamp,
    Timing,
    TrainingExtension,
)
from workbench.extensions.monitoring import (
    DataStreamMonitoring,
    MonitoringExtension,
    TrainingDataMonitoring,
)
from workbench.extensions.saveload import Checkpoint, Load
from workbench.extensions.schedules import cosine, warm_up
from workbench.extensions.stopping import EarlyStopping, FinishIfNoImprovementAfter
from workbench.extensions.training import ReduceOnPlateau, SharedVariableModifier, TrackTheBest
from workbench.main_loop import MainLoop
from workbench.serialization.state import decode, encode

LENGTH, BREAK = 17, 7
"""Number of batches of a run, and after how many it is interrupted, in the middle of an epoch."""

NOW = {"timestamp"}
"""Records that depend on the time, besides those that `runs.lasting` removes."""


class Job:
    """A small regression for the extensions; their files go to `folder`."""

    def __init__(self, folder):
        self.folder = folder
        x, self.w = tensor.vector("x"), shared(0.0, "w")
        self.cost = ((x - self.w) ** 2).mean().copy(name="cost")
        self.rule = Momentum(0.05, 0.5)
        self.algorithm = GradientDescent(cost=self.cost, parameters=[self.w], step_rule=self.rule)

    def stream(self, seed=1):
        dataset = IndexableDataset({"x": np.arange(15, dtype="float32")})
        return DataStream(dataset, iteration_scheme=ShuffledScheme(15, 3, seed=seed))


# Functions that make an extension for a job, by the name of its class.
ROWS = {
    TrainingExtension: lambda job, **name: TrainingExtension(**name),
    SimpleExtension: lambda job, **name: SimpleExtension(after_epoch=False, **name),
    CompositeExtension: lambda job, **name: CompositeExtension(
        [
            SharedVariableModifier(job.rule.learning_rate, lambda n, old: old * 0.9),
            ReduceOnPlateau(job.rule.momentum, "seen_cost", patience=0, name="momentum"),
        ],
        **name,
    ),
    FinishAfter: lambda job, **name: FinishAfter(after_n_epochs=50, **name),
    Alert: lambda job, **name: Alert(
        when=lambda log: log.status["iterations_done"] % 3 == 0, every_n_batches=2, **name
    ),
    Guard: lambda job, **name: Guard("rewind", window=20, **name),
    Printing: lambda job, **name: Printing(every_n_batches=3, **name),
    ProgressBar: lambda job, **name: ProgressBar(interval=0.01, **name),
    Timestamp: lambda job, **name: Timestamp(after_batch=True, **name),
    Timing: lambda job, **name: Timing("all", every_n_batches=2, **name),
    MonitoringExtension: lambda job, **name: MonitoringExtension(
        "a", "b", after_epoch=False, **name
    ),
    DataStreamMonitoring: lambda job, **name: DataStreamMonitoring(
        [job.cost], job.stream(2), prefix="valid", every_n_batches=2, **name
    ),
    TrainingDataMonitoring: lambda job, **name: TrainingDataMonitoring(
        [job.cost, job.w], prefix="train", every_n_batches=4, **name
    ),
    Checkpoint: lambda job, **name: Checkpoint(
        job.folder / "run-{iterations_done}.tar", save_main_loop=False, every_n_batches=5, **name
    ),
    Load: lambda job, **name: Load(job.folder / "none.tar", load_log=True, **name),
    SharedVariableModifier: lambda job, **name: SharedVariableModifier(
        job.rule.learning_rate, warm_up(cosine(0.1, 10), 5), **name
    ),
    ReduceOnPlateau: lambda job, **name: ReduceOnPlateau(
        job.rule.learning_rate, "cost", patience=1, cooldown=1, after_batch=True, **name
    ),
    TrackTheBest: lambda job, **name: TrackTheBest("cost", every_n_batches=1, **name),
    FinishIfNoImprovementAfter: lambda job, **name: FinishIfNoImprovementAfter(
        "cost", iterations=50, after_batch=True, **name
    ),
    EarlyStopping: lambda job, **name: EarlyStopping(
        "cost", iterations=9, after_batch=True, **name
    ),
}
KINDS = sorted(ROWS, key=lambda kind: kind.__name__)
TRIGGERED = [kind for kind in KINDS if issubclass(kind, SimpleExtension)]


def extension_classes(base=TrainingExtension):
    """Return all extensions that the package defines."""
    for module in pkgutil.iter_modules(workbench.extensions.__path__, "workbench.extensions."):
        importlib.import_module(module.name)
    found = {base} if base.__module__.startswith("workbench.") else set()
    found = found.union(*(extension_classes(kind) for kind in base.__subclasses__()))
    return {kind for kind in found if not kind.__name__.startswith("_")}


def build(kind, folder, batches=LENGTH):
    """Return an extension, and a main loop with it that ends after a number of batches."""
    job = Job(folder)
    extension = ROWS[kind](job)
    extensions = [
        TrainingDataMonitoring([job.cost], after_batch=True, name="every"),
        TrainingDataMonitoring([job.cost], prefix="seen", after_epoch=True, name="seen"),
        extension,
        FinishAfter(after_n_batches=batches, name="end"),
    ]
    return extension, MainLoop(job.algorithm, job.stream(), extensions=extensions)


def run(main_loop):
    main_loop.run()
    return main_loop


def log_of(main_loop):
    frame = runs.lasting(main_loop)
    return frame.drop(columns=[name for name in frame if name in NOW]).dropna(how="all")


def assert_same(one, other):
    first, second = one.state_dict(), other.state_dict()
    for part in ("parameters", "variables", "data", "extensions"):
        assert str(first[part]) == str(second[part])
    assert one.status["iterations_done"] == other.status["iterations_done"]
    assert log_of(one).equals(log_of(other))


def test_every_extension_has_a_row():
    assert extension_classes() == set(ROWS)


@pytest.mark.parametrize("kind", KINDS)
def test_extensions_are_public_and_documented(kind):
    places = [workbench.extensions, importlib.import_module(kind.__module__)]
    assert any(kind.__name__ in getattr(place, "__all__", ()) for place in places)
    for section in ("Parameters\n", "Examples\n", ">>> "):
        assert section in inspect.getdoc(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_extension_is_imported_from_one_place(kind):
    assert getattr(workbench.extensions, kind.__name__) is kind


@pytest.mark.parametrize("kind", KINDS)
def test_an_extension_shows_itself_and_has_a_name(kind, tmp_path):
    extension = ROWS[kind](Job(tmp_path))
    assert extension.name == kind.__name__
    assert repr(extension).startswith(f"{kind.__name__}(")
    assert ROWS[kind](Job(tmp_path), name="mine").name == "mine"


@pytest.mark.parametrize("kind", TRIGGERED)
def test_two_triggers_that_hold_on_one_event_are_one_occasion(kind, tmp_path, monkeypatch):
    seen = []

    def do(self, which_callback, *args):
        if type(self) is kind:
            seen.append((self.name, str(which_callback), self.main_loop.status["iterations_done"]))
        if original is not abstract:
            original(self, which_callback, *args)

    original, abstract = kind.do, SimpleExtension.do
    monkeypatch.setattr(kind, "do", do)
    extension, main_loop = build(kind, tmp_path)
    extension.set_conditions(after_epoch=True, every_n_epochs=1, every_n_batches=1)
    run(main_loop)
    assert len(set(seen)) == len(seen) > 0


@pytest.mark.parametrize("kind", TRIGGERED)
def test_a_misspelt_trigger_is_refused(kind, tmp_path):
    with pytest.raises(EventError, match="no trigger 'after_epok'; .* mean 'after_epoch'"):
        ROWS[kind](Job(tmp_path), after_epok=True)


@pytest.mark.parametrize("kind", KINDS)
def test_state_is_plain_and_can_be_loaded(kind, tmp_path):
    extension, main_loop = build(kind, tmp_path, BREAK)
    run(main_loop)
    other, elsewhere = build(kind, tmp_path)
    other.main_loop = elsewhere
    other.load_state_dict(decode(encode(extension.state_dict())))
    assert str(other.state_dict()) == str(extension.state_dict())


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_with_an_unknown_key_is_refused(kind, tmp_path):
    extension, main_loop = build(kind, tmp_path)
    extension.main_loop = main_loop
    before = str(extension.state_dict())
    with pytest.raises(StateError, match="'stranger' is unknown"):
        extension.load_state_dict({**extension.state_dict(), "stranger": 1})
    assert str(extension.state_dict()) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_resumed_ends_in_the_same_numbers(kind, tmp_path):
    whole = run(build(kind, tmp_path)[1])
    part, rest = run(build(kind, tmp_path, BREAK)[1]), build(kind, tmp_path)[1]
    rest.load_state_dict(decode(encode(part.state_dict())))
    assert_same(run(rest), whole)
    assert whole.status["iterations_done"] > BREAK


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_pickled_ends_in_the_same_numbers(kind, tmp_path):
    whole, part = run(build(kind, tmp_path)[1]), run(build(kind, tmp_path, BREAK)[1])
    copy = pickle.loads(cloudpickle.dumps(part))
    copy.find_extension("end").set_conditions(after_n_batches=LENGTH)
    assert_same(run(copy), whole)


BY_HAND = sorted(set(TRIGGERED) - {SimpleExtension, MonitoringExtension, Timing}, key=str)


@pytest.mark.parametrize("kind", BY_HAND, ids=lambda kind: kind.__name__)
def test_what_does_not_depend_on_the_event_can_be_done_without_one(kind, tmp_path):
    job = Job(tmp_path)
    extension = ROWS[kind](job)
    main_loop = MainLoop(job.algorithm, job.stream(), extensions=[extension])
    extension.main_loop = main_loop
    main_loop.log.current_row["cost"] = 1.0
    extension.do()
