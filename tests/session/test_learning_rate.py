"""Learning rate range tests: on a copy of the run, which stays as it is."""

import contextlib
import math
import sqlite3

import numpy as np
import pytest

from tests.support import runs
from tests.support.fakes import make
from tests.support.waiting import SOON
from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.errors import ArgumentError, SessionError
from workbench.extensions import FinishAfter
from workbench.log import SQLiteLog
from workbench.main_loop import MainLoop
from workbench.session import learning_rate_test
from workbench.session.learning_rate_test import LearningRateTest

pytestmark = pytest.mark.usefixtures("no_session_is_left")


def parabola(**options):
    """Return a session of a run that is stable for rates below 1 and fastest at 0.5."""
    w = shared(np.ones(4), "w")
    x = tensor.vector("x")
    cost = (w**2).sum() + 0 * x.sum()
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.01))
    ends = [FinishAfter(after_n_batches=5)]
    return MainLoop(algorithm, [{"x": [1.0]}] * 400, extensions=ends, **options).start(paused=True)


def test_rates_grow_by_a_constant_factor():
    result = parabola().find_learning_rate(1e-4, 1e-1, batches=50)
    factors = np.diff(np.log(result.rates))
    assert len(result.rates) == 50
    assert (result.rates[0], result.rates[-1]) == pytest.approx((1e-4, 1e-1))
    assert factors == pytest.approx(np.full(49, factors[0]))


def test_costs_are_those_of_training_at_the_rates():
    result = parabola().find_learning_rate(1e-3, 1e-1, batches=30)
    expected, w = [], np.ones(4)
    for rate in result.rates:
        expected.append((w**2).sum())
        w = w - rate * 2 * w
    assert result.costs == pytest.approx(expected, rel=1e-5)


def test_a_notebook_shows_it_in_lines_that_end_between_words(capsys):
    result = LearningRateTest([1e-3, 1e-2], [1.0, 2.0])
    result._ipython_display_()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1 and max(map(len, lines)) <= learning_rate_test.WIDTH
    assert " ".join(lines) == repr(result)


def test_it_ends_when_the_cost_has_grown():
    result = parabola().find_learning_rate(1e-3, 100, batches=100)
    assert len(result.rates) < 100
    assert 1e-3 < result.suggestion < 1


def test_noise_of_the_cost_does_not_end_it():
    w, x = shared(np.ones(4), "w"), tensor.vector("x")
    cost = (w**2).sum() + x.sum()  # the first batch has the lowest cost by far
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.01))
    noise = np.random.RandomState(1).exponential(8, 400)
    batches = [{"x": [-3.9]}, *({"x": [one]} for one in noise)]
    session = MainLoop(algorithm, batches).start(paused=True)
    result = session.find_learning_rate(1e-6, 1e-2)
    assert "did not fall" in result.reason
    assert len(result.rates) == 100


def test_the_run_does_not_change():
    session, plain = runs.build(30).start(paused=True), runs.build(30)
    session.step(7).wait(SOON)
    session.find_learning_rate(1e-4, 1.0, batches=40)
    session.resume()
    assert session.wait(SOON)
    plain.run()
    runs.assert_same(session.main_loop, plain)


def test_a_database_gets_no_run_of_the_test(tmp_path):
    path = tmp_path / "runs.sqlite"
    session = parabola(log=SQLiteLog(path))
    session.find_learning_rate(1e-3, 1e-1, batches=20)
    session.resume()
    assert session.wait(SOON)
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM logs").fetchone() == (1,)


def test_it_works_after_the_end():
    session = parabola()
    session.resume()
    assert session.wait(SOON)
    assert len(session.find_learning_rate(1e-3, 1e-1, batches=20).costs) == 20
    assert session.log.status["iterations_done"] == 5


def test_a_cost_that_never_falls_suggests_nothing_and_says_why_once():
    w = shared([1.0], "w")
    algorithm = GradientDescent(cost=w.sum() * 0 + 1, parameters=[w], step_rule=Scale(0.01))
    session = MainLoop(algorithm, [{}] * 50).start(paused=True)
    result = session.find_learning_rate(batches=30)
    assert result.suggestion is None
    assert repr(result).count("no suggestion: the cost did not fall at any learning rate") == 1


def test_the_frame_has_a_row_for_each_batch():
    result = parabola().find_learning_rate(1e-3, 1e-1, batches=25)
    assert list(result.frame) == ["learning_rate", "cost", "smoothed"]
    assert result.frame.cost.tolist() == result.costs
    assert result.smoothed[0] == result.costs[0]


