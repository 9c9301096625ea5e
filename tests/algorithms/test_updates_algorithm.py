"""Algorithms that are one function with updates: sources, updates, observers, state."""

import numpy as np
import pytest
import torch

from workbench import shared, tensor
from workbench.algorithms import (
    GradientDescent,
    Momentum,
    Scale,
    TorchOptimizer,
    UpdatesAlgorithm,
)
from workbench.errors import AlgorithmError, DtypeError, InputError, SourceError, StateError


def counting(**options):
    """Return a total, and the algorithm that adds the sum of the source "x" to it."""
    x, total = tensor.vector("x"), shared(0.0, "total")
    return total, UpdatesAlgorithm(updates=[(total, total + x.sum())], **options)


@pytest.mark.parametrize(
    "batch", [{"x": np.ones(3, "float32")}, {"x": torch.ones(3)}, {"x": [1.0, 1.0, 1.0]}]
)
def test_batches_may_be_arrays_tensors_and_lists(batch):
    total, algorithm = counting()
    algorithm.initialize()
    algorithm.process_batch(batch)
    assert total.get_value() == 3


def test_all_updates_use_the_old_values():
    a, b = shared(1.0, "a"), shared(2.0, "b")
    algorithm = UpdatesAlgorithm(updates={a: b, b: a})
    algorithm.process_batch({})
    assert (a.get_value(), b.get_value()) == (2, 1)


@pytest.mark.parametrize("batch", [[1, 2], 5, np.ones(3), torch.ones(3), [{"x": 1}]])
def test_a_batch_is_a_dictionary(batch):
    text = r"Updates\w+ must be a dictionary that maps .* \{'features': array\}, not "
    for algorithm in (counting()[1], UpdatesAlgorithm()):
        with pytest.raises(SourceError, match=text):
            algorithm.process_batch(batch)


@pytest.mark.parametrize(
    ("updates", "given"),
    [(5, "5$"), ([5], "5 as an item"), (shared(0, "w"), "w$"), ([(1,)], r"\(1,\)")],
)
def test_updates_are_pairs(updates, given):
    _, algorithm = counting()
    with pytest.raises(InputError, match=rf"updates must be a dictionary .* not {given}"):
        algorithm.add_updates(updates)


def test_a_missing_source_is_named_with_those_there_are():
    _, algorithm = counting()
    with pytest.raises(
        SourceError, match="requires the source 'x', but the batch contains 'a', 'b'"
    ):
        algorithm.process_batch({"a": [1.0], "b": [1.0]})


def test_the_nearest_spelling_of_a_missing_source():
    features = tensor.matrix("features")
    algorithm = UpdatesAlgorithm(updates=[(shared(0.0, "n"), features.sum())])
    with pytest.raises(SourceError, match="did you mean 'feature'"):
        algorithm.process_batch({"feature": [[1.0]], "targets": [1]})


def test_an_unused_source_is_refused_with_the_remedy():
    total, algorithm = counting()
    with pytest.raises(SourceError, match="does not use the sources 'y', 'z' .* FilterSources"):
        algorithm.process_batch({"x": [1.0], "y": [1.0], "z": [2.0]})
    assert total.get_value() == 0


def test_an_unused_source_can_be_warned_of_once():
    total, algorithm = counting(on_unused_sources="warn")
    with pytest.warns(UserWarning, match="does not use the source 'y'"):
        algorithm.process_batch({"x": [1.0], "y": [1.0]})
    algorithm.process_batch({"x": [1.0], "y": [1.0]})
    assert total.get_value() == 2


def test_an_unused_source_can_be_ignored():
    total, algorithm = counting(on_unused_sources="ignore")
    algorithm.process_batch({"x": [1.0], "y": [1.0]})
    assert total.get_value() == 1


def test_on_unused_sources_is_one_of_three_values():
    with pytest.raises(AlgorithmError, match="not 'rais'; did you mean 'raise'"):
        UpdatesAlgorithm(on_unused_sources="rais")


