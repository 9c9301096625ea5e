"""Training with the optimizers of torch: the same numbers as in a loop written by hand."""

import pickle
import threading

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import ExponentialLR, ReduceLROnPlateau, StepLR

from workbench import shared, tensor
from workbench.algorithms import TorchOptimizer
from workbench.errors import AlgorithmError, NotFiniteError, StateError

OPTIMIZERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    "Adam": {"lr": 0.01, "amsgrad": True},
    "AdamW": {"lr": 0.01, "weight_decay": 0.1},
    "Adamax": {},
    "NAdam": {},
    "RAdam": {},
    "Adadelta": {},
    "Adagrad": {},
    "ASGD": {},
    "Adafactor": {},
    "Rprop": {},
    "RMSprop": {"centered": True},
    "LBFGS": {"lr": 0.1, "max_iter": 4},
    "Muon": {},
}
BATCHES = torch.randn(20, 8, 4, generator=torch.Generator().manual_seed(5))
INITIAL = torch.randn(4, 3, generator=torch.Generator().manual_seed(6))


def loss(x, W):
    return (torch.tanh(x @ W) - 0.5).pow(2).mean()


def training(optimizer, options=None, **more):
    W = shared(INITIAL, "W")
    cost = loss(tensor.matrix("x"), W).copy(name="cost")
    return W, TorchOptimizer(cost, [W], optimizer, options, **more)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_twenty_steps_agree_with_a_loop_by_hand(name):
    make = getattr(torch.optim, name)
    W, algorithm = training(make, OPTIMIZERS[name])
    theirs = INITIAL.clone().requires_grad_()
    optimizer = make([theirs], **OPTIMIZERS[name])
    for batch in BATCHES:
        algorithm.process_batch({"x": batch})

        def evaluate(batch=batch):
            optimizer.zero_grad()
            cost = loss(batch, theirs)
            cost.backward()
            return cost

        optimizer.step(evaluate)
    np.testing.assert_allclose(W.get_value(), theirs.detach(), rtol=1e-5, atol=1e-6)


def test_schedulers_take_a_step_after_every_batch():
    _, algorithm = training(
        torch.optim.SGD, {"lr": 1.0}, schedulers=[lambda o: ExponentialLR(o, gamma=0.5)]
    )
    for batch in BATCHES[:3]:
        algorithm.process_batch({"x": batch})
    assert algorithm.optimizer.param_groups[0]["lr"] == 0.125
    assert algorithm.learning_rate.get_value() == 0.125


def test_schedulers_can_take_a_step_after_several_batches():
    _, algorithm = training(
        torch.optim.SGD,
        {"lr": 1.0},
        schedulers=[lambda o: StepLR(o, 1, gamma=0.1)],
        schedule_every=5,
    )
    for batch in BATCHES[:9]:
        algorithm.process_batch({"x": batch})
    np.testing.assert_allclose(algorithm.learning_rate.get_value(), 0.1, rtol=1e-6)


def test_a_plateau_is_judged_by_the_mean_cost():
    _, algorithm = training(
        torch.optim.SGD,
        {"lr": 0.0},
        schedulers=[lambda o: ReduceLROnPlateau(o, patience=2)],
        schedule_every=2,
    )
    seen = []
    algorithm.add_observer([algorithm.cost], seen.extend)
    for batch in BATCHES[:4]:
        algorithm.process_batch({"x": batch})
    means = [np.mean(seen[:2]), np.mean(seen[2:])]
    assert algorithm.schedulers[0].best == pytest.approx(min(means), rel=1e-6)


def test_an_assigned_learning_rate_counts_from_the_next_batch():
    W, algorithm = training(torch.optim.SGD, {"lr": 1.0})
    algorithm.process_batch({"x": BATCHES[0]})
    before = W.get_value()
    algorithm.learning_rate.set_value(0.0)
    algorithm.process_batch({"x": BATCHES[1]})
    np.testing.assert_array_equal(W.get_value(), before)


def test_groups_of_parameters():
    a, b = shared(1.0, "a"), shared(1.0, "b")
    algorithm = TorchOptimizer(
        a + b,
        [a, b],
        lambda tensors: torch.optim.SGD(
            [{"params": tensors[:1], "lr": 0.5}, {"params": tensors[1:]}], lr=0.25
        ),
    )
    algorithm.process_batch({})
    assert (a.get_value(), b.get_value()) == (0.5, 0.75)


def test_observers_see_values_from_before_the_step():
    W, algorithm = training(torch.optim.SGD, {"lr": 0.1})
    seen = []
    algorithm.add_observer([W, algorithm.total_gradient_norm], seen.append)
    algorithm.process_batch({"x": BATCHES[0]})
    np.testing.assert_array_equal(seen[0][0], INITIAL)
    assert seen[0][1] > 0


def test_a_cost_that_is_not_finite_leaves_parameters_alone():
    W, algorithm = training(torch.optim.Adam)
    with pytest.raises(NotFiniteError, match="the cost 'cost' is nan in batch 1"):
        algorithm.process_batch({"x": BATCHES[0] * torch.nan})
    np.testing.assert_array_equal(W.get_value(), INITIAL)


def test_a_sum_of_squares_that_overflows_in_float16_is_refused():
    W = shared(torch.zeros(1).half(), "W")
    cost = (W.float() * 50).sum()  # after 26 steps the sum of the squares 2500 is too large
    algorithm = TorchOptimizer(cost, [W], torch.optim.Adagrad)
    with pytest.raises(NotFiniteError, match="in batch 27"):
        for _ in range(30):
            algorithm.process_batch({})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_state_that_is_loaded_goes_on_with_the_same_numbers(name):
    def fresh():
        schedulers = [lambda o: ExponentialLR(o, gamma=0.9)]
        return training(getattr(torch.optim, name), OPTIMIZERS[name], schedulers=schedulers)

    (W, algorithm), (other, resumed) = fresh(), fresh()
    for batch in BATCHES[:10]:
        algorithm.process_batch({"x": batch})
    resumed.load_state_dict(algorithm.state_dict())
    for batch in BATCHES[10:]:
        algorithm.process_batch({"x": batch})
        resumed.process_batch({"x": batch})
    np.testing.assert_array_equal(W.get_value(), other.get_value())


