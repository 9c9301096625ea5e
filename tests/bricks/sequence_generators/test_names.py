"""Names around a sequence generator: filters, and overrides of parts without names."""

import numpy as np
import pytest
import torch

from workbench import function, tensor
from workbench.bricks import MLP, Tanh, application
from workbench.bricks.attention import SequenceContentAttention
from workbench.bricks.recurrent import GatedRecurrent, RecurrentStack, SimpleRecurrent
from workbench.bricks.sequence_generators import (
    LookupFeedback,
    Readout,
    SequenceGenerator,
    SoftmaxEmitter,
)
from workbench.filter import VariableFilter, get_application_call
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian
from workbench.search import BeamSearch

CONTEXTS = {"attended": tensor.tensor3("attended"), "attended_mask": tensor.matrix("mask")}


def made(attention, kind=SequenceGenerator, transition=None):
    transition = transition or GatedRecurrent(4)
    looking = SequenceContentAttention(
        state_names=transition.apply.states, attended_dim=3, match_dim=2
    )
    sources = ["states", "weighted_averages"] if attention else ["states"]
    generator = kind(
        Readout(
            SoftmaxEmitter(random_seed=1),
            LookupFeedback(5, 2),
            source_names=sources,
            readout_dim=5,
        ),
        transition,
        looking if attention else None,
        weights_init=IsotropicGaussian(0.5),
        biases_init=Constant(0),
        name="g",
        seed=1,
    )
    generator.initialize()
    return generator, CONTEXTS if attention else {}


@pytest.mark.parametrize("attention", [False, True])
def test_energies_and_activations_are_found_in_a_cost(attention):
    generator, contexts = made(attention)
    graph = ComputationGraph(generator.cost(tensor.lmatrix("y"), **contexts))
    readout, transition = generator.readout, generator.transition
    (energies,) = VariableFilter(applications=[readout.readout], name_regex="output")(graph)
    assert (energies.ndim, energies.shape[-1]) == (3, 5)
    states = transition.apply.states[0]
    (activations,) = VariableFilter(applications=[transition.apply], name=states)(graph)
    assert (activations.ndim, activations.shape[-1]) == (3, 4)


@pytest.mark.parametrize("attention", [False, True])
def test_samples_are_found_in_what_is_generated(attention):
    generator, contexts = made(attention)
    generated = generator.generate(n_steps=3, batch_size=2, **contexts)
    graph = ComputationGraph(generated[1])
    first, samples = VariableFilter(bricks=[generator], name="outputs")(graph)
    assert (first.ndim, samples) == (1, generated[1])
    assert VariableFilter(applications=[generator.generate], name="outputs")(graph) == [samples]
    BeamSearch(samples)


def test_one_step_has_the_outputs_before_and_after():
    generator, _ = made(attention=False)
    given = {"states": tensor.matrix("states"), "outputs": tensor.lvector("outputs")}
    step = generator.generate(iterate=False, as_dict=True, **given)
    found = VariableFilter(bricks=[generator], name="outputs")(ComputationGraph(step["states"]))
    assert found[1:] == [] or found[-1] is step["outputs"]
    with pytest.raises(TypeError, match=r"generate requires outputs, because a single"):
        generator.generate(iterate=False, states=given["states"])


@pytest.mark.parametrize("attention", [False, True])
def test_the_call_leads_to_the_graph_of_one_step(attention):
    generator, contexts = made(attention)
    generated = generator.generate(n_steps=3, batch_size=2, **contexts)
    call = get_application_call(generated[1])
    inside = ComputationGraph(call.inner_outputs)
    assert VariableFilter(applications=[generator.readout.emit], name="outputs")(inside)
    assert [v.tag.name for v in call.inner_outputs] == generator.generate.outputs


class Undeclared(SequenceGenerator):
    """Overrides an application without naming its outputs."""

    @application
    def generate(self, *args, **kwargs):
        return super().generate(*args, **kwargs)


