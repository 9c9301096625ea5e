"""The main loop: its end, records, errors, interrupts, look-up and refused arguments."""

import signal
import threading
import traceback

import numpy
import pytest
import torch

import workbench
from tests.support.fakes import BATCHES, FakeAlgorithm, Recorder, make, request_finish
from workbench import shared, tensor
from workbench.algorithms import Adam, GradientDescent, Scale, TorchOptimizer
from workbench.bricks import Tanh
from workbench.config import config
from workbench.data import as_stream
from workbench.errors import (
    AlgorithmError,
    AlreadyTrainingError,
    DataError,
    ExtensionError,
    ExtensionLookupError,
    GraphError,
    LogError,
    NotFiniteError,
    SourceError,
    TrainingFinish,
)
from workbench.extensions import (
    FinishAfter,
    Printing,
    SimpleExtension,
    Timing,
    TrainingExtension,
)
from workbench.log import TrainingLog
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.roles import PARAMETER, add_role
from workbench.tensor.execution import policy


def finish_at(iterations):
    return FinishAfter(after_n_batches=iterations)


def test_batches_reach_the_algorithm_in_order():
    main_loop = make(finish_at(5))
    main_loop.run()
    assert main_loop.algorithm.seen == [1, 2, 3, 1, 2]
    assert main_loop.algorithm.initialized == 1
    assert main_loop.status["iterations_done"] == 5
    assert main_loop.status["_epoch_ends"] == [3]


@pytest.mark.parametrize(
    "event", ["before_training", "before_epoch", "before_batch", "after_batch"]
)
def test_a_request_to_finish_counts_after_the_batch_that_follows(event):
    main_loop = make(Recorder({event: request_finish}))
    main_loop.run()
    assert main_loop.status["iterations_done"] == 1
    assert main_loop.log[1]["training_finished"] is True


def test_the_request_of_an_earlier_run_is_not_obeyed_again():
    main_loop = make(FinishAfter(every_n_batches=2), Timing(after_batch=True))
    for done in (2, 4, 6):
        main_loop.run()
        assert main_loop.status["iterations_done"] == done


def test_raising_training_finish_ends_training_without_error():
    def finish(main_loop):
        raise TrainingFinish

    recorder = Recorder({"after_batch": finish})
    main_loop = make(recorder)
    main_loop.run()
    assert recorder.events[-2:] == ["after_batch", "after_training"]
    assert "training_error" not in main_loop.status


def test_a_stream_that_runs_dry_ends_training():
    class Once(type(as_stream(BATCHES))):
        left = 2

        def get_epoch_iterator(self, as_dict=False):
            self.left -= 1
            if self.left < 0:
                raise StopIteration
            return super().get_epoch_iterator(as_dict)

    main_loop = make(batches=Once(BATCHES))
    main_loop.run()
    assert main_loop.status["epochs_done"] == 2
    assert main_loop.log[6] == {"training_finished": True}


def test_a_data_loader_is_a_data_stream():
    loader = torch.utils.data.DataLoader([{"x": i} for i in range(4)], batch_size=2)
    main_loop = make(finish_at(3), batches=loader)
    main_loop.run()
    assert [x.tolist() for x in main_loop.algorithm.seen] == [[0, 1], [2, 3], [0, 1]]


def test_resuming_gives_the_log_a_new_identity():
    main_loop = make(finish_at(2))
    main_loop.run()
    first = main_loop.log.h_uuid
    main_loop.run(batches=1)
    assert main_loop.log.h_uuid != first
    assert main_loop.status["resumed_from"] == first
    assert main_loop.algorithm.initialized == 1
    assert main_loop.algorithm.seen == [1, 2, 3]


def test_the_iteration_state_is_the_stream_and_the_epoch_that_has_started():
    main_loop = make(finish_at(2))
    stream = main_loop.data_stream
    assert main_loop.iteration_state == (stream, None)
    main_loop.run()
    assert main_loop.iteration_state[0] is stream
    other = make(finish_at(1), algorithm=main_loop.algorithm)
    other.iteration_state = main_loop.iteration_state
    other.run()
    assert main_loop.algorithm.seen == [1, 2, 3]


def test_an_error_is_recorded_and_raised_to_the_caller():
    recorder = Recorder()
    main_loop = make(recorder, algorithm=FakeAlgorithm(errors={5: NotFiniteError("cost is nan")}))
    with pytest.raises(NotFiniteError, match="cost is nan") as caught:
        main_loop.run()
    assert main_loop.log[4]["training_error"] == "NotFiniteError: cost is nan"
    assert main_loop.status["training_error"] == "NotFiniteError: cost is nan"
    assert "process_batch" in main_loop.status["_traceback"]
    assert recorder.events[-1] == "on_error"
    assert len(caught.value.__notes__) == 1
    assert "while training on batch 2 of epoch 2, after 4 iter" in caught.value.__notes__[0]


