"""Application methods: names, tags, arguments, results, and who may apply whom."""

import copy
import pickle
import threading

import cloudpickle
import numpy
import pytest
import torch

from workbench import tensor
from workbench.bricks import Brick, Linear, Tanh, application
from workbench.filter import get_application_call, get_brick
from workbench.graph import ComputationGraph
from workbench.initialization import Constant
from workbench.roles import COST, INPUT, OUTPUT, add_role
from workbench.tensor.traversal import ancestors


class Foo(Brick):
    """Adds and subtracts."""

    @application(inputs=["input1", "input2"], outputs=["total", "difference"], kind="arithmetic")
    def apply(self, input1, input2):
        """Add and subtract."""
        return input1 + input2, input1 - input2

    @application
    def bare(self, a, b=None, *rest, scale=2, **named):
        return (a + sum(rest)) * scale + sum(named.values())


@pytest.fixture
def x():
    return tensor.matrix("x")


def test_outputs_are_tagged_copies(x):
    foo = Foo(name="foo")
    total, difference = foo.apply(x, tensor.matrix("y"))
    assert (total.name, total.tag.name, total.tag.roles) == ("foo_apply_total", "total", [OUTPUT])
    assert (get_brick(total), get_application_call(total)) == (
        foo,
        get_application_call(difference),
    )
    assert get_application_call(total).application == foo.apply


def test_inputs_are_tagged_copies(x):
    total, _ = Foo(name="foo").apply(x, tensor.matrix("y"))
    copies = [v for v in ancestors([total]) if INPUT in v.tag.roles]
    assert [(v.name, v.tag.name) for v in copies] == [
        ("foo_apply_input1", "input1"),
        ("foo_apply_input2", "input2"),
    ]
    assert x.tag.annotations == x.tag.roles == []


def test_copies_vanish_when_lowered(x):
    y = Tanh().apply(x)
    program = y.eval({x: [[0.0]]}) is not None and y._evaluator.program
    assert [n.name for n in program.module.graph.nodes if n.op.startswith("call")] == ["tanh"]


def test_results_as_list_dict_or_alone(x):
    foo, y = Foo(), tensor.matrix("y")
    assert isinstance(foo.apply(x, y), list)
    assert set(foo.apply(x, y, as_dict=True)) == {"total", "difference"}
    assert isinstance(Tanh().apply(x, as_list=True), list)
    with pytest.raises(TypeError, match="foo.apply: as_dict and as_list are both True"):
        foo.apply(x, y, as_dict=True, as_list=True)


def test_arguments_of_every_kind(x):
    foo, y = Foo(name="foo"), tensor.matrix("y")
    result = foo.bare(x, None, y, x, scale=3, extra=y)
    inputs = [v.name for v in ancestors([result]) if INPUT in v.tag.roles]
    assert inputs == ["foo_bare_a", "foo_bare_rest_0", "foo_bare_rest_1", "foo_bare_extra"]
    assert result.name == "foo_bare_output_0"
    assert result.eval({x: [[1.0]], y: [[2.0]]}).item() == (1 + 2 + 1) * 3 + 2


def test_attributes_of_class_and_instance():
    assert Foo.apply.inputs == Foo().apply.inputs == ["input1", "input2"]
    assert Foo.apply.kind == Foo().apply.kind == "arithmetic"
    assert (Foo.bare.inputs, Foo().bare.inputs) == (["a", "b", "scale"], ["a", "b", "scale"])
    assert (Foo.apply.name, Foo().apply.name, Foo.apply.__doc__) == (
        "apply",
        "apply",
        "Add and subtract.",
    )
    with pytest.raises(AttributeError, match=r"<foo\.bare> has no attribute 'outputs'"):
        Foo().bare.outputs
    with pytest.raises(AttributeError, match=r"<Application Foo\.bare> has no attribute 'outputs'"):
        Foo.bare.outputs


class Named(Brick):
    """Names its inputs itself, and asks another brick about everything else."""

    def __init__(self, names, other, **kwargs):
        super().__init__(children=[other], **kwargs)
        self.names = names

    @application(outputs=["mine"])
    def apply(self, *args):
        return self.children[0].apply(*args)[0]

    @apply.property("inputs")
    def apply_inputs(self):
        return self.names

    @apply.delegate
    def apply_delegate(self):
        return self.children[0].apply


def test_properties_come_before_attributes_and_delegates():
    named = Named(["p", "q"], Foo())
    assert (named.apply.inputs, named.apply.outputs) == (["p", "q"], ["mine"])
    assert named.apply.kind == "arithmetic"
    with pytest.raises(AttributeError, match="'inputs'.*each brick computes it|has no attribute"):
        Named.apply.__getattr__("inputs")


def test_a_property_may_give_a_single_name(x):
    assert Named("p", Foo()).apply.inputs == ["p"]


