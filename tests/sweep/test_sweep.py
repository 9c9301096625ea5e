"""Sweeps: grids, comparisons with forks, failures, restarts and the best run."""

import sqlite3
from functools import partial

import pytest
import torch

import workbench as wb
from tests.support.waiting import until
from tests.sweep.runs import build
from workbench.errors import ArgumentError, SessionError, SessionWarning
from workbench.extensions import SimpleExtension
from workbench.interfaces import State
from workbench.log import SQLiteLog
from workbench.sweep import Between, Sweep
from workbench.sweep.run import SweepRun
from workbench.sweep.sessions import Sessions

RATES = {"learning_rate": [0.01, 0.1, 0.2]}


@pytest.fixture
def sweep(tmp_path):
    return partial(Sweep, record="cost", database=tmp_path / "runs.sqlite")


def trained(sweep):
    assert sweep.start().wait(60)
    return sweep


class _Remarks(SimpleExtension):
    def do(self, which, *args):
        self.main_loop.log.current_row["a_remark"] = ["as planned"]


def build_with_texts(learning_rate):
    loop = build(learning_rate)
    loop.extensions.append(_Remarks(before_training=True, after_epoch=True))
    return loop


def expected(learning_rate, epochs=4):
    """Return the cost of the last batch, which is measured before its step."""
    distance = 3.0
    for _ in range(2 * epochs - 1):
        distance -= learning_rate * 2 * distance
    return distance**2


def test_a_grid_finds_the_best_settings(sweep):
    done = trained(sweep(build, RATES))
    assert [run.state for run in done.runs] == ["finished"] * 3
    assert done.best.settings == {"learning_rate": 0.2}
    assert done.best.value == pytest.approx((expected(0.2) + expected(0.2) / 0.36) / 2, rel=1e-4)


def test_higher_can_be_better(sweep):
    assert trained(sweep(build, RATES, choose_best=max)).best.number == 0


def test_the_direction_follows_from_the_name_of_the_record(sweep):
    found = [sweep(build, RATES, record=name).lower for name in ("cost", "validation_accuracy")]
    assert found == [True, False]


def test_the_log_of_each_run_has_its_settings(sweep, tmp_path):
    done = trained(sweep(build, RATES, 2, seed=3))
    for run in done.runs:
        log = SQLiteLog(tmp_path / "runs.sqlite", uuid=run.log, read_only=True)
        assert log.status["sweep_settings"] == run.settings


@pytest.mark.parametrize("given", [True, False])
def test_settings_are_not_written_before_the_run_writes(given, tmp_path):
    path = str(tmp_path / "runs.sqlite")
    sessions = Sessions(build, "sweep", path, tmp_path, None, ())
    loop, run = build(0.1), SweepRun(0, {"learning_rate": 0.1})
    if given:
        loop.log = SQLiteLog(path)
    sessions._prepare(loop, run)
    assert loop.log.conn.execute("SELECT count(*) FROM logs").fetchone() == (0,)
    loop.run()
    log = SQLiteLog(path, uuid=loop.log.uuid, read_only=True)
    assert log.status["sweep_settings"] == run.settings and log.status["epochs_done"] == 4


def test_several_runs_can_train_at_once(sweep):
    done = trained(sweep(build, RATES, at_once=3))
    assert done.best.number == 2


def test_halving_spends_most_epochs_on_the_best(sweep):
    done = trained(sweep(build, RATES, epochs=9, halving=3))
    assert [run.epochs for run in done.runs] == [3, 3, 9]
    assert [run.state for run in done.runs] == ["ended early", "ended early", "finished"]


def test_a_comparison_does_not_change_a_run(sweep):
    alone = build(0.2, epochs=9)
    alone.run()
    done = trained(sweep(build, RATES, epochs=9, halving=3))
    assert done.best.value == alone.log.latest()["cost"]


def test_a_fork_continues_the_best_run_with_other_settings(sweep):
    space = {"learning_rate": Between(1e-3, 0.4, log=True)}
    done = trained(sweep(build, space, 3, epochs=6, halving=3, forks=1, seed=1))
    (fork,) = [run for run in done.runs if run.parent is not None]
    parent = done.runs[fork.parent]
    assert (fork.fork_epoch, fork.epochs, parent.epochs) == (2, 6, 6)
    assert 0.5 <= fork.settings["learning_rate"] / parent.settings["learning_rate"] <= 2
    assert done.open(done.best.number).log.status["sweep_settings"] == done.best.settings


