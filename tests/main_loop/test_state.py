"""The state of training: its contents, and loading as a whole or not at all."""

import copy
import pickle
import threading

import cloudpickle
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from tests.support.fakes import BATCHES, make
from tests.support.runs import assert_same, build, shuffled
from workbench import shared, tensor
from workbench.algorithms import (
    Adam,
    CompositeRule,
    GradientDescent,
    Momentum,
    Scale,
    StepClipping,
    TrainingAlgorithm,
)
from workbench.data import DataStream, IndexableDataset, SequentialScheme, as_stream
from workbench.data.transformers import Filter, Mapping
from workbench.errors import AlreadyTrainingError, DataError, StateError
from workbench.extensions import CompositeExtension, FinishAfter, Timing, TrainingExtension
from workbench.extensions.monitoring import DataStreamMonitoring
from workbench.main_loop import MainLoop
from workbench.serialization.checkpoint import PARTS
from workbench.serialization.state import decode, encode


class Counter(TrainingExtension):
    """An extension with state."""

    state_keys = ("count", "best")
    count, best = 0, None

    def after_batch(self, batch):
        self.count += 1


def trained(batches=3, **options):
    main_loop = build(batches, **options)
    main_loop.run()
    return main_loop


def test_a_state_holds_all_parts_as_plain_values():
    main_loop = trained(rule=CompositeRule([StepClipping(1.0), Adam(0.01)]))
    state = main_loop.state_dict()
    assert tuple(state) == PARTS
    assert sorted(state["parameters"])[0] == "/mlp/linear_0.W"
    assert {
        "adam_time",
        "mlp/linear_0.W_mean",
        "learning_rate",
        "threshold",
        "random_counter_5",
    } <= set(state["variables"])
    assert state["data"]["epoch"] == {"epoch": 0, "position": 3}
    assert str(decode(encode(state))) == str(state)


def test_names_do_not_depend_on_chance():
    states = [trained(rule=CompositeRule([Scale(0.1), Scale(0.5)])).state_dict() for _ in range(2)]
    assert list(states[0]["variables"]) == list(states[1]["variables"])
    assert {"learning_rate", "learning_rate_1"} <= set(states[0]["variables"])


def test_later_training_does_not_change_a_state():
    main_loop = build(3, Counter())
    main_loop.run()
    state = main_loop.state_dict()
    before = str(state)
    main_loop.run()
    assert str(state) == before


def test_a_state_can_be_loaded_before_and_after_a_run():
    part, whole = trained(4), trained(9)
    for rest in (build(9), trained(2)):
        rest.load_state_dict(decode(encode(part.state_dict())))
        assert_same(rest, part)
        rest.extensions[-1].set_conditions(after_n_batches=9)
        rest.run()
        assert_same(rest, whole)


def test_parts_that_are_absent_stay_as_they_are():
    part, other = trained(4), build(9, rule=Scale(0.1))
    other.load_state_dict({"parameters": part.state_dict()["parameters"]})
    assert other.status["iterations_done"] == 0 and other.epoch_iterator is None
    for one, same in zip(other.model.parameters, part.model.parameters, strict=True):
        assert np.array_equal(one.get_value(), same.get_value())


def without(part, *names):
    def change(state):
        for name in names:
            del state[part][name]

    return change


def setting(*path, to):
    def change(state):
        for name in path[:-1]:
            state = state[name]
        state[path[-1]] = to

    return change


