"""Applications that `recurrent` makes from a step."""

import copy
import pickle

import numpy
import pytest
import torch

from workbench import function, grad, tensor
from workbench.bricks import Identity, Initializable, Linear, Tanh, application
from workbench.bricks.recurrent import BaseRecurrent, SimpleRecurrent, recurrent
from workbench.filter import VariableFilter, get_application_call
from workbench.graph import ComputationGraph
from workbench.initialization import Constant
from workbench.initialization import Identity as IdentityMatrix
from workbench.roles import INPUT, OUTPUT


class Weighted(BaseRecurrent):
    """Two sequences, of which one is optional, two states, a context and a further output."""

    @recurrent(
        sequences=["inputs", "weights"],
        states=["total", "count"],
        contexts=["offset"],
        outputs=["mean", "count", "total"],
    )
    def apply(self, application_call, inputs, offset, total, weights=None, count=None, scale=1):
        application_call.add_auxiliary_variable(total.sum(), name="total")
        new = total + (inputs if weights is None else inputs * weights) * scale + offset
        return new / (count + 1), count + 1, new

    def get_dim(self, name):
        return 2 if name in ("inputs", "total", "count", "offset") else super().get_dim(name)


@pytest.fixture
def data():
    rng = numpy.random.default_rng(6)
    return [rng.normal(size=shape).astype("float32") for shape in [(4, 3, 2), (4, 3, 2), (3, 2)]]


def by_hand(inputs, offset, weights=1.0, total=0.0, scale=1):
    totals = total + numpy.cumsum(inputs * weights * scale + offset, 0)
    counts = numpy.cumsum(numpy.ones_like(totals), 0)
    return totals / counts, counts, totals


def close(got, expected):
    for a, b in zip(got, expected, strict=True):
        numpy.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_outputs_come_in_their_order_and_optional_sequences_may_be_missing(data):
    x, w, offset = data
    close(Weighted().apply(x, offset), by_hand(x, offset))
    close(Weighted().apply(x, offset=offset, weights=w), by_hand(x, offset, w))
    close(Weighted().apply(inputs=x, offset=offset, weights=None), by_hand(x, offset))


def test_reversed_results_stay_in_the_order_of_time(data):
    x, w, offset = data
    got = Weighted().apply(x, offset, weights=w, reverse=True)
    close(got, [series[::-1] for series in by_hand(x[::-1], offset, w[::-1])])


def test_states_may_be_given(data):
    x, _, offset = data
    close(Weighted().apply(x, offset, total=offset), by_hand(x, offset, total=offset))


def test_other_arguments_reach_every_step(data):
    x, _, offset = data
    close(Weighted().apply(x, offset, scale=3), by_hand(x, offset, scale=3))


@pytest.mark.parametrize("reverse", [False, True])
def test_initial_states_can_be_returned(data, reverse):
    x, _, offset = data
    brick = Weighted()
    plain = brick.apply(x, offset, total=offset, reverse=reverse)
    mean, count, total = brick.apply(
        x, offset, total=offset, reverse=reverse, return_initial_states=True
    )
    first, rest = (-1, slice(None, -1)) if reverse else (0, slice(1, None))
    close([mean, count[rest], total[rest]], plain)
    close([total[first], count[first]], [offset, numpy.zeros((3, 2))])


def test_one_step_is_the_function_itself(data):
    x, _, offset = data
    zeros = numpy.zeros((3, 2), "float32")
    got = Weighted().apply(x[0], offset, total=zeros, count=zeros, iterate=False)
    close(got, [series[0] for series in by_hand(x, offset)])
    with pytest.raises(TypeError, match=r"requires count, because a single step"):
        Weighted().apply(x[0], offset, total=zeros, iterate=False)


def test_without_sequences_the_number_of_steps_is_given():
    class Doubling(BaseRecurrent):
        @recurrent(sequences=[], states=["states"], contexts=[], outputs=["states"])
        def apply(self, states):
            return 2 * states + 1

        def get_dim(self, name):
            return 1

    n = tensor.lvector("n")
    states = Doubling().apply(n_steps=n.shape[0], batch_size=2)
    assert states.eval({n: [0, 0, 0]})[:, 1, 0].tolist() == [1, 3, 7]
    given = Doubling().apply(states=tensor.constant([[1.0]]), n_steps=2)
    assert given.eval().flatten().tolist() == [3, 7]
    with pytest.raises(TypeError, match="without sequences, so it requires n_steps"):
        Doubling().apply()
    with pytest.raises(TypeError, match="cannot infer the batch size for the initial states"):
        Doubling().apply(n_steps=3)


