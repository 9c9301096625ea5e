"""Saving during training, and continuing a saved run."""

import errno
import io
import logging
import os
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.support.fakes import make
from tests.support.runs import assert_same, build
from workbench import shared, tensor
from workbench.algorithms import Adam, GradientDescent, Scale
from workbench.bricks import BatchNormalization
from workbench.errors import (
    ArchiveError,
    CheckpointWarning,
    ExtensionError,
    TrainingFinish,
    UntrustedArchiveError,
    WorkbenchError,
)
from workbench.extensions import FinishAfter, SimpleExtension, Timestamp, Timing, TrainingExtension
from workbench.extensions.saveload import LOADED_FROM, SAVED_TO, Checkpoint, Load
from workbench.log import TrainingLog
from workbench.log.sqlite import SQLiteLog
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.roles import PERSISTENT, WEIGHT
from workbench.serialization import (
    archive,
    continue_training,
    dump,
    load,
    load_parameters,
    load_safetensors,
    save_safetensors,
    secure_dump,
    state,
)
from workbench.serialization.checkpoint import load_main_loop, read_state


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "run.tar")


def whole(batches=12, **options):
    main_loop = build(batches, **options)
    main_loop.run()
    return main_loop


def members(path):
    with tarfile.open(path) as tar:
        return tar.getnames()[:-1]


def test_it_saves_after_training_by_default(path):
    main_loop = whole(3)
    main_loop.extensions.append(Checkpoint(path))
    main_loop.run(batches=1)
    assert members(path) == ["_parameters", "_state", "_pkl"]
    for name, value in main_loop.model.get_parameter_values().items():
        assert np.array_equal(load_parameters(path)[name], value)


def test_the_record_has_the_path(path, tmp_path):
    checkpoint = Checkpoint(path, every_n_batches=2)
    checkpoint.add_condition(["after_batch"], arguments=[str(tmp_path / "each.tar")])
    main_loop = build(3, checkpoint)
    main_loop.run()
    each = str(tmp_path / "each.tar")
    saved = main_loop.log.channel(SAVED_TO)
    assert saved.to_dict() == {1: (each,), 2: (path, each), 3: (each, path)}


def test_placeholders_and_folders(tmp_path):
    template = tmp_path / "deep" / "{epochs_done}-{iterations_done:03}-{{}}.tar"
    build(7, Checkpoint(template, every_n_batches=3)).run()
    assert sorted(os.listdir(tmp_path / "deep")) == ["0-003-{}.tar", "1-006-{}.tar", "1-007-{}.tar"]


def test_an_unknown_placeholder_is_refused():
    with pytest.raises(
        ExtensionError, match="unknown placeholder {epoch_done}; .*did you mean 'epochs_done'"
    ):
        Checkpoint("{epoch_done}.tar")


def test_without_the_main_loop_there_is_no_pickle(path):
    build(2, Checkpoint(path, save_main_loop=False)).run()
    assert members(path) == ["_parameters", "_state"]
    with pytest.raises(ArchiveError, match="has no main loop,.*Load"):
        continue_training(path, trusted=True)


def test_chosen_parameters_and_separate_attributes(path):
    main_loop = build(2)
    extra = shared(5.0, "extra")
    chosen = [main_loop.model.parameters[0], extra]
    main_loop.extensions.append(Checkpoint(path, chosen, save_separately=["log", "model"]))
    main_loop.run()
    assert members(path) == ["_parameters", "_state", "_pkl", "log", "model"]
    assert sorted(load_parameters(path)) == ["/mlp/linear_0.W", "extra"]
    assert load(path, "log", trusted=True)[2]["cost"] == main_loop.log[2]["cost"]
    rest = build(9)
    Load(path, True, True).load_to(rest)
    assert_same(rest, main_loop)


def test_a_reserved_name_cannot_be_saved_separately(path):
    with pytest.raises(ArchiveError, match="the name '_state' is reserved"):
        Checkpoint(path, save_separately=["_state"])


def test_training_does_not_wait_for_the_file(path, monkeypatch):
    gate, written = threading.Event(), []

    def slow(target, *_):
        assert gate.wait(30)
        written.append(target)

    monkeypatch.setattr("workbench.extensions.saveload.replace_file", slow)

    class Open(TrainingExtension):
        def after_batch(self, batch):
            if self.main_loop.status["iterations_done"] == 4:
                assert written == [] and SAVED_TO not in self.main_loop.log[2]
                gate.set()

    main_loop = build(4, Open())
    main_loop.extensions.append(Checkpoint(path, after_training=False, after_n_batches=2))
    main_loop.run()
    assert written == [path]
    assert main_loop.log[2][SAVED_TO] == (path,)