def test_inputs_need_names():
    x, total = tensor.vector(), shared(0.0, "total")
    algorithm = UpdatesAlgorithm(updates=[(total, x.sum())])
    with pytest.raises(SourceError, match="input without a name"):
        algorithm.initialize()


def test_two_inputs_of_one_name_are_refused():
    total = shared(0.0, "total")
    new = tensor.vector("x").sum() + tensor.vector("x").sum()
    with pytest.raises(SourceError, match="two inputs named 'x'"):
        UpdatesAlgorithm(updates=[(total, new)]).initialize()


def test_an_array_of_the_wrong_dtype_is_refused_by_name():
    _, algorithm = counting()
    with pytest.raises(DtypeError, match="input x must be float32, not float64"):
        algorithm.process_batch({"x": np.ones(3)})


def test_updates_added_before_and_after_initialization_count():
    total, algorithm = counting()
    batches, squares = shared(0, "batches"), shared(0.0, "squares")
    algorithm.add_updates([(batches, batches + 1)])
    algorithm.initialize()
    algorithm.process_batch({"x": [2.0]})
    algorithm.add_updates({squares: squares + total**2})
    algorithm.process_batch({"x": [2.0]})
    assert (batches.get_value(), squares.get_value(), total.get_value()) == (2, 4, 4)


def test_two_updates_of_one_variable_are_refused():
    total, algorithm = counting()
    algorithm.add_updates([(total, total * 2)])
    with pytest.raises(ValueError, match="total has two updates"):
        algorithm.initialize()


def test_initializing_twice_changes_nothing():
    _, algorithm = counting()
    algorithm.initialize()
    function = algorithm.function
    algorithm.initialize()
    assert algorithm.function is function


def test_observers_get_values_from_before_the_update():
    total, algorithm = counting()
    seen = []
    algorithm.add_observer([total, total * 10], seen.append)
    algorithm.process_batch({"x": [1.0]})
    algorithm.process_batch({"x": [1.0]})
    assert seen == [[0, 0], [1, 10]]


def test_values_given_to_observers_do_not_change_later():
    total, algorithm = counting()
    seen = []
    algorithm.add_observer([total], seen.append)
    algorithm.process_batch({"x": [1.0]})
    algorithm.process_batch({"x": [1.0]})
    assert seen[0][0] == 0


def test_a_variable_with_several_observers_is_computed_once():
    x, w = tensor.vector("x"), shared(1.0, "w")
    calls = []
    square = tensor.put_hook(x**2, lambda value: calls.append(value))
    algorithm = GradientDescent(cost=(w * square).sum(), parameters=[w])
    for _ in range(2):
        algorithm.add_observer([square, algorithm.total_gradient_norm], lambda values: None)
    algorithm.process_batch({"x": [1.0]})
    assert len(calls) == 1


def test_an_observer_can_leave():
    total, algorithm = counting()
    seen = []
    algorithm.add_observer([total], seen.append)
    algorithm.process_batch({"x": [1.0]})
    algorithm.remove_observer(seen.append)
    algorithm.process_batch({"x": [1.0]})
    assert len(seen) == 1
    with pytest.raises(AlgorithmError, match="is not an observer of"):
        algorithm.remove_observer(seen.append)


def test_observed_inputs_become_sources():
    _, algorithm = counting()
    seen = []
    algorithm.add_observer([tensor.scalar("y")], seen.append)
    algorithm.process_batch({"x": [1.0], "y": 3.0})
    assert seen == [[3]]


def test_the_state_has_unique_names_and_refuses_strangers():
    x, first, second = tensor.vector("x"), shared(1.0, "W"), shared(2.0, "W")
    cost = (first * second * x).sum()
    algorithm = GradientDescent(cost=cost, parameters=[first, second], step_rule=Momentum(0.1, 0.9))
    names = {"W", "W_1", "W_velocity", "W_velocity_1", "learning_rate", "momentum"}
    assert set(algorithm.state_dict()) == names
    with pytest.raises(StateError, match="no state 'W_velocty'; .*did you mean 'W_velocity'"):
        algorithm.load_state_dict({**algorithm.state_dict(), "W_velocty": 0.0})