def test_costs_that_wait_for_a_scheduler_are_loaded_exactly():
    def plateau(optimizer):
        return ReduceLROnPlateau(optimizer, patience=0, threshold=0.0)

    def fresh():
        x, w = tensor.variable("x", (), dtype=torch.float64), shared(torch.zeros(()).double(), "w")
        options = {"schedulers": [plateau], "schedule_every": 2}
        return TorchOptimizer(x + 0 * w, [w], torch.optim.SGD, {"lr": 1.0}, **options)

    algorithm, resumed = fresh(), fresh()
    for cost in (1.0, 1.0, 1.0 - 1e-9):
        algorithm.process_batch({"x": torch.tensor(cost, dtype=torch.float64)})
    resumed.load_state_dict(algorithm.state_dict())
    resumed.process_batch({"x": torch.tensor(1.0, dtype=torch.float64)})
    assert resumed.learning_rate.get_value() == 1.0  # the mean cost has improved by 5e-10


def two_parameters(order, make=torch.optim.SGD, options=None):
    """Return parameters by name, and an algorithm that trains them in the given order."""
    x, named = tensor.vector("x"), {name: shared([1.0, 1.0], name) for name in "abc"}
    a, b, c = named.values()
    cost = (a * x).sum() + 100 * (b * x).sum() + 10000 * (c * x).sum()
    options = {"lr": 0.1, "momentum": 0.9} if options is None else options
    return named, TorchOptimizer(cost, [named[name] for name in order], make, options)


def test_a_state_is_loaded_by_the_names_of_the_parameters():
    (ours, algorithm), (theirs, resumed) = two_parameters("ab"), two_parameters("ba")
    algorithm.process_batch({"x": [1.0, 1.0]})
    state = algorithm.state_dict()
    resumed.load_state_dict(state)
    for one in (algorithm, resumed):
        one.process_batch({"x": [1.0, 1.0]})
    assert ours["b"].get_value()[0] == pytest.approx(1 - 10 - 19)
    assert theirs["b"].get_value()[0] == pytest.approx(1 - 10 - 19)
    del state["parameter_names"]  # as in states of earlier versions
    two_parameters("ab")[1].load_state_dict(state)


@pytest.mark.parametrize(
    "make, options, order, text",
    [
        (
            torch.optim.SGD,
            None,
            "bc",
            r"parameters \[\['a', 'b'\]\], but .* trains \[\['b', 'c'\]\]",
        ),
        (torch.optim.SGD, None, "a", r"but .* trains \[\['a'\]\]"),
        (torch.optim.LBFGS, {}, "ba", r"for the order \['a', 'b'\], but .* order \['b', 'a'\]"),
    ],
)
def test_the_state_of_other_parameters_is_refused(make, options, order, text):
    _, algorithm = two_parameters("ab", make, options)
    algorithm.process_batch({"x": [1.0, 1.0]})
    with pytest.raises(StateError, match=text):
        two_parameters(order, make, options)[1].load_state_dict(algorithm.state_dict())


def test_a_pickled_algorithm_goes_on_with_the_same_numbers():
    W, algorithm = training(torch.optim.Adam)
    for batch in BATCHES[:5]:
        algorithm.process_batch({"x": batch})
    copy = pickle.loads(pickle.dumps(algorithm))
    for batch in BATCHES[5:]:
        algorithm.process_batch({"x": batch})
        copy.process_batch({"x": batch})
    np.testing.assert_array_equal(W.get_value(), copy.parameters[0].get_value())


def test_assigning_while_it_trains_never_waits_for_ever():
    W, algorithm = training(torch.optim.SGD, {"lr": 0.01})
    algorithm.add_updates([(count := shared(0, "count"), count + 1)])
    algorithm.process_batch({"x": BATCHES[0]})
    done = threading.Event()

    def assign():
        while not done.is_set():
            W.set_value(INITIAL)
            count.get_value()

    thread = threading.Thread(target=assign)
    thread.start()
    for _ in range(200):
        algorithm.process_batch({"x": BATCHES[0]})
    done.set()
    thread.join(20)
    assert not thread.is_alive() and count.get_value() == 201


W, V = shared(1.0, "w"), tensor.vector("x")


@pytest.mark.parametrize(
    "arguments, options, text",
    [
        (["SGD"], {}, "optimizer must be a class .* not 'SGD'"),
        ([torch.optim.SGD([torch.zeros(1)], lr=0.1)], {}, "not SGD"),
        ([torch.optim.SGD, {"lr": -1}], {}, "SGD rejects .* Invalid learning rate: -1"),
        ([torch.optim.SGD, {"learning": 1}], {}, "SGD rejects .* unexpected keyword .*'learning'"),
        (
            [torch.optim.SGD],
            {"schedule_every": 0},
            "schedule_every must be a whole number >= 1, not 0",
        ),
        ([torch.optim.SGD], {"schedulers": len}, "schedulers must be a list of functions .*len"),
        (
            [torch.optim.SGD],
            {"schedulers": [3]},
            r"schedulers must be a list of functions .*not \[3\]",
        ),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(arguments, options, text):
    with pytest.raises(AlgorithmError, match=text):
        TorchOptimizer(((V - W) ** 2).mean(), [W], *arguments, **options)