def test_the_place_among_the_extensions_does_not_matter(tmp_path):
    class Late(SimpleExtension):
        state_keys = ("calls",)
        calls = 0

        def do(self, which_callback, *args):
            self.calls += 1
            self.main_loop.log.current_row["calls"] = self.calls

    first, last = (str(tmp_path / name) for name in ("first.tar", "last.tar"))
    main_loop = build(4, Checkpoint(first), Late(after_batch=True), Checkpoint(last))
    main_loop.run()
    for path in (first, last):
        state = read_state(path)
        assert state["extensions"]["Late"] == {"calls": 4}
        assert state["log"]["columns"]["calls"][1].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("event", ["on_error", "on_interrupt"])
def test_the_end_of_training_can_trigger_saving(path, event):
    class End(TrainingExtension):
        def after_batch(self, batch):
            if self.main_loop.status["iterations_done"] == 3:
                if event == "on_error":
                    raise ValueError("on purpose")
                self.main_loop.post(self.main_loop.interrupt)

    main_loop = build(9, Checkpoint(path, after_training=False, **{event: True}))
    main_loop.extensions.append(End())
    if event == "on_error":
        with pytest.raises(ValueError, match="on purpose"):
            main_loop.run()
    else:
        main_loop.run()
    assert read_state(path)["log"]["status"]["iterations_done"] == 3
    assert main_loop.log[3][SAVED_TO] == (path,)
    rest, uninterrupted = build(9, Load(path, True, True)), whole(9)
    rest.run()
    assert_same(rest, uninterrupted)
    assert "training_error" not in rest.status


def test_a_failure_is_recorded_and_training_continues(tmp_path, caplog):
    (tmp_path / "file").write_bytes(b"")
    path = str(tmp_path / "file" / "run.tar")
    main_loop = build(4, Checkpoint(path, every_n_batches=2))
    with pytest.warns(CheckpointWarning, match="nothing was saved to .*run.tar at iteration [24]"):
        main_loop.run()
    assert main_loop.status["iterations_done"] == 4
    assert main_loop.log.channel(SAVED_TO).to_dict() == {2: (None,), 4: (None, None)}
    assert "nothing was saved" in caplog.text and "FileExistsError" in caplog.text