def test_forks_need_a_setting_that_can_change(sweep):
    begun = sweep(build_by_goal, {"goal": [1.0, 2.0]}, epochs=4, halving=2, forks=1)
    with pytest.raises(SessionError, match="the hyperparameters are {'learning_rate': 0.1"):
        begun.start().wait(60)


def build_by_goal(goal):
    return build(0.1, goal)


def test_fit_can_build_the_runs(sweep):
    def fit(learning_rate):
        X = torch.arange(1.0, 9.0)[:, None]
        return wb.fit([wb.Linear()], (X, 2 * X), step_rule=wb.Scale(learning_rate), epochs=2)

    done = trained(sweep(fit, {"learning_rate": [1e-6, 0.01]}, record="validation_cost"))
    assert done.best.settings == {"learning_rate": 0.01}
    assert done.open().predict([[1.0]]).shape == (1, 1)


@pytest.mark.filterwarnings("ignore::workbench.errors.SessionWarning")
def test_a_diverged_run_is_never_the_best(sweep):
    done = trained(sweep(build, {"learning_rate": [1e30, 0.1, 1e20]}, epochs=4, halving=2))
    assert done.best.settings == {"learning_rate": 0.1}


def test_a_failing_run_does_not_end_the_sweep(sweep):
    with pytest.warns(SessionWarning, match="run 1 .* failed: ValueError: no such size"):
        done = trained(sweep(fails_at_one, {"learning_rate": [0.1, 1, 0.2]}))
    assert [run.state for run in done.runs] == ["finished", "failed", "finished"]
    again = trained(sweep(fails_at_one, {"learning_rate": [0.1, 1, 0.2]}))  # without a warning
    assert again.runs[1].state == "failed"
    repaired = trained(sweep(build, {"learning_rate": [0.1, 1, 0.2]}, retry=True))
    assert repaired.runs[1].state == "finished"


def fails_at_one(learning_rate):
    if learning_rate == 1:
        raise ValueError("no such size")
    return build(learning_rate)


@pytest.mark.filterwarnings("ignore::workbench.errors.SessionWarning")
def test_a_sweep_of_failures_fails(sweep):
    with pytest.raises(SessionError, match="all runs of the sweep failed; .* no such size"):
        sweep(fails_at_one, {"learning_rate": [1]}).start().wait(60)


def test_an_unknown_record_ends_the_sweep(sweep):
    with pytest.raises(ArgumentError, match="no record 'cots' .*did you mean 'cost'"):
        sweep(build, RATES, record="cots", choose_best=min).start().wait(60)


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (lambda learning_rate: None, "returned None, but must return a main loop"),
        (
            lambda learning_rate, kept=[]: kept[0] if kept else kept.append(build(0.1)) or kept[0],
            "",
        ),
    ],
)
def test_what_build_returns_is_checked(sweep, returned, text):
    text = text or "has already been trained for 8 iterations; build a new main loop"
    with pytest.raises(ArgumentError, match=text):
        sweep(returned, RATES).start().wait(60)


def test_a_finished_sweep_is_not_repeated(sweep, capsys):
    trained(sweep(build, RATES))
    again = trained(sweep(None_is_built, RATES))
    assert again.best.number == 2
    assert "continues: 3 of its 3 runs have already ended" in capsys.readouterr().err


def None_is_built(learning_rate):
    raise AssertionError("nothing is left to build")


def test_a_stopped_sweep_continues_where_it_was(sweep):
    first = sweep(build, RATES, epochs=9, halving=3)
    first.start()
    first.stop()
    assert first.state is State.FINISHED
    whole = trained(sweep(build, RATES, epochs=9, halving=3))
    assert [run.epochs for run in whole.runs] == [3, 3, 9]


def test_a_run_that_is_paused_holds_the_sweep_until_it_is_resumed(sweep, capsys):
    begun = sweep(pauses_at_one, {"learning_rate": [1, 0.1]}).start()
    until(lambda: begun.note, what="a run that is paused")
    assert begun.note == "run 0 is paused; to continue, call sweep.sessions[0].resume()"
    assert "0 of 2 runs are over; run 0 is paused" in repr(begun)
    assert "or end this run with sweep.sessions[0].stop()" in capsys.readouterr().err
    begun.sessions[0].resume()
    assert begun.wait(60)
    assert [run.state for run in begun.runs] == ["finished"] * 2
    assert begun.note == ""


def pauses_at_one(learning_rate):
    loop = build(learning_rate)
    if learning_rate == 1:
        loop.extensions.append(PauseOnce())
    return loop