MISFITS = {
    "a part": (
        setting("parametres", to={}),
        "'parametres' is not a key .*; did you mean 'parameters'",
    ),
    "no dictionary": (
        setting("variables", to=3),
        "'variables' in a training state must be a dictionary, not 3",
    ),
    "a missing parameter": (
        without("parameters", "/mlp/linear_0.W"),
        "of the parameters, '/mlp/linear_0.W' is missing",
    ),
    "an unknown variable": (
        setting("variables", "learning_rat", to=torch.ones(())),
        "of the variables, 'learning_rat' is unknown .did you mean 'learning_rate'",
    ),
    "another shape": (
        setting("parameters", "/mlp/linear_0.b", to=torch.ones(7)),
        r"'/mlp/linear_0.b' must have shape \(6,\), not \(7,\)",
    ),
    "another dtype": (
        setting("variables", "random_counter_5", to=torch.tensor(0.5)),
        "'random_counter_5' must have dtype int64, not float32",
    ),
    "algorithm": (setting("algorithm", "speed", to=1), "the algorithm: .* no state 'speed'"),
    "an unknown extension": (
        setting("extensions", "Conuter", to={}),
        "the saved state of the extensions does not fit: 'Conuter' is unknown .did you mean",
    ),
    "a missing extension": (without("extensions", "Counter"), "'Counter' is missing"),
    "a key of an extension": (
        setting("extensions", "Counter", "cuont", to=1),
        r"the extension 'Counter': the state of Counter\(\) does not fit: 'cuont' is unknown",
    ),
    "monitoring": (
        setting("extensions", "TrainingDataMonitoring_1", "aggregation", to={"x": {}}),
        "the extension 'TrainingDataMonitoring_1': the monitoring state must contain .*, but",
    ),
    "log": (setting("log", "rows", to=[1]), "the log: the iterations of a channel must"),
    "status": (setting("log", "status", to={}), "the log: this is not the state of a log"),
    "data": (setting("data", to={"stream": {}}), "the position in the data does not fit: 'epoch'"),
    "position": (
        setting("data", "epoch", "position", to=99),
        r"the position in .*: the position must be within an epoch of",
    ),
    "no stream": (setting("data", "stream", to=None), "only the main loop has a data stream"),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_nothing_changes_if_anything_does_not_fit(kind):
    change, text = MISFITS[kind]
    state, main_loop = copy.deepcopy(build_counted(3).state_dict()), build_counted(2)
    before, iterator = str(main_loop.state_dict()), main_loop.epoch_iterator.state_dict()
    change(state)
    with pytest.raises(StateError, match=text):
        main_loop.load_state_dict(state)
    assert str(main_loop.state_dict()) == before
    assert main_loop.epoch_iterator.state_dict() == iterator
    main_loop.run()


def build_counted(batches):
    main_loop = build(batches, Counter())
    main_loop.run()
    return main_loop


def test_all_that_does_not_fit_is_listed_at_once():
    state = trained(rule=Scale(0.1)).state_dict()
    with pytest.raises(StateError) as caught:
        build(3, rule=Momentum(0.1, 0.9), dropout=0).load_state_dict(state)
    text = str(caught.value)
    assert "'mlp/linear_0.W_velocity' is missing" in text and "'momentum' is missing" in text
    assert "'random_counter_5' is unknown" in text and "\n" not in text


def test_extensions_of_one_name_are_numbered():
    one, other = build_counted(2), build(2, Counter(), Counter(), CompositeExtension([Counter()]))
    other.run()
    state = other.state_dict()["extensions"]
    assert state["Counter"] == state["Counter_1"] == {"count": 2, "best": None}
    assert state["CompositeExtension"] == {
        "sub_extensions": {"Counter": {"count": 2, "best": None}}
    }
    with pytest.raises(StateError, match="'Counter_1' is unknown"):
        one.load_state_dict({"extensions": state})


def test_extensions_within_a_composite_get_their_state_back():
    first, second = (build(n, CompositeExtension([Timing(), Counter()])) for n in (3, 1))
    first.run()
    second.load_state_dict(first.state_dict())
    assert second.extensions[0].sub_extensions[1].count == 3
    state = first.state_dict()
    state["extensions"]["CompositeExtension"]["sub_extensions"] = {"Cuonter": {}}
    with pytest.raises(StateError, match="'CompositeExtension': .*'Cuonter' is unknown"):
        second.load_state_dict(state)


def test_extensions_without_state_can_differ():
    state = trained().state_dict()
    rest = build(5, Timing())
    rest.load_state_dict(state)
    assert rest.status["iterations_done"] == 3


def test_variables_of_extensions_are_saved():
    class Average(TrainingExtension):
        def __init__(self):
            super().__init__()
            self.average = workbench_shared()

        def state_variables(self):
            return [self.average]

    first, second = build(3, Average()), build(3, Average())
    first.extensions[0].average.set_value(5.0)
    state = first.state_dict()
    assert state["variables"]["Average.average"].item() == 5.0
    second.load_state_dict(state)
    assert second.extensions[0].average.get_value() == 5.0


def workbench_shared():
    from workbench import shared

    return shared(0.0, "average")


def test_a_user_algorithm_keeps_its_own_state():
    class Sum(TrainingAlgorithm):
        total = 0

        def initialize(self):
            pass

        def process_batch(self, batch):
            self.total += batch["x"]

        def state_dict(self, exclude=()):
            return {"total": self.total}

        def load_state_dict(self, state):
            self.total = state["total"]

    def built(n):
        return MainLoop(Sum(), BATCHES, extensions=[FinishAfter(after_n_batches=n)])

    part, rest = built(2), built(4)
    part.run()
    rest.load_state_dict(part.state_dict())
    rest.run()
    assert rest.algorithm.total == 1 + 2 + 3 + 1


def test_an_algorithm_without_state_is_no_obstacle():
    part, rest = make(FinishAfter(after_n_batches=2)), make(FinishAfter(after_n_batches=4))
    part.run()
    rest.load_state_dict(part.state_dict())
    rest.run()
    assert rest.algorithm.seen == [3, 1]


def test_a_stream_with_other_readers_continues_at_its_position():
    def built(n):
        stream = shuffled()
        main_loop = build(n, stream=stream)
        cost = main_loop.model.outputs[0]
        main_loop.extensions.insert(
            0, DataStreamMonitoring([cost], stream, prefix="own", every_n_batches=2)
        )
        return main_loop

    whole, part, rest = built(12), built(7), built(12)
    whole.run()
    part.run()
    rest.load_state_dict(part.state_dict())
    rest.run()
    assert_same(rest, whole)


def test_another_thread_is_referred_to_the_one_that_trains():
    main_loop = build(None)
    session = main_loop.start()
    try:
        for method in ("state_dict", "load_state_dict"):
            with pytest.raises(AlreadyTrainingError, match=f"session.call.*{method}"):
                getattr(main_loop, method)(*[{}] * (method == "load_state_dict"))
        state = session.call(MainLoop.state_dict).wait(30)
    finally:
        session.stop()
        session.wait()
    assert tuple(state) == PARTS


@pytest.mark.parametrize("event", ["before_epoch", "before_batch", "after_batch", "after_epoch"])
def test_a_state_can_be_loaded_during_a_run(event):
    class Rewind(TrainingExtension):
        """Goes back once, from the second epoch to the state after the third batch."""

        saved = None
        done = False

        def after_batch(self, batch):
            if self.main_loop.status["iterations_done"] == 3 and not self.done:
                self.main_loop.after_event(self.save)

        def save(self):
            self.saved = self.main_loop.state_dict()

        def dispatch(self, callback_name, *args):
            super().dispatch(callback_name, *args)
            due = self.main_loop.status["iterations_done"] in (8, 10)
            if callback_name == event and due and self.saved and not self.done:
                self.done = True
                self.main_loop.after_event(lambda: self.main_loop.load_state_dict(self.saved))

    whole, again = build(12), build(12, Rewind())
    whole.run()
    again.run()
    assert again.extensions[0].done
    assert_same(again, whole)


def test_a_state_loaded_between_batches_by_another_thread_counts_at_once():
    whole, main_loop = trained(9), build(9)
    state = trained(4).state_dict()
    gate = threading.Event()
    main_loop.post(lambda: (gate.wait(30), main_loop.load_state_dict(state)))
    session = main_loop.start()
    gate.set()
    session.wait(60)
    assert_same(main_loop, whole)


def test_a_state_saved_before_a_batch_trains_on_that_batch():
    class Save(TrainingExtension):
        def before_batch(self, batch):
            if self.main_loop.status["iterations_done"] == 3:
                self.state = self.main_loop.state_dict()

    whole, rest = build(6, Save()), build(6)
    whole.run()
    rest.load_state_dict(whole.extensions[0].state)
    rest.run()
    assert_same(rest, whole)


def test_an_epoch_iterator_of_unknown_position_cannot_be_saved():
    main_loop = trained()
    main_loop.epoch_iterator = iter([])
    with pytest.raises(StateError, match=r"\(which records its position\)"):
        main_loop.state_dict()


def test_a_stream_refuses_a_position_of_other_data():
    with pytest.raises(DataError, match="must be within an epoch of"):
        shuffled().load_state_dict({"epoch": 0, "position": 6})


def test_extensions_before_training_do_not_change_loaded_parts():
    class Meddle(TrainingExtension):
        def before_training(self):
            self.seen = self.main_loop.status["iterations_done"]
            for variable in self.main_loop.model.parameters:
                variable.set_value(np.zeros(tuple(variable.shape), "float32"))

    state, whole, rest = trained(4).state_dict(), trained(9), build(9, Meddle())
    rest.load_state_dict(state)
    rest.run()
    assert rest.extensions[0].seen == 4
    assert_same(rest, whole)


def test_extensions_before_training_change_other_parts():
    class Meddle(TrainingExtension):
        def before_training(self):
            self.main_loop.algorithm.step_rule.learning_rate.set_value(0.0)

    state, rest = trained(4).state_dict(), build(9, Meddle())
    rest.load_state_dict({"parameters": state["parameters"]})
    rest.run()
    after = rest.state_dict()["parameters"]
    assert all(torch.equal(after[name], value) for name, value in state["parameters"].items())


def within_an_epoch(examples, batch_size, batches, stream=None):
    """Train a main loop over a number of examples on some batches, and return it."""
    data = {"x": np.arange(examples, dtype="float32")[:, None]}
    if stream is None:
        scheme = SequentialScheme(examples, batch_size)
        stream = DataStream(IndexableDataset(data), iteration_scheme=scheme)
    x, w = tensor.matrix("x"), shared(0.0, "w")
    cost = ((x - w) ** 2).mean()
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.1))
    main_loop = MainLoop(algorithm, stream, extensions=[FinishAfter(after_n_batches=batches or 1)])
    if batches:
        main_loop.run()
    return main_loop