def test_a_subclass_may_override_what_a_property_calls():
    class Renamed(Named):
        def apply_inputs(self):
            return ["r", "s"]

    assert Renamed(None, Foo()).apply.inputs == ["r", "s"]


def test_declared_names_serve_positional_arguments_and_keywords(x):
    named, y = Named(["p", "q"], Foo()), tensor.matrix("y")
    result = named.apply(q=y, p=x)
    assert result.eval({x: [[1.0]], y: [[2.0]]}).item() == 3
    names = [v.name for v in ancestors([result]) if INPUT in v.tag.roles]
    assert names[0] == "named_apply_p"


def test_a_finished_application_cannot_be_changed_from_a_subclass():
    with pytest.raises(
        ValueError, match=r"property 'inputs' can be added to <Application Named\.apply> only"
    ):

        class Wrong(Named):
            @Named.apply.property("inputs")
            def apply_inputs(self):
                return []


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (
            (),
            {},
            r"foo\.apply: missing a required argument: .*; it accepts \(input1, input2\)",
        ),
        ((1, 2, 3), {}, r"foo\.apply: too many positional arguments"),
        ((1,), {"inptu2": 1}, r"foo\.apply: .*did you mean 'input2'"),
    ],
)
def test_wrong_arguments_are_refused(args, kwargs, message):
    with pytest.raises(TypeError, match=message):
        Foo().apply(*args, **kwargs)


def test_declared_inputs_must_be_arguments():
    with pytest.raises(ValueError, match=r"apply: inputs contains 'inptu', .*did you mean 'input'"):

        class Wrong(Brick):
            @application(inputs=["inptu"])
            def apply(self, input):
                return input


def test_outputs_must_be_as_many_as_declared(x):
    class Wrong(Brick):
        @application(outputs=["a", "b"])
        def apply(self, x):
            return x

    with pytest.raises(ValueError, match=r"wrong\.apply returned 1 value .* outputs are \(a, b\)"):
        Wrong().apply(x)


def test_only_children_may_be_applied_inside(x):
    class Outer(Brick):
        def __init__(self, inner, **kwargs):
            super().__init__(**kwargs)
            self.inner = inner

        @application
        def apply(self, x):
            return self.inner.apply(x)

    with pytest.raises(
        ValueError, match=r"outer applies 'tanh', which is not among its children \(none\)"
    ):
        Outer(Tanh()).apply(x)
    assert Tanh().apply(x) is not None, "a failed application must leave nothing behind"


def test_threads_do_not_see_each_others_applications(x):
    entered, leave = threading.Event(), threading.Event()

    class Slow(Brick):
        @application
        def apply(self, x):
            entered.set()
            assert leave.wait(10)
            return x + 1

    thread = threading.Thread(target=Slow().apply, args=[x])
    thread.start()
    assert entered.wait(10)
    Tanh().apply(x)
    leave.set()
    thread.join()


def test_an_application_can_be_called_through_its_class(x):
    class Doubled(Tanh):
        @application(inputs=["input_"], outputs=["output"])
        def apply(self, input_):
            return 2 * Tanh.apply(self, input_) + 0 * super().apply(input_)

    assert Doubled().apply(x).eval({x: [[1.0]]}).item() == pytest.approx(2 * numpy.tanh(1))


def test_applications_are_equal_if_method_and_brick_are():
    a, b = Tanh(), Tanh()
    assert a.apply == a.apply
    assert len({a.apply, a.apply, b.apply}) == 2
    assert a.apply != "apply"


def test_applications_survive_pickling():
    linear = Linear(2, 3)
    assert pickle.loads(pickle.dumps(Linear.apply)) is Linear.apply
    restored = pickle.loads(pickle.dumps([linear, linear.apply]))
    assert restored[1] == restored[0].apply


def test_bricks_defined_in_a_function_survive_cloudpickle(x):
    class Local(Brick):
        @application(outputs=["output"])
        def apply(self, x):
            return x * 3

    restored = cloudpickle.loads(cloudpickle.dumps(Local()))
    assert restored.apply(x).eval({x: [[2.0]]}).item() == 6


def test_constants_become_variables_beside_variables(x):
    total, difference = Foo().apply(x, torch.ones(1, 2))
    assert total.eval({x: [[1.0, 2.0]]}).tolist() == [[2, 3]]
    assert ComputationGraph(difference).inputs == [x]


def test_a_result_stays_a_cost_with_its_number_of_examples(x):
    class Inner(Brick):
        @application(outputs=["cost"])
        def apply(self, x):
            cost = x.sum()
            add_role(cost, COST)
            cost.tag.n_examples = 5
            return cost

    class Outer(Brick):
        @application(outputs=["cost"])
        def apply(self, x):
            return self.children[0].apply(x)

    cost = Outer(children=[Inner()]).apply(x)
    assert (cost.tag.roles, cost.tag.n_examples) == ([OUTPUT, COST], 5)


