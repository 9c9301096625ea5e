"""Learning-rate schedules, against those of torch."""

import math
import pickle

import pytest
import torch
from torch.optim import lr_scheduler

from workbench.algorithms import Scale
from workbench.errors import AlgorithmError, ArgumentError
from workbench.extensions.schedules import (
    chain,
    cosine,
    exponential,
    linear,
    one_cycle,
    step,
    warm_up,
)

STEPS = 50
RATE = 0.5

# Our schedule; that of torch; the number of steps before that of torch rises again or fails.
ROWS = {
    "linear": (
        linear(0.25 * RATE, 0.75 * RATE, 20),
        lambda o: lr_scheduler.LinearLR(o, 0.25, 0.75, 20),
        STEPS,
    ),
    "warm-up": (warm_up(RATE, 10), lambda o: lr_scheduler.LinearLR(o, total_iters=10), STEPS),
    "cosine": (
        cosine(RATE, 50, minimum=0.01),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 50, 0.01),
        STEPS,
    ),
    "cosine restarts": (
        cosine(RATE, 12, minimum=0.01, restarts=True),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 12, 1, 0.01),
        STEPS,
    ),
    "cosine restarts growing": (
        cosine(RATE, 5, restarts=True, growth=3),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 5, 3),
        STEPS,
    ),
    "step": (step(RATE, 7, factor=0.3), lambda o: lr_scheduler.StepLR(o, 7, 0.3), STEPS),
    "steps": (step(RATE, [3, 20]), lambda o: lr_scheduler.MultiStepLR(o, [3, 20]), STEPS),
    "exponential": (exponential(RATE, 0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9), STEPS),
    "one cycle": (
        one_cycle(RATE, 50),
        lambda o: lr_scheduler.OneCycleLR(o, RATE, total_steps=50, cycle_momentum=False),
        STEPS - 1,
    ),
    "one short cycle": (
        one_cycle(RATE, 40, warm_up=0.6, div_factor=10, final_div_factor=100),
        lambda o: lr_scheduler.OneCycleLR(
            o,
            RATE,
            total_steps=40,
            pct_start=0.6,
            div_factor=10,
            final_div_factor=100,
            cycle_momentum=False,
        ),
        39,
    ),
    "warm-up, then cosine": (
        warm_up(cosine(RATE, 40), 10, start=0.1),
        lambda o: lr_scheduler.SequentialLR(
            o,
            [lr_scheduler.LinearLR(o, 0.1, 1.0, 10), lr_scheduler.CosineAnnealingLR(o, 40)],
            milestones=[10],
        ),
        STEPS,
    ),
    "three in a chain": (
        chain([linear(0.2 * RATE, RATE, 8), step(RATE, 5), exponential(RATE, 0.8)], [8, 30]),
        lambda o: lr_scheduler.SequentialLR(
            o,
            [
                lr_scheduler.LinearLR(o, 0.2, 1.0, 8),
                lr_scheduler.StepLR(o, 5),
                lr_scheduler.ExponentialLR(o, 0.8),
            ],
            milestones=[8, 30],
        ),
        STEPS,
    ),
}


def torchs(make, steps):
    """Return the rates of a scheduler before the first step and after every step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return [*rates, optimizer.param_groups[0]["lr"]]


@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")  # torch, of its own call
@pytest.mark.parametrize("name", ROWS)
def test_schedules_agree_with_those_of_torch(name):
    schedule, make, steps = ROWS[name]
    expected = torchs(make, steps)
    assert [schedule(n) for n in range(steps + 1)] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", [name for name in ROWS if "restarts" not in name])
def test_beyond_its_end_a_schedule_does_not_rise(name):
    schedule = ROWS[name][0]
    late = [schedule(n) for n in range(STEPS, 3 * STEPS)]
    assert late == sorted(late, reverse=True)
    assert all(rate >= 0 for rate in late)


@pytest.mark.parametrize("name", ROWS)
def test_a_schedule_is_pickled_and_compared_by_its_settings(name):
    schedule = ROWS[name][0]
    copy = pickle.loads(pickle.dumps(schedule))
    assert copy == schedule and copy(17) == schedule(17)


@pytest.mark.parametrize(
    "schedule, expected",
    [
        (exponential(1e-3, 2.0), math.inf),
        (exponential(-1.0, 2.0), -math.inf),
        (exponential(0.0, 2.0), 0.0),
        (step(1e-3, 1, factor=2.0), math.inf),
        (step(1e-3, [1, 2], factor=-1e200), math.inf),
        (step(1e-3, 1, factor=-2.0), -math.inf),
    ],
)
def test_a_schedule_that_overflows_is_infinite(schedule, expected):
    assert schedule(2001) == expected


def test_a_rate_that_overflows_is_refused_with_its_name():
    rate = Scale(1.0).learning_rate
    with pytest.raises(AlgorithmError, match="learning_rate must be .*, not .*inf"):
        rate.set_value(exponential(1e-3, 2.0)(2000))


def test_a_schedule_shows_its_settings():
    assert repr(warm_up(step(0.5, [3, 20]), 10, start=0.1)) == (
        "warm_up(target=step(rate=0.5, every=(3, 20), factor=0.1), iterations=10, start=0.1)"
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: cosine(0.1, 0), "iterations must be a whole number >= 1, not 0"),
        (
            lambda: cosine(0.1, 5, restarts=True, growth=1.5),
            "growth must be a whole number",
        ),
        (lambda: one_cycle(0.1, 1), "iterations must be a whole number >= 2, not 1"),
        (
            lambda: one_cycle(0.1, 9, warm_up=1.0),
            r"warm_up must be a fraction in \[0, 1\), not 1\.0",
        ),
        (lambda: step(0.1, [3, 2]), r"every=\(3, 2\) must be numbers of iterations in"),
        (lambda: chain([0.1, 0.2], [3, 5]), "ends=.3, 5. must have one number for each .* 2"),
        (lambda: chain([1, 2, 3], [5, 3]), r"ends=\(5, 3\) must be numbers of iterations in"),
        (lambda: step(0.1, True), "every must be a whole number >= 1, not True"),
    ],
)
def test_wrong_settings_are_named(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()