class PauseOnce(SimpleExtension):
    def __init__(self):
        super().__init__(after_n_batches=3)

    def do(self, which_callback, *args):
        self.main_loop.session.pause()


def test_a_run_that_is_repeated_passes_the_comparison_of_the_others(sweep):
    space = {"learning_rate": [0.01, 0.1, 1]}
    with pytest.warns(SessionWarning, match="no such size"):
        trained(sweep(fails_at_one, space, epochs=4, halving=2))
    done = trained(sweep(build, space, epochs=4, halving=2, retry=True))
    assert (done.runs[2].state, done.runs[2].epochs) == ("finished", 4)


def test_a_killed_run_is_repeated(sweep, tmp_path):
    trained(sweep(build, RATES))
    with sqlite3.connect(tmp_path / "runs.sqlite") as connection:
        connection.execute(
            "UPDATE sweep_runs SET facts = json_set(facts, '$.state', 'running', '$.archive', '') "
            "WHERE number = 1"
        )
    again = trained(sweep(build, RATES))
    assert [run.state for run in again.runs] == ["finished"] * 3


def test_other_arguments_need_another_name(sweep):
    trained(sweep(build, RATES))
    with pytest.raises(SessionError, match=r"space was .*0\.2.* and is now .*0\.3"):
        sweep(build, {"learning_rate": [0.1, 0.3]}).start()


def test_a_sweep_can_be_extended(sweep):
    space = {"learning_rate": Between(0.01, 0.2)}
    first = trained(sweep(build, space, 1))
    more = trained(sweep(build, space, 3))
    assert more.runs[0].log == first.runs[0].log
    assert [run.state for run in more.runs] == ["finished"] * 3


def test_one_program_at_a_time(sweep):
    first, second = sweep(build, RATES), sweep(build, RATES)
    first._journal.claim()
    with pytest.raises(SessionError, match="is running in another program or kernel"):
        second.start()
    first._journal.close()


def test_the_best_run_can_be_continued_after_a_restart(sweep):
    value = trained(sweep(build, RATES)).best.value
    session = trained(sweep(build, RATES)).open()
    assert session.state is State.PAUSED
    session.train(epochs=1)
    session.resume()
    assert session.wait(60)
    assert session.log.status["epochs_done"] == 5
    assert session.log.latest()["cost"] < value


def test_only_the_best_states_are_kept(sweep):
    done = trained(sweep(build, RATES, keep=2))
    assert [bool(run.archive) for run in done.runs] == [False, True, True]
    with pytest.raises(SessionError, match="not among the best. Pass keep=3 or more"):
        done.open(0)


def test_a_small_space_is_told(sweep, capsys):
    assert len(sweep(build, RATES, 50).runs) == 3
    assert "only 3 different settings, so the sweep has 3 runs instead of 50" in (
        capsys.readouterr().err
    )


def test_there_is_no_best_run_before_the_first_value(sweep):
    given = sweep(build, RATES)
    with pytest.raises(SessionError, match="has a finite value of 'cost' yet"):
        _ = given.best
    assert not hasattr(given, "best")


def test_the_database_has_a_default_that_the_sweep_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep = trained(Sweep(build, RATES, record="cost"))
    assert sweep.database == str(tmp_path / "sweeps.sqlite")
    assert f"in {sweep.database}" in repr(sweep)


def test_waiting_for_a_sweep_that_was_not_started_is_explained(sweep):
    with pytest.raises(SessionError, match=r"call sweep.start\(\) first"):
        sweep(build, RATES).wait()


def test_only_numbers_are_suggested_as_the_record(sweep):
    with pytest.raises(ArgumentError, match="its records: cost. Pass .* record='cost'"):
        sweep(build_with_texts, RATES, record="loss").start().wait(60)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"choose_best": sum}, "choose_best must be min or max"),
        ({"record": "reward"}, "Sweep: the name of the record 'reward' does not say whether lower"),
        ({"halving": 1}, "halving must be a whole number >= 2, not 1"),
        ({"halving": 3}, "needs epochs="),
        ({"halving": 3, "epochs": 2}, "cannot compare 3 runs within 2 epochs"),
        ({"forks": 1}, "needs halving="),
        ({"at_once": 0}, "at_once must be a whole number >= 1"),
        ({"name": ""}, "name must be non-empty text"),
    ],
)
def test_wrong_arguments_are_refused(sweep, options, text):
    with pytest.raises(ArgumentError, match=text):
        sweep(build, RATES, **options)
