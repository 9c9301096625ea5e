"""Wrong uses of bricks, and their error messages."""

import numpy as np
import pytest
import torch

from workbench import tensor
from workbench.bricks import MLP, Brick, Linear, Sequence, Tanh, application
from workbench.bricks.parallel import Fork
from workbench.errors import ApplicationError, BrickError, NotConfiguredError
from workbench.initialization import Constant

EXPECTED = r"must be a variable, such as tensor.matrix\('x'\), or an array or tensor"


def linear():
    return Linear(3, 2, weights_init=Constant(1), biases_init=Constant(0))


def mlp():
    made = MLP([Tanh()], [3, 2], weights_init=Constant(1), biases_init=Constant(0))
    made.initialize()
    return made


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            [[1.0, 2, 3]],
            rf"linear.apply: input_ is \[\[1.0, 2, 3\]\], a list, but {EXPECTED}.*numpy.ar",
        ),
        (
            "x",
            rf"input_ is 'x', a str, but {EXPECTED}.*create a variable .* with tensor.mat",
        ),
        (
            Tanh(),
            rf"input_ is <Tanh tanh>, a Tanh, but {EXPECTED}.*linear.apply\(tanh.apply\(x\)\)",
        ),
        (
            None,
            rf"input_ is None, but {EXPECTED} for an immediate result; perhaps an application",
        ),
        (1.0, rf"input_ is 1.0, a float, but {EXPECTED}"),
        ({"x": 1}, rf"input_ is {{'x': 1}}, a dict, but {EXPECTED}"),
    ],
)
def test_what_is_no_input_is_refused(given, text):
    with pytest.raises(ApplicationError, match=text):
        linear().apply(given)


def test_a_list_of_variables_too():
    with pytest.raises(ApplicationError, match=r"pass the variables one by one, or .*torch.stack"):
        linear().apply([tensor.matrix("x")])


def test_the_outermost_brick_is_named():
    with pytest.raises(ApplicationError, match=r"^mlp.apply: input_ is \[1, 2\], a list"):
        mlp().apply([1, 2])


def test_options_that_are_no_inputs_may_be_anything():
    class Reduced(Brick):
        @application(inputs=["x"], outputs=["y"])
        def apply(self, x, how, factors=()):
            return getattr(x, how)() * factors[0]

    assert Reduced().apply(torch.ones(2), "sum", factors=[3]) == 6


def test_an_attribute_that_something_else_lacks_stays_an_attribute_error():
    class Wrong(Brick):
        @application(inputs=["x"], outputs=["y"])
        def apply(self, x):
            return self.factor * x

    with pytest.raises(AttributeError, match="'Wrong' object has no attribute 'factor'"):
        Wrong().apply(tensor.matrix("x"))


def test_a_brick_is_not_called():
    with pytest.raises(
        ApplicationError,
        match=r"<Linear linear: 3 -> 2> is a brick and cannot be called; call one"
        r" of its application methods \(apply\), as in linear.apply\(...\)",
    ):
        linear()(tensor.matrix("x"))


def test_nor_is_one_without_application_methods():
    class Empty(Brick):
        """A brick that computes nothing yet."""

    with pytest.raises(ApplicationError, match="its class has no application methods, so define"):
        Empty()(tensor.matrix("x"))


@pytest.mark.parametrize("size", [-10, 10.5, "10", True, (3, -1)])
def test_dimensions_are_checked_when_they_are_given(size):
    with pytest.raises(BrickError, match=r"^linear: input_dim is .*whole numbers >= 0"):
        Linear(size, 3)
    made = Linear()
    with pytest.raises(BrickError, match=r"^linear: output_dim is .*whole numbers >= 0"):
        made.output_dim = size


@pytest.mark.parametrize(
    ("size", "text"),
    [(10.0, "is 10.0, but.*; pass 10 instead"), ("7", "is '7', but.*; pass 7 instead")],
)
def test_whole_numbers_in_other_dress_are_pointed_out(size, text):
    with pytest.raises(BrickError, match=text):
        Linear(size, 3)


def test_dimensions_in_lists_and_dictionaries_are_checked_too():
    with pytest.raises(BrickError, match=r"^mlp: dims is \[3, -2\], which contains -2, but"):
        MLP([Tanh()], [3, -2])
    with pytest.raises(BrickError, match=r"^fork: output_dims is {'a': 1.5}, which contains 1.5"):
        Fork(["a"], input_dim=2, output_dims={"a": 1.5})


def test_dimensions_may_come_from_numpy_or_be_unknown():
    made = Linear(np.int64(3), None)
    assert (made.input_dim, made.output_dim) == (3, None)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: MLP([], [784]), r"MLP: activations is empty.*dims \(\[784\]\); pass None for no"),
        (
            lambda: MLP(Tanh(), [3, 2]),
            r"MLP: activations must be a list, not <Tanh tanh>; write \[<Tan",
        ),
        (lambda: MLP([Tanh()], 784), r"MLP: dims must be a list, not 784; write \[784\]"),
        (
            lambda: MLP([Tanh], [3, 2]),
            r"MLP: a sequence must consist of bricks.*Tanh'>; write Tanh\(\)",
        ),
        (lambda: Sequence([]), "Sequence: application_methods is empty"),
        (
            lambda: Sequence(Tanh()),
            r"Sequence: application_methods must be a list, not <Tanh tanh>",
        ),
    ],
)
def test_sequences_say_what_they_consist_of(make, text):
    with pytest.raises(BrickError, match=text):
        make()


@pytest.mark.parametrize("act", [lambda m: m.apply(tensor.matrix("x")), MLP.initialize])
def test_dimensions_that_changed_after_allocation_are_not_ignored(act):
    made = mlp()
    made.dims = [5, 2]
    with pytest.raises(
        NotConfiguredError,
        match=r"^mlp: dims is \[5, 2\], but the parameters were allocated for dims=\(3, 2\); set "
        r"dims back to \(3, 2\), or call mlp.allocate\(\) and initialize\(\) to create new "
        r"parameters",
    ):
        act(made)


def test_a_list_of_dimensions_that_changed_in_its_place_is_noticed():
    made = mlp()
    made.dims[0] = 5
    with pytest.raises(NotConfiguredError, match="mlp: dims is"):
        made.apply(torch.ones(1, 5))


def test_new_parameters_for_new_dimensions():
    made = mlp()
    made.dims = [5, 2]
    made.allocate()
    made.initialize()
    assert made.apply(torch.ones(1, 5)).shape == (1, 2)


def test_dimensions_may_change_and_change_back():
    made = mlp()
    made.dims = [5, 2]
    made.dims = (3, 2)
    assert made.apply(torch.ones(1, 3)).shape == (1, 2)


def test_a_child_that_changed_is_named():
    made = mlp()
    made.linear_transformations[0].output_dim = 4
    with pytest.raises(NotConfiguredError, match=r"^mlp/linear_0: output_dim is 4.*mlp.allocate"):
        made.apply(tensor.matrix("x"))