def test_what_is_missing_is_named(data):
    with pytest.raises(TypeError, match=r"weighted.apply requires offset"):
        Weighted().apply(data[0])
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'offse'.*did you mean"):
        Weighted().apply(data[0], offse=data[2])


def test_states_must_be_outputs():
    class Wrong(BaseRecurrent):
        @recurrent(sequences=["inputs"], states=["memory"], outputs=["states"])
        def apply(self, inputs, memory):
            return inputs

    with pytest.raises(ValueError, match=r"outputs \(states\) must include .* omit memory"):
        Wrong().apply(tensor.tensor3("x"))


def test_initial_states_must_be_complete(data):
    class Half(Weighted):
        @application(outputs=["total"])
        def initial_states(self, batch_size, *args, **kwargs):
            return torch.ones((batch_size, 2))

    with pytest.raises(
        ValueError, match="half.initial_states returns total, but .* requires count"
    ):
        Half().apply(data[0], data[2])
    close(
        Half().apply(data[0], data[2], count=numpy.zeros((3, 2), "float32")),
        by_hand(data[0], data[2], total=1),
    )


def test_initial_states_see_the_arguments_of_the_application(data):
    class FromContext(Weighted):
        @application(outputs=["total", "count"])
        def initial_states(self, batch_size, *args, **kwargs):
            return kwargs["offset"] * 2, torch.zeros((batch_size, 2))

    x, _, offset = data
    close(FromContext().apply(x, offset), by_hand(x, offset, total=2 * offset))


def test_variables_inside_are_annotated_and_do_not_leak():
    brick = Weighted()
    x, offset = tensor.tensor3("x"), tensor.matrix("offset")
    graph = ComputationGraph(brick.apply(x, offset))
    assert graph.auxiliary_variables == []
    outside = VariableFilter(bricks=[brick], roles=[INPUT])(graph.variables)
    inside = VariableFilter(bricks=[brick], roles=[INPUT])(graph.scan_variables)
    assert {v.ndim for v in outside if v.tag.name == "inputs"} == {3}
    assert {v.ndim for v in inside if v.tag.name == "inputs"} == {2}
    assert VariableFilter(applications=[brick.apply], roles=[OUTPUT], name="mean")(
        graph.scan_variables
    )
    assert any(v.name == "weighted_apply_total" for v in graph.scan_variables)
    assert graph.inputs == [x, offset]


def test_inside_a_step_children_may_transform_contexts_and_states():
    class Driven(BaseRecurrent, Initializable):
        def __init__(self, **kwargs):
            self.from_context, self.from_state = Linear(2, 3, name="a"), Linear(3, 3, name="b")
            super().__init__(children=[self.from_context, self.from_state], **kwargs)

        @recurrent(sequences=["inputs"], states=["states"], contexts=["c"], outputs=["states"])
        def apply(self, inputs, states, c):
            return inputs + self.from_context.apply(c) + self.from_state.apply(states)

        def get_dim(self, name):
            return 3

    brick = Driven(weights_init=Constant(0.5), biases_init=Constant(0.1))
    brick.initialize()
    x, c = tensor.tensor3("x"), tensor.matrix("c")
    h = brick.apply(x, c=c)
    graph = ComputationGraph(h.sum())
    assert len(graph.parameters) == 4 and graph.inputs == [x, c]
    values = [torch.ones(4, 2, 3), torch.ones(2, 2)]
    got = function([x, c], [h, *grad(h.sum(), graph.parameters)])(*values)
    p = {v: torch.from_numpy(v.get_value()).requires_grad_() for v in graph.parameters}
    w_a, b_a = (p[v] for v in brick.from_context.parameters)
    w_b, b_b = (p[v] for v in brick.from_state.parameters)
    state, states = torch.zeros(2, 3), []
    for x_t in values[0]:
        state = x_t + values[1] @ w_a + b_a + state @ w_b + b_b
        states.append(state)
    expected = torch.stack(states)
    close(got[:1], [expected.detach()])
    close(got[1:], torch.autograd.grad(expected.sum(), list(p.values())))