@pytest.mark.parametrize(
    "examples, batch_size, text",
    [
        (16, 2, "examples in an epoch: 10 in the state, 16 .*; batches in an epoch: 5 .*, 8"),
        (10, 3, "batches in an epoch: 5 .*, 4 .*; examples in a batch: 2 .*, 3"),
        (9, 2, "examples in an epoch: 10 .*, 9 in the stream.; continue"),
    ],
)
def test_a_position_within_an_epoch_is_one_among_these_examples(examples, batch_size, text):
    state = decode(encode(within_an_epoch(10, 2, batches=3).state_dict()))
    other = within_an_epoch(examples, batch_size, batches=1)
    before = str(other.state_dict())
    with pytest.raises(StateError, match=f"within an epoch, after 3 of its batches, .*{text}"):
        other.load_state_dict(state)
    assert str(other.state_dict()) == before


WAYS = {
    "mapped": lambda stream, n: Mapping(stream, lambda batch: batch),
    "filtered": lambda stream, n: Filter(stream, lambda batch: True),
    "filtered and mapped": lambda stream, n: Mapping(
        Filter(stream, lambda batch: True), lambda batch: batch
    ),
    "batches in a list": lambda stream, n: [
        {"x": np.ones((min(n, 40 - i), 1), "float32")} for i in range(0, 40, n)
    ],
    "a loader": lambda stream, n: as_stream(
        DataLoader(TensorDataset(torch.ones(40, 1)), batch_size=n), sources=("x",)
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_position_is_one_among_batches_of_this_size(way):
    def made(batch_size):
        data = IndexableDataset({"x": np.ones((40, 1), "float32")})
        stream = DataStream(data, iteration_scheme=SequentialScheme(40, batch_size))
        return within_an_epoch(40, batch_size, 1, WAYS[way](stream, batch_size))

    state = decode(encode(made(14).state_dict()))
    other = made(16)  # as many batches in an epoch
    with pytest.raises(StateError, match="examples in .*batch: 14 in the state, 16 in the stream"):
        other.load_state_dict(state)
    made(14).load_state_dict(state)


def test_between_two_epochs_training_continues_with_more_data():
    class Keep(TrainingExtension):
        def after_epoch(self):
            self.main_loop.after_event(lambda: states.append(self.main_loop.state_dict()))

    states = []
    first = within_an_epoch(10, 2, batches=0)
    first.extensions = [Keep(), FinishAfter(after_n_epochs=1)]
    first.run()
    other = within_an_epoch(16, 2, batches=0)
    other.load_state_dict({**states[0], "extensions": {}})
    other.extensions = [FinishAfter(after_n_epochs=2)]
    other.run()
    assert (other.status["iterations_done"], other.status["epochs_done"]) == (5 + 8, 2)


def test_streams_of_unknown_length_go_on_as_before():
    batches = [{"x": np.ones((2, 1), "float32")}] * 4
    state = within_an_epoch(8, 2, batches=2).state_dict()
    other = within_an_epoch(8, 2, batches=0, stream=as_stream(batches))
    other.load_state_dict(state)
    assert other.epoch_iterator.position == 2


def test_a_state_from_before_lengths_were_saved_is_loaded():
    state = within_an_epoch(10, 2, batches=3).state_dict()
    state["data"] = {name: state["data"][name] for name in ("stream", "epoch")}
    other = within_an_epoch(10, 2, batches=0)
    other.load_state_dict(state)
    assert other.epoch_iterator.position == 3


def test_a_limit_that_is_raised_later_holds_after_resumption():
    part = within_an_epoch(10, 2, batches=14)
    whole = within_an_epoch(10, 2, batches=18)
    continued = pickle.loads(cloudpickle.dumps(part))
    continued.find_extension("FinishAfter").set_conditions(after_n_batches=18)
    continued.run()
    rest = within_an_epoch(10, 2, batches=0)
    rest.extensions = [FinishAfter(after_n_batches=18)]
    rest.load_state_dict(part.state_dict())
    rest.run()
    for main_loop in (continued, rest):
        assert main_loop.status["iterations_done"] == 18
        assert_same(main_loop, whole)