def test_a_state_without_a_buffer_of_a_rule_is_refused():
    x, w = tensor.vector("x"), shared(1.0, "w")
    cost = (w * x).sum()
    saved = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.1)).state_dict()
    other = GradientDescent(cost=cost, parameters=[w], step_rule=Momentum(0.1, 0.9))
    with pytest.raises(StateError, match="does not contain 'w_velocity', 'momentum', which"):
        other.load_state_dict(saved)


def test_a_state_of_another_shape_changes_nothing():
    total, algorithm = counting()
    other = shared([1.0, 2.0], "other")
    algorithm.add_updates([(other, other * 2)])
    with pytest.raises(StateError, match=r"'other' has shape \(3,\), .* must have shape \(2,\)"):
        algorithm.load_state_dict({"total": 5.0, "other": np.zeros(3)})
    assert total.get_value() == 0


def test_parameters_can_be_left_out_of_the_state():
    x, w = tensor.vector("x"), shared(1.0, "w")
    algorithm = GradientDescent(cost=(w * x).sum(), parameters=[w], step_rule=Scale(0.1))
    assert set(algorithm.state_dict(exclude=[w])) == {"learning_rate"}


def test_names_of_the_state_have_the_path_of_the_brick():
    from workbench.bricks import Linear
    from workbench.initialization import Constant

    linear = Linear(2, 1, weights_init=Constant(1), biases_init=Constant(0))
    cost = linear.apply(tensor.matrix("x")).sum()
    linear.initialize()
    algorithm = GradientDescent(
        cost=cost, parameters=[linear.W, linear.b], step_rule=Momentum(0.1, 0.9)
    )
    assert {"linear.W", "linear.b", "linear.W_velocity"} < set(algorithm.state_dict())


def test_compiled_sizes_are_kept_until_there_is_a_function():
    x, total = tensor.vector("x"), shared(0.0, "total")
    algorithm = UpdatesAlgorithm(updates=[(total, total + x.sum())])
    algorithm.load_state_dict({"total": 1.0, "compiled_for": [[16]]})
    assert algorithm.state_dict()["compiled_for"] == [[16]]


def test_the_inputs_are_those_of_updates_costs_and_observers():
    x, y, z = tensor.vector("x"), tensor.vector("y"), tensor.scalar("z")
    w, total = shared(1.0, "w"), shared(0.0, "total")
    for algorithm in (
        GradientDescent(cost=(w * x).sum(), parameters=[w]),
        TorchOptimizer((w * x).sum(), [w], torch.optim.SGD, {"lr": 0.1}),
    ):
        assert algorithm.inputs == [x]
        algorithm.add_updates([(total, total + y.sum())])
        algorithm.add_observer([z * 2], print)
        algorithm.initialize()
        assert set(algorithm.inputs) == {x, y, z}
    assert UpdatesAlgorithm(updates=[(total, total + 1)]).inputs == []


def test_the_variables_of_the_state_include_updates_that_are_added_later():
    x, first, second = tensor.vector("x"), shared(0.0, "first"), shared(0.0, "second")
    algorithm = UpdatesAlgorithm(updates=[(first, first + x.sum())])
    algorithm.process_batch({"x": [1.0]})
    assert set(algorithm.state_variables()) == {"first"}
    algorithm.add_updates([(second, second + x.sum())])
    assert set(algorithm.state_variables()) == {"first", "second"}
    algorithm.process_batch({"x": [1.0]})
    assert set(algorithm.state_variables()) == {"first", "second"}


def test_the_names_of_the_state_follow_those_of_the_variables():
    total, algorithm = counting()
    algorithm.process_batch({"x": [1.0]})
    assert set(algorithm.state_variables()) == {"total"}
    total.name = "sum"
    assert set(algorithm.state_variables()) == {"sum"}


def test_changing_the_returned_variables_does_not_change_the_algorithm():
    x, total = tensor.vector("x"), shared(0.0, "total")
    algorithm = UpdatesAlgorithm(updates=[(total, total + x.sum())])
    algorithm.process_batch({"x": [1.0]})
    algorithm.state_variables().clear()
    assert set(algorithm.state_variables()) == {"total"}