class Feedback(BaseRecurrent):
    """Two layers, of which the first also sees the last state of the second."""

    def __init__(self, dim, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.first, self.second = (
            SimpleRecurrent(dim, Identity(), weights_init=IdentityMatrix(), name=name)
            for name in ("first", "second")
        )
        self.children = [self.first, self.second]

    @recurrent(sequences=["inputs"], contexts=[], states=["a", "b"], outputs=["a", "b"])
    def apply(self, inputs, a=None, b=None):
        a = self.first.apply(inputs=inputs, states=a + b, iterate=False)
        return a, self.second.apply(inputs=a, states=b, iterate=False)

    def get_dim(self, name):
        return self.dim if name in ("inputs", "a", "b") else super().get_dim(name)


def test_a_brick_of_several_transitions():
    brick = Feedback(3)
    brick.initialize()
    a, b = brick.apply(torch.ones(3, 1, 3))
    assert a[:, 0, 0].tolist() == [1, 3, 8] and b[:, 0, 2].tolist() == [1, 4, 12]
    graph = ComputationGraph(brick.apply(tensor.tensor3("x")))
    assert VariableFilter(bricks=[brick.second], roles=[OUTPUT])(graph.scan_variables)


def test_a_bare_decorator_takes_attributes_from_properties():
    class Renamed(BaseRecurrent):
        def __init__(self, state_name, **kwargs):
            self.state_name = state_name
            super().__init__(**kwargs)

        @recurrent
        def apply(self, **kwargs):
            return kwargs["x"] + kwargs[self.state_name]

        @apply.property("sequences")
        def apply_sequences(self):
            return ["x"]

        @apply.property("states")
        def apply_states(self):
            return [self.state_name]

        @apply.property("outputs")
        def apply_outputs(self):
            return [self.state_name]

        def get_dim(self, name):
            return 2

    brick = Renamed("memory")
    assert brick.apply(torch.ones(3, 1, 2))[:, 0, 0].tolist() == [1, 2, 3]
    with pytest.raises(TypeError, match=r"accepts 1 positional argument \(x\), not 2"):
        brick.apply(tensor.tensor3("x"), tensor.tensor3("y"))


def test_attributes_of_the_class_and_of_the_brick():
    for apply in (Weighted.apply, Weighted().apply):
        assert apply.sequences == ["inputs", "weights"] and apply.contexts == ["offset"]
        assert apply.inputs == ["inputs", "offset", "total", "weights", "count", "scale"]
    assert Weighted().initial_states.outputs == ["total", "count"]


@pytest.mark.parametrize("carried", [copy.deepcopy, lambda b: pickle.loads(pickle.dumps(b))])
def test_graphs_and_bricks_can_be_carried(carried):
    brick = SimpleRecurrent(2, Identity(), weights_init=IdentityMatrix())
    brick.initialize()
    x = tensor.tensor3("x")
    new_x, new_h = carried([x, brick.apply(x)])
    value = numpy.ones((3, 1, 2), "float32")
    assert new_h.eval({new_x: value})[:, 0, 0].tolist() == [1, 2, 3]


def test_training_a_recurrent_brick_learns_its_initial_state():
    brick = SimpleRecurrent(1, Identity(), weights_init=IdentityMatrix())
    brick.initialize()
    x, y = tensor.tensor3("x"), tensor.tensor3("y")
    cost = ((brick.apply(x) - y) ** 2).mean()
    state = brick.parameters[1]
    step = function([x, y], cost, updates=[(state, state - 0.4 * grad(cost, state))])
    values = torch.ones(3, 2, 1), torch.tensor([3.0, 4, 5]).reshape(3, 1, 1).expand(3, 2, 1)
    for _ in range(30):
        last = step(*values)
    assert float(last) < 1e-3
    numpy.testing.assert_allclose(state.get_value(), [2.0], atol=0.02)


def test_a_call_over_sequences_leads_to_the_graph_of_its_step():
    brick = SimpleRecurrent(2, Tanh(), weights_init=Constant(0.5))
    brick.initialize()
    call = get_application_call(brick.apply(tensor.tensor3("x")))
    found = VariableFilter(applications=[brick.apply])(ComputationGraph(call.inner_outputs))
    assert [v.tag.name for v in found] == ["inputs", "states", "states"]
    x, h = torch.randn(3, 2), torch.randn(3, 2)
    step = function(call.inner_inputs, call.inner_outputs)
    torch.testing.assert_close(step(x, h), [brick.apply(x, h, iterate=False)])
    alone = get_application_call(brick.apply(tensor.matrix(), tensor.matrix(), iterate=False))
    assert alone.inner_inputs == alone.inner_outputs == []


def test_inner_inputs_come_as_sequences_states_and_contexts(data):
    x, _, offset = map(tensor.as_variable, data)
    call = get_application_call(Weighted().apply(x, offset.sum(0), total=offset)[0])
    assert [v.ndim for v in call.inner_inputs] == [2, 2, 2, 1]
    assert [v.tag.name for v in call.inner_outputs] == ["mean", "count", "total"]