def full(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_one_line_each_time_and_one_warning(path, caplog, monkeypatch):
    monkeypatch.setattr("tarfile.TarFile.addfile", full)
    with pytest.warns(CheckpointWarning, match="No space left on device") as caught:
        build(6, Checkpoint(path, every_n_batches=2)).run()
    assert len([one for one in caught if one.category is CheckpointWarning]) == 1
    found = [record for record in caplog.records if "nothing was saved" in record.message]
    assert len(found) == 4 and not any(record.exc_info for record in found)


def test_a_full_disk_is_printed_once_if_nothing_handles_the_log(path, monkeypatch):
    monkeypatch.setattr("tarfile.TarFile.addfile", full)
    monkeypatch.setattr(logging.Logger, "hasHandlers", lambda self: False)
    printed = []
    monkeypatch.setattr(
        "workbench.extensions.saveload.logger.error", lambda *a, **k: printed.append(a)
    )
    with pytest.warns(CheckpointWarning, match="No space left on device"):
        build(2, Checkpoint(path)).run()
    assert printed == []


def test_an_unexpected_error_is_logged_with_its_traceback(path, caplog, monkeypatch):
    monkeypatch.setattr("tarfile.TarFile.addfile", lambda *args: 1 / 0)
    with pytest.warns(CheckpointWarning, match="ZeroDivisionError"):
        build(2, Checkpoint(path)).run()
    [record] = [record for record in caplog.records if "nothing was saved" in record.message]
    assert record.exc_info[0] is ZeroDivisionError


def test_training_continues_if_warnings_are_errors(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    main_loop = build(4, Checkpoint(tmp_path / "file" / "run.tar", after_batch=True))
    main_loop.run()
    assert main_loop.status["iterations_done"] == 4


def test_a_failure_leaves_the_last_checkpoint(path, monkeypatch):
    build(2, Checkpoint(path)).run()
    before = Path(path).read_bytes()
    monkeypatch.setattr("tarfile.TarFile.addfile", lambda *args: 1 / 0)
    with pytest.warns(CheckpointWarning, match="ZeroDivisionError"):
        build(3, Checkpoint(path)).run()
    assert Path(path).read_bytes() == before


def test_a_state_that_cannot_be_stored_is_a_failure_too(path):
    class Odd(TrainingExtension):
        state_keys = ("held",)
        held = threading.Lock()

    with pytest.warns(CheckpointWarning, match="state\\['extensions'\\]\\['Odd'\\]\\['held'\\]"):
        build(2, Odd(), Checkpoint(path, save_main_loop=False)).run()
    assert not os.path.exists(path)


def test_objects_that_cannot_be_pickled_are_omitted(path):
    class Odd(TrainingExtension):
        def __init__(self):
            super().__init__()
            self.lock = threading.Lock()

    main_loop = build(4, Odd(), Checkpoint(path, every_n_batches=2))
    with pytest.warns(CheckpointWarning, match="no pickle .* .TypeError.*lock") as caught:
        main_loop.run()
    assert len([one for one in caught if one.category is CheckpointWarning]) == 1
    assert members(path) == ["_parameters", "_state"]
    assert main_loop.log[4][SAVED_TO] == (path, path)


def test_odd_records_are_kept_as_text(path):
    main_loop = build(2, Checkpoint(path))
    main_loop.log.current_row["odd"] = {1, 2}
    main_loop.status["odder"] = frozenset()
    main_loop.run()
    rest = build(3)
    Load(path, True, True).load_to(rest)
    assert rest.log[0]["odd"] == "{1, 2}" and rest.status["odder"] == "frozenset()"


def test_parameters_alone(path):
    trained = build(6, Checkpoint(path))
    trained.run()
    other = build(6, Load(path), rule=Adam(0.1), dropout=0)
    seen = []
    other.extensions.append(Look(seen))
    other.run()
    values = load_parameters(path)
    assert all(np.array_equal(seen[0][name], values[name]) for name in
               trained.model.get_parameter_values())  # fmt: skip
    assert other.log[0][LOADED_FROM] == path and len(other.log.channel("cost")) == 6


def normalised(*extensions):
    """Return a main loop that trains batch normalisation, and the normalising brick."""
    brick, x = BatchNormalization(2, name="norm"), tensor.matrix("x")
    brick.initialize()
    cost = (brick.apply(x) ** 2).mean()
    algorithm = GradientDescent(cost, Model(cost).parameters, Scale(0.1))
    batches = [{"x": np.float32([[1, 2], [5, 8]])}]
    extensions = [*extensions, FinishAfter(after_n_epochs=1)]
    return MainLoop(algorithm, batches, model=Model(cost), extensions=extensions), brick


def test_population_statistics_are_loaded_with_the_parameters(path, caplog):
    trained, brick = normalised(Checkpoint(path))
    trained.run()
    main_loop, other = normalised(Load(path))
    main_loop.extensions.append(Stop())
    main_loop.run()
    assert other.population_mean.get_value() == pytest.approx([0.3, 0.5])
    assert np.array_equal(other.population_stdev.get_value(), brick.population_stdev.get_value())
    assert "population" not in caplog.text


class Stop(TrainingExtension):
    """Ends training before the first batch."""

    def before_epoch(self):
        raise TrainingFinish


def test_parameters_and_statistics_are_those_of_one_checkpoint(path, monkeypatch):
    """A `Checkpoint` can replace the file at any time."""
    trained, brick = normalised(Checkpoint(path))
    trained.run()
    main_loop, other = normalised()
    reads, read = [], archive.read
    monkeypatch.setattr(archive, "read", lambda file: reads.append(file) or read(file))
    Load(path).load_to(main_loop)
    assert reads == [path]
    assert np.array_equal(other.population_mean.get_value(), brick.population_mean.get_value())


def test_statistics_that_cannot_be_read_are_an_error(path):
    main_loop, _ = normalised(Checkpoint(path))
    main_loop.run()
    members = archive.read(path)
    damaged = {**state.decode_member(members["_state"], path)}
    del damaged["variables"]
    with open(path, "wb") as file:
        archive.write(file, {**members, "_state": state.encode(damaged)})
    with pytest.raises(ArchiveError, match="member '_state' cannot be read .KeyError: 'variables'"):
        Load(path).load_to(main_loop)


@pytest.mark.parametrize("way", ["dump", "set", "safetensors"])
def test_population_statistics_that_are_left_out_are_named(path, caplog, way):
    trained, _ = normalised()
    model = normalised()[0].model
    if way == "dump":
        secure_dump(None, path, parameters=trained.model.parameters)
        Load(path).load_to(trained)
    elif way == "set":
        model.set_parameter_values(trained.model.get_parameter_values())
    else:
        save_safetensors(trained.model.parameters, path)
    names = "the model also depends on /norm.population_mean, /norm.population_stdev, which"
    assert names in caplog.text
    caplog.clear()
    save_safetensors(trained.model.select(PERSISTENT), f"{path}.safetensors")
    load_safetensors(model.select(PERSISTENT), f"{path}.safetensors")
    assert not caplog.text


class Look(TrainingExtension):
    """Notes the parameters before the first epoch."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def before_epoch(self):
        values = self.main_loop.model.get_parameter_values()
        self.seen.append(values)


def test_a_dump_of_parameters_can_be_loaded(path):
    source = whole(3)
    secure_dump(None, path, parameters=source.model.parameters)
    other = build(1)
    Load(path).load_to(other)
    for one, same in zip(other.model.parameters, source.model.parameters, strict=True):
        assert np.array_equal(one.get_value(), same.get_value())
    with pytest.raises(ArchiveError, match="has no training state, only '_parameters'; it"):
        Load(path, load_log=True).load_to(other)


def test_the_iteration_state_without_the_log(path):
    build(7, Checkpoint(path), dropout=0).run()
    rest, uninterrupted = (
        build(5, Load(path, load_iteration_state=True), dropout=0),
        whole(dropout=0),
    )
    rest.run()
    costs = [uninterrupted.log[i]["cost"] for i in range(8, 13)]
    assert [rest.log[i]["cost"] for i in range(1, 6)] == costs
    assert rest.log[0][LOADED_FROM] == path and rest.status["epochs_done"] == 1


def test_the_log_without_the_iteration_state(path):
    first = build(7, Checkpoint(path))
    first.run()
    second = build(9, Load(path, load_log=True))
    second.run()
    assert second.log[7][LOADED_FROM] == path
    assert second.status["resumed_from"] == read_state(path)["log"]["uuid"]
    assert second.log.channel("cost")[:7].tolist() == first.log.channel("cost").tolist()
    assert second.status["_epoch_ends"] == [5] and second.status["iterations_done"] == 9


@pytest.mark.parametrize("batches", [1, 5, 7, 10])
def test_with_both_training_continues_to_the_same_numbers(path, batches):
    build(batches, Timing(), Timestamp(), Checkpoint(path)).run()
    rest = build(12, Load(path, True, True))
    rest.run()
    assert_same(rest, whole())
    assert rest.log[batches][SAVED_TO] == (path,)


def test_others_that_act_before_training_do_no_harm(path):
    def built(n, *extensions):
        main_loop = build(n, *extensions)
        (valid,) = (e for e in main_loop.extensions if e.name == "DataStreamMonitoring")
        valid.add_condition(["before_training"])
        return main_loop

    built(7, Checkpoint(path)).run()
    rest, uninterrupted = built(12, Load(path, True, True)), built(12)
    rest.run()
    uninterrupted.run()
    assert_same(rest, uninterrupted)


def test_without_a_file_training_begins(path, caplog):
    main_loop = build(2, Load(path, True, True))
    with caplog.at_level(logging.WARNING):
        main_loop.run()
    assert "to load yet" in caplog.text and LOADED_FROM not in main_loop.log[0]
    with pytest.raises(ArchiveError, match="run.tar: cannot be opened"):
        Load(path).load_to(main_loop)


def test_the_archive_of_another_main_loop_is_refused_by_name(path):
    build(2, Checkpoint(path), rule=Adam(0.1)).run()
    other = build(2, Load(path, True, True))
    with pytest.raises(ArchiveError, match=r"run\.tar: nothing was loaded: .*'adam_time'"):
        other.run()
    assert other.status["iterations_done"] == 0
    Load(path).load_to(other)


def test_loading_executes_nothing(path):
    build(2, Checkpoint(path, save_separately=["log"])).run()
    with open(path, "r+b") as file:
        from workbench.serialization import add_to_dump

        add_to_dump(Trap(), file, "trap")
    Load(path, True, True).load_to(build(3))
    with pytest.raises(UntrustedArchiveError):
        continue_training(path)
    with pytest.raises(ZeroDivisionError):
        load(path, "trap", trusted=True)


class Trap:
    """Divides by zero when it is unpickled."""

    def __reduce__(self):
        return divmod, (1, 0)


def test_a_main_loop_continues_from_its_pickle(path):
    build(7, Timing(), Timestamp(), Checkpoint(path, after_n_batches=7)).run()
    main_loop = load_main_loop(path, trusted=True)
    main_loop.find_extension("FinishAfter").set_conditions(after_n_batches=12)
    main_loop.run()
    uninterrupted = build(12, Timing(), Timestamp())
    uninterrupted.run()
    assert_same(main_loop, uninterrupted)


def test_a_session_with_interventions_continues_from_its_pickle(path):
    main_loop = build(None, Checkpoint(path))
    rate = main_loop.algorithm.step_rule.learning_rate
    main_loop.post(main_loop.extensions[0].wait)
    session = main_loop.start()
    session.pause().wait(30)
    session.set(rate, 0.01).wait(30)
    session.call(lambda main_loop: main_loop.status.update(note="by hand")).wait(30)
    session.step(3).wait(30)
    session.stop()
    session.wait(60)
    again = load_main_loop(path, trusted=True)
    assert_same(again, main_loop)
    assert again.status["note"] == "by hand"
    assert again.algorithm.step_rule.learning_rate.get_value() == np.float32(0.01)
    done = again.status["iterations_done"]
    recorded = [r for row in again.log.values() for r in row.get("interventions", ())]
    assert {"pause", "set", "call", "step", "stop"} >= {r["command"] for r in recorded} >= {"set"}
    for one in (again, main_loop):
        one.extensions.append(FinishAfter(after_n_batches=done + 6))
        one.run()
    assert_same(again, main_loop)


def test_training_is_continued_until_its_end(path):
    build(12, Checkpoint(path, after_training=False, after_n_batches=7)).run()
    assert_same(continue_training(path, trusted=True), whole())


@pytest.mark.parametrize("kind", [TrainingLog, SQLiteLog])
def test_a_pickle_does_not_hold_the_log_again(path, tmp_path, kind):
    main_loop = build(3, Checkpoint(path))
    main_loop.log = kind() if kind is TrainingLog else kind(tmp_path / "log.sqlite")
    for i in range(6000):
        main_loop.log[i]["noted"] = i / 7
    main_loop.run()
    with tarfile.open(path) as tar:
        sizes = {member.name: member.size for member in tar}
    assert sizes["_pkl"] < 60_000 < sizes["_state"]
    again = load_main_loop(path, trusted=True).log
    assert type(again) is kind
    assert again.channel("noted").tolist() == main_loop.log.channel("noted").tolist()


def test_an_archive_of_something_else_has_no_main_loop(path):
    with open(path, "wb") as file:
        dump(None, file, parameters=[shared(1.0, "w")])
    with pytest.raises(ArchiveError, match="has no main loop, only '_parameters'."):
        continue_training(path, trusted=True)


def test_a_fake_algorithm_can_be_checkpointed(path):
    make(FinishAfter(after_n_batches=2), Checkpoint(path)).run()
    rest = make(Load(path, True, True), FinishAfter(after_n_batches=4))
    rest.run()
    assert rest.algorithm.seen == [3, 1]


def test_words():
    assert (
        repr(Load("x.tar", load_log=True)) == "Load('x.tar', load_log=True, before_training=True)"
    )
    assert repr(Checkpoint("x.tar", after_training=False, name="best")) == (
        "Checkpoint('x.tar', name='best')"
    )


def test_a_criterion_selects_the_parameters_of_an_archive(tmp_path):
    main_loop = build(2, Checkpoint(tmp_path / "run.tar", parameters=WEIGHT))
    main_loop.run()
    with tarfile.open(tmp_path / "run.tar") as tar:
        saved = np.load(io.BytesIO(tar.extractfile("_parameters").read()))
    assert sorted(saved) == ["|mlp|linear_0.W", "|mlp|linear_1.W"]


def test_a_criterion_that_selects_nothing_is_named(tmp_path, caplog):
    main_loop = build(2, Checkpoint(tmp_path / "run.tar", parameters="/nowhere"))
    with pytest.warns(CheckpointWarning, match="/nowhere"):
        main_loop.run()


def test_what_is_no_list_of_parameters_is_named():
    with pytest.raises(WorkbenchError, match=r"must be a list of shared variables, not WEIGHT"):
        dump(build(1), io.BytesIO(), parameters=WEIGHT)
    with pytest.raises(WorkbenchError, match=r"parameters must be shared variables, but WEIGHT"):
        dump(build(1), io.BytesIO(), parameters=[WEIGHT])