def test_shapes_are_printed_on_request(x, capsys):
    tanh = Tanh(name="squash")
    tanh.print_shapes = True
    tanh.apply(x).eval({x: [[1.0, 2.0]]})
    assert capsys.readouterr().out == (
        "squash.apply INPUT input_ (1, 2)\nsquash.apply OUTPUT output (1, 2)\n"
    )


def test_errors_of_torch_name_the_running_brick(x):
    class Inner(Brick):
        @application
        def apply(self, x):
            return x @ torch.ones(3, 3) @ torch.ones(4, 4)

    class Outer(Brick):
        @application
        def apply(self, x):
            return self.children[0].apply(x)

    with pytest.raises(ValueError, match=r"^outer/inner\.apply: matmul"):
        Outer(children=[Inner()]).apply(x)


def test_the_decorator_takes_a_method_or_keywords():
    with pytest.raises(TypeError, match="must be called with one method or with"):
        application(["x"])


def test_results_without_declared_names_have_numbers(x):
    assert set(Foo().bare(x, as_dict=True)) == {"output_0"}


def test_one_brick_may_have_other_names_than_its_class(x):
    brick, other = Foo(), Foo()
    brick.bare.inputs = ["a", "b"]
    brick.apply.outputs = ["sum", "rest"]
    assert list(brick.apply(x, x, as_dict=True)) == ["sum", "rest"]
    assert (brick.apply.kind, other.apply.outputs) == ("arithmetic", ["total", "difference"])
    for copied in (cloudpickle.loads(cloudpickle.dumps(brick)), copy.copy(brick)):
        assert (copied.bare.inputs, copied.apply.outputs) == (["a", "b"], ["sum", "rest"])


def test_names_given_to_a_brick_count_where_values_are_computed_at_once():
    linear = Linear(2, 2, weights_init=Constant(1), biases_init=Constant(0))
    linear.initialize()
    assert list(linear.apply(torch.ones(1, 2), as_dict=True)) == ["output"]
    linear.apply.outputs = ["hidden"]
    assert list(linear.apply(torch.ones(1, 2), as_dict=True)) == ["hidden"]


def test_names_given_to_a_brick_reach_those_who_delegate_to_it():
    class Twice(Foo):
        @application
        def apply(self, *args):
            return super().apply(*args)

        @apply.delegate
        def apply_delegate(self):
            return super().apply

    brick = Twice()
    super(Twice, brick).apply.outputs = ["up", "down"]
    assert brick.apply.outputs == ["up", "down"]
    brick.apply.outputs = ["left", "right"]
    assert super(Twice, brick).apply.outputs == ["up", "down"]


def test_all_bricks_of_a_class_may_get_other_names():
    class Bar(Brick):
        @application
        def apply(self, a, b):
            return a

        @apply.property("outputs")
        def apply_outputs(self):
            return ["x"]

    Bar.apply.inputs = ["a"]
    assert (Bar.apply.inputs, Bar().apply.inputs) == (["a"], ["a"])
    with pytest.raises(AttributeError, match="computes outputs with its method apply_out"):
        Bar.apply.outputs = ["y"]


@pytest.mark.parametrize("owner", [Foo(), Foo], ids=["brick", "class"])
def test_an_attribute_that_no_application_has_is_refused(owner):
    with pytest.raises(
        AttributeError, match=r"'ouputs' that can be set.*; did you mean 'outputs'\?"
    ):
        owner.apply.ouputs = ["a"]


def test_names_that_are_not_declared_say_where_they_belong():
    with pytest.raises(
        AttributeError, match=r"<foo.bare> .*write @application\(outputs=\[\.\.\.\]"
    ):
        Foo().bare.outputs


def test_an_override_may_ask_what_it_overrides_by_a_delegate_of_the_same_name():
    class Wrapped(Brick):
        @application
        def apply(self, x):
            return Tanh().apply(x)

        @apply.delegate
        def apply_delegate(self):
            return Foo().apply

        @apply.property("inputs")
        def apply_inputs(self):
            return ["x"]

    class Twice(Wrapped):
        @application
        def apply(self, *args):
            return super().apply(*args)

        @apply.delegate
        def apply_delegate(self):
            return super().apply

        @apply.property("inputs")
        def apply_inputs(self):
            return [*super().apply.inputs, "more"]

    assert (Twice().apply.outputs, Twice().apply.inputs) == (["total", "difference"], ["x", "more"])
    assert super(Twice, Twice()).apply.inputs == ["x"]


def test_a_call_keeps_the_arguments_that_are_no_variables():
    class Scaled(Brick):
        @application
        def apply(self, x, factor=1, mode=None, **kwargs):
            return x * factor

    y = Scaled().apply(tensor.vector("x"), 3, other="yes")
    assert get_application_call(y).options == {"factor": 3, "other": "yes"}