class Declared(Undeclared):
    """The same, with the names of what it overrides."""

    @application
    def generate(self, *args, **kwargs):
        return SequenceGenerator.generate(self, *args, **kwargs)

    @generate.delegate
    def generate_delegate(self):
        return super(Undeclared, self).generate


def test_an_extended_generator_without_outputs_says_which_brick_lacks_them():
    generator, _ = made(attention=False, kind=Undeclared)
    message = r"^g\.generate: <Application Undeclared\.generate> must declare outputs.*outputs="
    with pytest.raises(ValueError, match=message):
        generator.generate(n_steps=3, batch_size=2)


def test_an_extended_generator_with_outputs_generates():
    generator, plain = (
        made(attention=False, kind=kind)[0] for kind in (Declared, SequenceGenerator)
    )
    assert generator.generate.outputs == plain.generate.outputs
    samples = [g.generate(n_steps=4, batch_size=3)[1] for g in (generator, plain)]
    one, other = [variable.eval() for variable in samples]
    assert torch.equal(one, other)
    BeamSearch(samples[0])


class Looking(GatedRecurrent):
    """Begins with what is attended; its ``initial_states`` declares no outputs."""

    def __init__(self, dim, **kwargs):
        self.first = MLP([Tanh()], [3, dim], name="first")
        super().__init__(dim, children=[self.first], **kwargs)

    @application
    def initial_states(self, batch_size, *args, **kwargs):
        return self.first.apply(kwargs["attended"][0])


class Two(SimpleRecurrent):
    """Gives more states than it has."""

    @application
    def initial_states(self, batch_size, *args, **kwargs):
        return super().initial_states(batch_size, as_list=True) * 2


class Ones(SimpleRecurrent):
    """Begins with ones."""

    @application
    def initial_states(self, batch_size, *args, **kwargs):
        return torch.ones((batch_size, self.dim))


def test_initial_states_without_names_come_in_the_order_of_states():
    generator, contexts = made(attention=True, transition=Looking(4))
    y = tensor.lmatrix("y")
    run = function([y, *contexts.values()], generator.cost(y, **contexts))
    attended = np.random.default_rng(0).normal(size=(6, 2, 3)).astype("float32")
    values = [np.zeros((4, 2), "int64"), attended, np.ones((6, 2), "float32")]
    costs = [run(*values), run(values[0], attended * 2, values[2])]
    assert torch.isfinite(costs[0]) and costs[0] != costs[1]
    BeamSearch(generator.generate(n_steps=3, batch_size=2, **contexts)[1])


def test_initial_states_without_names_serve_stacks_and_bare_bricks():
    brick = Ones(2, Tanh(), weights_init=Constant(0.5))
    brick.initialize()
    expected = torch.tanh(torch.ones(1, 3, 2))
    torch.testing.assert_close(brick.apply(torch.zeros(1, 3, 2)), expected)
    stack = RecurrentStack([Ones(2, Tanh()), Ones(3, Tanh())])
    stack.allocate()
    assert [v.eval().mean() for v in stack.initial_states(4, as_list=True)] == [1, 1]
    generator, _ = made(attention=False, transition=Ones(4, Tanh()))
    assert generator.initial_states(3, as_dict=True)["states"].eval().mean() == 1


def test_initial_states_of_the_wrong_number_name_their_brick():
    with pytest.raises(
        ValueError, match=r"two\.initial_states returns 2 values, but must return 1"
    ):
        Two(2, Tanh()).apply(tensor.tensor3("x"))


def test_parts_that_need_names_ask_for_them():
    class Nameless(SequenceContentAttention):
        @application
        def take_glimpses(self, *args, **kwargs):
            return super().take_glimpses(*args, **kwargs)

    brick = Nameless(state_names=["states"], attended_dim=3, match_dim=2, name="it")
    with pytest.raises(AttributeError, match=r"<it\.take_glimpses> has .*write @application\(outp"):
        SequenceGenerator(Readout(source_names=["states"], readout_dim=5), GatedRecurrent(4), brick)