def test_the_suggestion_is_where_the_cost_falls_fastest():
    rates = np.geomspace(1e-4, 1, 60).tolist()
    costs = [1 / (1 + math.exp(5 * (math.log10(rate) + 2))) for rate in rates]
    assert LearningRateTest(rates, costs).suggestion == pytest.approx(10**-2, rel=1)


def test_low_costs_of_the_first_batches_do_not_hide_a_fall():
    rates = np.geomspace(1e-4, 1.0, 60).tolist()
    costs = [0.1, 0.2, *[2.0] * 28, *np.linspace(2.0, 0.5, 30)]
    assert 1e-2 < LearningRateTest(rates, costs).suggestion <= 1


def noisy(mean, scale, seed=0):
    """Return a test with costs that are noise around some means."""
    noise = np.random.default_rng(seed).normal(0, scale, len(mean))
    rates = np.geomspace(1e-6, 10, len(mean)).tolist()
    return LearningRateTest(rates, (np.asarray(mean) + noise).tolist())


@pytest.mark.parametrize("seed", range(20))
def test_noise_of_a_converged_run_suggests_nothing(seed):
    growth = np.exp(np.linspace(0, 3, 15)) - 1
    result = noisy([*[0.5] * 85, *(0.5 + growth)], 0.1, seed)
    assert result.suggestion is None
    assert result.reason.startswith("the cost did not fall ") and result.reason in repr(result)


@pytest.mark.parametrize("offset", [0.0, 1.0, -2.0])
def test_a_fall_within_noise_is_found_where_it_is(offset):
    fall = [*[2.0] * 50, *np.linspace(2, 0.5, 20), *[0.5] * 10, *np.linspace(0.5, 9, 20)]
    result = noisy(np.add(fall, offset), 0.3)
    assert result.rates[50] < result.suggestion < result.rates[70] and result.reason == ""


@pytest.mark.parametrize(("at", "cost"), [(0, 50.0), (10, 50.0), (40, -50.0), (99, -50.0)])
def test_one_extreme_cost_suggests_nothing(at, cost):
    means = [2.0] * 100
    means[at] = cost
    assert noisy(means, 0.1).suggestion is None


def test_a_high_first_cost_does_not_hide_a_fall():
    result = noisy([50, *[2.0] * 59, *np.linspace(2, 0.5, 20), *np.linspace(0.5, 9, 20)], 0.1)
    assert result.rates[60] < result.suggestion < result.rates[80]


def test_a_converged_run_says_why_nothing_is_suggested():
    w, x = shared(np.zeros(4), "w"), tensor.vector("x")
    cost = (w**2).sum() + x.sum()
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.01))
    batches = [{"x": [one]} for one in np.random.RandomState(0).normal(5, 1, 400)]
    session = MainLoop(algorithm, batches).start(paused=True)
    result = session.find_learning_rate(1e-6, 1e-2)
    assert result.suggestion is None
    assert "did not fall clearly" in result.reason
    assert "the run has converged, no rate is suitable" in result.reason


def test_the_average_is_computed_once_for_each_batch(monkeypatch):
    added = []
    add = learning_rate_test._Average.add
    monkeypatch.setattr(
        learning_rate_test._Average, "add", lambda self, cost: added.append(1) or add(self, cost)
    )
    counts, session = [], parabola()
    for batches in (40, 80):
        added.clear()
        session.find_learning_rate(1e-4, 1e-1, batches=batches)
        counts.append(len(added))
    assert counts[1] == 2 * counts[0]


@pytest.mark.parametrize("bounds", [(0, 1), (1, 1), (2, 1), (-1, 1), (1e-3, math.inf), ("a", 1)])
def test_wrong_bounds(bounds):
    with pytest.raises(ArgumentError, match="low and high must be numbers with 0 < low < high"):
        parabola().find_learning_rate(*bounds)


def test_too_few_batches():
    with pytest.raises(ArgumentError, match="batches"):
        parabola().find_learning_rate(batches=3)


def test_an_unknown_parameter_is_named():
    with pytest.raises(SessionError, match="no variable 'learning_rat'; .*did you mean"):
        parabola().find_learning_rate(parameter="learning_rat")


def test_an_algorithm_without_a_cost_is_refused():
    session = make().start(paused=True)
    with pytest.raises(SessionError):
        session.find_learning_rate()