def test_training_continues_after_an_error_without_the_failed_batch():
    main_loop = make(finish_at(4), algorithm=FakeAlgorithm(errors={2: ValueError("no")}))
    with pytest.raises(ValueError, match="no"):
        main_loop.run()
    main_loop.run()
    assert main_loop.algorithm.seen == [1, 2, 3, 1, 2]
    assert "training_error" not in main_loop.status
    assert main_loop.log[1]["training_error"] == "ValueError: no"


def test_an_error_while_reading_says_which_batch():
    class Damaged:
        def __iter__(self):
            yield {"x": 1}
            raise OSError("disk on fire")

    with pytest.raises(OSError, match="disk on fire") as caught:
        make(batches=as_stream(Damaged())).run()
    assert caught.value.__notes__[0].startswith("raised while reading batch 2 of epoch 1, after 1")


def test_an_error_in_an_extension_names_it():
    recorder = Recorder({"after_epoch": lambda _: 1 / 0}, name="mine")
    with pytest.raises(ZeroDivisionError) as caught:
        make(recorder).run()
    assert caught.value.__notes__ == [
        "raised in after_epoch of the extension 'mine' after 3 iterations"
    ]


def test_an_error_in_on_error_hides_neither_the_first_nor_the_others():
    recorder = Recorder()
    main_loop = make(Recorder({"on_error": lambda _: 1 / 0}, name="bad"), recorder)
    main_loop.algorithm.errors[1] = ValueError("first")
    with pytest.raises(ValueError, match="first") as caught:
        main_loop.run()
    assert "on_error of 'bad' then failed too: ZeroDivisionError" in caught.value.__notes__[-1]
    assert recorder.events[-1] == "on_error"


def test_an_unknown_source_leaves_the_log_intact():
    x, w = tensor.matrix("x"), workbench.shared([[1.0]], "w")
    cost = (x @ w).sum()
    cost.name = "cost"
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.1))
    main_loop = make(algorithm=algorithm, batches=[{"pixels": torch.zeros(2, 1)}])
    main_loop.log[0]["note"] = "kept"
    with pytest.raises(SourceError, match="pixels") as caught:
        main_loop.run()
    assert "while training on batch 1 of epoch 1" in caught.value.__notes__[0]
    assert main_loop.log[0]["note"] == "kept"
    assert "SourceError" in main_loop.log[0]["training_error"]


def test_a_cost_that_is_nan_leaves_the_parameters_alone():
    x, w = tensor.vector("x"), workbench.shared(1.0, "w")
    cost = (x * w).sum().log()
    cost.name = "cost"
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.1))
    batches = [{"x": torch.ones(2)}, {"x": -torch.ones(2)}]
    main_loop = make(algorithm=algorithm, batches=batches)
    with pytest.raises(NotFiniteError):
        main_loop.run()
    assert w.get_value() == pytest.approx(0.9)
    assert main_loop.log[1]["training_error"].startswith("NotFiniteError: ")


def test_an_epoch_without_batches_is_an_error():
    class Empty:
        def __iter__(self):
            return iter(())

    stream = as_stream(Empty(), sources=("x",))
    with pytest.raises(DataError, match="epoch 1 of .* has no batches"):
        make(batches=stream).run()
    with pytest.raises(DataError, match="this main loop has no data stream"):
        MainLoop(FakeAlgorithm(), None).run()


def test_extensions_are_checked_when_the_main_loop_is_made():
    with pytest.raises(
        ExtensionError, match=r"extensions\[1\] must be .* an instance: write Printing\(...\)"
    ):
        make(FinishAfter(), Printing)
    with pytest.raises(
        ExtensionError, match=r"extensions\[0\] must be a TrainingExtension, not <built-in"
    ):
        make(print)


def test_an_unknown_log_backend_is_refused():
    with pytest.raises(LogError, match="'memry'; .*did you mean 'memory'"):
        make(log_backend="memry")
    assert isinstance(make(log_backend="memory").log, TrainingLog)


def test_finding_an_extension_by_its_name():
    finish, first, second = FinishAfter(), Printing(name="first"), Printing(name="second")
    main_loop = make(finish, first, second)
    assert main_loop.find_extension("FinishAfter") is finish
    assert main_loop.find_extension("second") is second
    with pytest.raises(
        ExtensionLookupError, match="'secnd'; the names are Fin.*; did you mean .second"
    ):
        main_loop.find_extension("secnd")
    with pytest.raises(ExtensionLookupError, match=r"2 extensions are named 'FinishAfter': Finish"):
        make(FinishAfter(), FinishAfter()).find_extension("FinishAfter")
    with pytest.raises(ExtensionLookupError, match="has no extensions"):
        make().find_extension("x")


def test_running_a_running_main_loop_is_refused():
    refused = []

    def again(main_loop):
        with pytest.raises(
            AlreadyTrainingError, match="this main loop is being trained by MainLoop"
        ):
            main_loop.run()
        refused.append(True)

    make(Recorder({"after_batch": again}), finish_at(2)).run()
    assert refused == [True, True]


def test_with_profile_the_report_is_printed(capsys):
    with config.override(profile=True):
        make(SimpleExtension("mine", after_epoch=False), finish_at(1)).run()
    report = capsys.readouterr().err
    for section in ("initialization", "training", "epoch", "read_data", "train", "FinishAfter"):
        assert f"{section} " in report


@pytest.mark.parametrize("given", [3, "sgd", {}, Scale(0.1), GradientDescent])
def test_an_algorithm_is_checked_when_it_is_given(given):
    with pytest.raises(AlgorithmError, match="^algorithm must have the methods"):
        MainLoop(given, [{"x": 1}])


@pytest.mark.parametrize("given", [Tanh(), shared(1.0, "w"), "mlp"])
def test_a_model_is_a_graph(given):
    text = r"^model must be a computation graph, not .*; pass Model\(cost\)"
    with pytest.raises(GraphError, match=text):
        MainLoop(None, [{"x": 1}], model=given)


@pytest.mark.parametrize("make", [TorchOptimizer, GradientDescent])
def test_parameters_that_are_not_trained_are_named(make):
    one, other = shared(1.0, "one"), shared(1.0, "other")
    add_role(one, PARAMETER)
    add_role(other, PARAMETER)
    cost = ((tensor.vector("x") * one + other) ** 2).mean()
    rule = torch.optim.SGD if make is TorchOptimizer else Scale(0.1)
    batches = [{"x": numpy.ones(2, "float32")}]
    finish = FinishAfter(after_n_batches=1)
    main_loop = MainLoop(make(cost, [one], rule), batches, model=Model(cost), extensions=[finish])
    with pytest.warns(UserWarning, match="different parameters .only in the model: other"):
        main_loop.run()


def test_parameters_in_bfloat16_are_trained_and_saved():
    w = shared(torch.ones(2).bfloat16(), "w")
    add_role(w, PARAMETER)
    cost = ((w.float() - tensor.vector("x")) ** 2).mean()
    algorithm = GradientDescent(cost, [w], Adam(0.1))
    batches = [{"x": numpy.zeros(2, "float32")}]
    main_loop = MainLoop(algorithm, batches, model=Model(cost))
    main_loop.extensions.append(FinishAfter(after_n_batches=1))
    main_loop.run()
    assert w.get_value().tolist() == [0.8984375, 0.8984375]  # 0.9 in bfloat16
    main_loop.load_state_dict(main_loop.state_dict())
    algorithm.load_state_dict(algorithm.state_dict())
    assert w.get_value().tolist() == [0.8984375, 0.8984375]


def test_without_an_algorithm_nothing_is_trained():
    with pytest.raises(AlgorithmError, match=r"has no algorithm; pass MainLoop\(algori"):
        MainLoop(None, [{"x": 1}]).run()


def ctrl_c(main_loop):
    signal.raise_signal(signal.SIGINT)


def test_the_first_ctrl_c_ends_the_epoch(capsys):
    recorder = Recorder({"before_batch": lambda m: len(m.algorithm.seen) == 1 and ctrl_c(m)})
    main_loop = make(recorder)
    main_loop.run()
    assert main_loop.algorithm.seen == [1, 2, 3]
    assert main_loop.log[2]["epoch_interrupt_received"] is True
    assert recorder.events.count("on_interrupt") == 1
    assert recorder.events[-2:] == ["after_epoch", "after_training"]
    assert "Interrupted: training ends after this epoch" in capsys.readouterr().err


def test_the_second_ctrl_c_ends_it_after_the_batch():
    recorder = Recorder({"before_batch": lambda m: len(m.algorithm.seen) < 2 and ctrl_c(m)})
    main_loop = make(recorder)
    main_loop.run()
    assert main_loop.algorithm.seen == [1, 2]
    assert main_loop.log[2]["batch_interrupt_received"] is True
    assert recorder.events.count("on_interrupt") == 2
    assert recorder.events[-1] == "after_training"


@pytest.fixture
def ordinary_sigint():
    """Restore the default of Ctrl+C, which a shell may have set to be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_third_ctrl_c_is_an_ordinary_one(ordinary_sigint):
    def thrice(main_loop):
        for _ in range(3):
            ctrl_c(main_loop)

    main_loop = make(Recorder({"before_batch": thrice}))
    with pytest.raises(KeyboardInterrupt):
        main_loop.run()
    assert main_loop.log[0]["training_error"].startswith("KeyboardInterrupt")


def test_signals_are_as_before_afterwards():
    before = signal.getsignal(signal.SIGINT)
    main_loop = make(finish_at(1), algorithm=FakeAlgorithm(errors={2: ValueError("no")}))
    main_loop.run()
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(ValueError, match="no"):
        main_loop.run(batches=1)
    assert signal.getsignal(signal.SIGINT) is before


def test_signals_are_left_alone_in_other_threads():
    before, seen = signal.getsignal(signal.SIGINT), []
    recorder = Recorder({"after_batch": lambda m: seen.append(signal.getsignal(signal.SIGINT))})
    thread = threading.Thread(target=make(recorder, finish_at(1)).run)
    thread.start()
    thread.join()
    assert seen == [before]


def test_an_interrupt_that_comes_too_late_does_not_concern_the_next_run():
    recorder = Recorder({"after_training": lambda m: m.post(m.interrupt)})
    main_loop = make(recorder, FinishAfter(every_n_batches=2))
    main_loop.run()
    main_loop.run()
    assert main_loop.status["iterations_done"] == 4


def test_posted_actions_run_between_two_batches_in_order():
    seen = []
    main_loop = make(finish_at(3))
    algorithm = main_loop.algorithm
    for name in "ab":
        main_loop.post(lambda name=name: seen.append((name, len(algorithm.seen))))
    main_loop.post(lambda: main_loop.post(lambda: seen.append(("c", len(algorithm.seen)))))
    main_loop.run()
    assert seen == [("a", 0), ("b", 0), ("c", 1)]


def test_the_records_of_one_event_appear_at_once():
    seen = []

    def look(main_loop):
        def reader():
            seen.append((len(main_loop.log), main_loop.log[1].get("a")))

        main_loop.log.current_row["a"] = 1
        thread = threading.Thread(target=reader)
        thread.start()
        thread.join()

    make(Recorder({"after_batch": look}), Recorder({"after_epoch": look}), finish_at(5)).run()
    assert seen[:2] == [(0, None), (1, 1)]


def test_notes_are_in_the_traceback():
    main_loop = make(algorithm=FakeAlgorithm(errors={1: ValueError("no")}))
    with pytest.raises(ValueError, match="no") as caught:
        main_loop.run()
    assert "while training on batch 1 of epoch 1" in "".join(
        traceback.format_exception(caught.value)
    )


def test_a_swap_to_the_compiled_tier_is_recorded_in_the_log(monkeypatch):
    for name, value in [("SECONDS", 0.0), ("SECONDS_AN_OPERATION", 0.0), ("SAMPLE_EVERY", 1)]:
        monkeypatch.setattr(policy, name, value)
    x, w = tensor.vector("x"), shared(0.0, "w")
    algorithm = GradientDescent(
        cost=((x - w) ** 2).mean(),
        parameters=[w],
        step_rule=Scale(0.01),
        function_kwargs={"execution": "auto"},
    )

    class Patience(TrainingExtension):
        def after_batch(self, batch):
            thread = algorithm.execution.thread
            if thread is not None:
                thread.join()

    main_loop = MainLoop(
        algorithm,
        [{"x": numpy.ones(4, "float32")}] * 20,
        extensions=[Patience(), FinishAfter(after_n_epochs=1)],
    )
    main_loop.run()
    texts = main_loop.log.frame["execution"].dropna()
    assert texts.iloc[0].startswith("compiled: after") and "in the background" in texts.iloc[0]


class Slow:
    """A value that arrives at the third request, or when the caller waits."""

    def __init__(self, value):
        self.value, self.asked = value, 0

    @property
    def arrived(self):
        self.asked += 1
        return self.asked > 3

    def get(self):
        return self.value


def test_late_values_are_recorded_in_order_and_complete_with_the_epoch(monkeypatch):
    monkeypatch.setattr("workbench.tensor.transfer.Arriving", Slow)
    seen = []

    class Late(TrainingExtension):
        def after_batch(self, batch):
            done = self.main_loop.status["iterations_done"]
            self.main_loop.record_later({"cost": torch.tensor(float(done))})
            seen.append([i for i in range(1, done + 1) if "cost" in self.main_loop.log[i]])

        def after_epoch(self):
            seen.append(list(self.main_loop.log.channel("cost")))

    make(Late(), FinishAfter(after_n_epochs=1), batches=[{"x": i} for i in range(6)]).run()
    assert seen == [[], [], [], [], [1], [1], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]
