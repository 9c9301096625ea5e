"""Statements that cannot be read: refused where the model depends on them, otherwise skipped."""

import ast
import tracemalloc

import pytest

from workbench.builder import BuilderError, from_code, from_spec, scopes, to_code, to_spec

MODEL = """\
import numpy as np
import torch
import workbench as wb
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph, apply_dropout
from workbench.initialization import Uniform
from workbench.roles import OUTPUT, WEIGHT
x, y = wb.tensor.matrix("x"), wb.tensor.lvector("y")
mlp = wb.MLP([wb.Tanh(), None], [4, 8, 3])
scores = mlp.apply(x)
cost = wb.Softmax().categorical_cross_entropy(y, scores).mean()
"""
LINE = MODEL.count("\n") + 1

COSTS = [
    "cost = cost + 0.1 * penalty(mlp)",
    "cost = regularised(cost)",
    "cost = apply_dropout(ComputationGraph(cost), [x], 0.5).outputs[0]",
    "cost = ComputationGraph(cost).replace({scores: scores * 2}).outputs[0]",
    "cost += 0.1 * sum(penalty(W) for W in found(mlp))",
    "cost: object = regularised(cost)",
    "cost, other = regularised(cost), 3",
    "print(cost := regularised(cost))",
    "[cost := one * 2 for one in [cost]]",
    "if flag():\n    cost = cost * 2",
    "with held():\n    cost = cost * 2",
    "try:\n    cost = cost * 2\nexcept ValueError:\n    pass",
    "for factor in factors():\n    cost = factor * cost",
    "while flag():\n    cost = cost * 2",
    "match flag():\n    case 1:\n        cost = 2 * cost",
    "match x:\n    case [cost]:\n        pass",
    "def build():\n    return mlp.apply(wb.tensor.matrix('z')).mean()\ncost = build()",
    "from models import build\ncost = build()",
    "cost = built()",
    "from models import cost_of\ncost = cost_of(mlp)",
    "def double():\n    global cost\n    cost = cost * 2\ndouble()",
    "import models as cost\ncost = cost.build(wb)",
]  # fmt: skip


@pytest.mark.parametrize("code", COSTS)
def test_a_cost_that_cannot_be_read_is_an_error_with_its_line(code):
    message = r"^line \d+: `cost`, the cost of the model, cannot be read \(.*\); write it with"
    with pytest.raises(BuilderError, match=message) as caught:
        from_code(MODEL + code)
    assert LINE <= int(str(caught.value).split(":")[0].removeprefix("line ")) <= LINE + 3


@pytest.mark.parametrize(
    "code",
    [
        "monitored = [cost, entropy(scores)]",
        "monitored = [cost]\nmonitored.append(entropy(scores))",
        "monitored = [cost]\nmonitored += [entropy(scores)]",
        "monitored = [cost]\nif flag():\n    monitored.append(scores)",
        "monitored = [scores]\nmonitored[0] = entropy(scores)",
        "monitored = [scores, 'cost']",
    ],
)
def test_a_list_of_monitored_variables_that_cannot_be_read_is_an_error(code):
    with pytest.raises(BuilderError, match=r"^line 1[2-4]: the list `monitored` cannot be read"):
        from_code(MODEL + code)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("mlp.weights_init, mlp.biases_init = schemes()", "mlp.weights_init"),
        ("mlp.seed: int = given()", "mlp.seed"),
        ("mlp.seed += given()", "mlp.seed"),
        ("setattr(mlp, 'seed', given())", None),
        ("del mlp.weights_init", "mlp.weights_init"),
        ("mlp.children.append(given())", "mlp.children"),
        ("mlp.dims[1] = given()", "mlp.dims"),
        ("if flag():\n    mlp.seed = 3", "mlp.seed"),
        ("with held():\n    mlp.children[0].name = 'first'", "mlp.name"),
        ("for layer in found(mlp):\n    layer.seed = 3", "layer.seed"),
        ("layer = wb.Tanh()\nfor layer in found(mlp):\n    layer.seed = 3", "layer.seed"),
        ("first = found(mlp)\nfirst.seed = 3", "first.seed"),
        ("found(mlp)[0].seed = 3", "found.seed"),
        ("def change(net):\n    net.seed = 3\nchange(mlp)", "mlp.seed"),
        ("def change(net):\n    for one in net.children:\n        one.seed = 3\nchange(mlp)",
         "mlp.seed"),
        ("def change():\n    mlp.seed = 3\nchange()", "mlp.seed"),
        ("class Settings:\n    mlp.seed = 3", "mlp.seed"),
        ("mlp.__dict__['seed'] = 3", "mlp.__dict__"),
        ("mlp.__dict__.update(seed=3)", "mlp.__dict__"),
        ("vars(mlp)['seed'] = 3", "mlp.__dict__"),
        ("vars(mlp).update(seed=3)", "mlp.__dict__"),
        ("setattr(mlp, given(), 3)", "an attribute of mlp"),
        ("for name in given():\n    setattr(mlp, name, 3)", "an attribute of mlp"),
        ("[setattr(one, given(), 3) for one in [mlp]]", "an attribute of one"),
        ("list(map(setattr, [mlp], ['seed'], [3]))", "an attribute of mlp"),
        ("def change(net, name):\n    setattr(net, name, 3)\nchange(mlp, 'seed')",
         "an attribute of mlp"),
        ("list(map(lambda net: setattr(net, 'weights_init', Uniform(width=0.2)), [mlp]))",
         "mlp.weights_init"),
        ("delattr(mlp, given())", "an attribute of mlp"),
        ("mlp.__setattr__('seed', 3)", "mlp.seed"),
        ("mlp.children[0].__setattr__(given(), 3)", "an attribute of mlp"),
        ("object.__setattr__(mlp, 'seed', 3)", "mlp.seed"),
        ("object.__setattr__(mlp, given(), 3)", "an attribute of mlp"),
        ("mlp.weights_init = Uniform(width=0.2)\nmlp.weights_init.width = 0.5", "mlp.width"),
        ("net = wb.TorchModule(torch.nn.Dropout(0.5))\nnet.module.p = 0.1", "net.p"),
        ("module = torch.nn.Sequential(torch.nn.Dropout(0.5))\nmodule[0].p = 0.1", "module.p"),
        ("cost.name = given()", None),
        ("if flag():\n    cost.name = 'total'", "cost.name"),
        ("scheme = Uniform(width=0.2)\nscheme.width = 0.5\nmlp.weights_init = scheme",
         "scheme.width"),
    ],
)  # fmt: skip
def test_a_change_of_a_brick_that_cannot_be_read_is_an_error(code, what):
    text = "the model needs a value" if what is None else f"{what} is changed by code that cannot"
    with pytest.raises(BuilderError, match=rf"^line \d+: {text}"):
        from_code(MODEL + code)


@pytest.mark.parametrize(
    "code",
    [
        "setattr(mlp, 'seed', 3)",
        "name = 'seed'\nsetattr(mlp, name, 3)",
        "setattr(mlp, f'{\"see\"}d', 3)",
        "for name, value in {'seed': 3}.items():\n    setattr(mlp, name, value)",
        "[setattr(mlp, name, 3) for name in ['seed']]",
        "if __name__ == '__main__':\n    setattr(mlp, 'seed', 3)",
    ],
)
def test_setattr_with_a_known_name_is_an_assignment(code):
    assert from_code(MODEL + code) == from_code(f"{MODEL}mlp.seed = 3")


def test_an_attribute_of_unknown_name_of_another_object_can_be_changed():
    code = "options = load()\nfor name in given():\n    setattr(options, name, 3)\n"
    assert from_code(MODEL + code) == from_code(MODEL)


@pytest.mark.parametrize("call", ["abs(mlp)", "isinstance(mlp, wb.MLP)", "print(mlp)"])
def test_a_python_function_that_cannot_be_read_is_named(call):
    name = call.partition("(")[0]
    with pytest.raises(BuilderError, match=f"the Python function '{name}' cannot be read here"):
        from_code(f"{MODEL}if {call}:\n    mlp.seed = 3")


@pytest.mark.parametrize(
    "change",
    [
        "sizes.extend(given())",
        "sizes[0] = given()",
        "del sizes[given()]",
        "np.random.default_rng(1).shuffle(sizes)",
        "if flag():\n    sizes.append(8)",
        "while sizes[-1] > 4:\n    sizes.append(sizes[-1] // 2)",
        "other = sizes\nother.extend(given())",
        "def change(values):\n    values.append(3)\nchange(sizes)",
        "for size in given():\n    sizes.append(size)",
    ],
)
def test_a_list_that_is_changed_by_code_that_cannot_be_read_is_unknown(change):
    code = f"import numpy as np\nimport workbench as wb\nsizes = [4, 8, 3]\n{change}\n"
    with pytest.raises(BuilderError, match=r"^line \d+: the model needs a value from line"):
        from_code(code + "wb.MLP([wb.Tanh(), None], sizes)")


@pytest.mark.parametrize("call", ["wb.GradientDescent(cost=total)", "wb.fit(total, data())"])
def test_a_cost_that_is_minimised_but_cannot_be_read_is_an_error(call):
    code = f"{MODEL}total = regularised(cost)\nalgorithm = {call}"
    with pytest.raises(BuilderError, match="^line 13: the cost .* minimised here, from line 12"):
        from_code(code)


def test_the_cost_is_the_variable_that_is_minimised():
    spec = from_code(MODEL + "total = 2 * cost\nwb.GradientDescent(cost=total, parameters=[])")
    assert [call.operation for call in spec.calls if spec.cost in call.outputs] == ["multiply"]
    assert from_code(to_code(spec)) == spec


@pytest.mark.parametrize(
    "code",
    [
        "y_hat = temperature(mlp.apply(x))",
        "net = trained(mlp)\nh = wb.Tanh().apply(x)\nz = net.apply(h)",
        "class Own(wb.Linear):\n    pass\nz = Own(3, 3).apply(mlp.apply(x))",
    ],
)
def test_without_a_cost_every_variable_must_be_readable(code):
    model = MODEL[: MODEL.index("scores =")]
    with pytest.raises(BuilderError, match="is computed from the model, but cannot be read"):
        from_code(model + code)


TRAINING = """
graph = ComputationGraph(cost)
model = wb.Model(cost)
print(model.get_parameter_dict(), graph.inputs)
hidden = graph.select(OUTPUT)
noisy = apply_dropout(graph, hidden, 0.5)
noisy.outputs[0].name = "noisy"
data = wb.MNIST(("train",), full=False)
stream = wb.DataStream.default_stream(data)
main_loop = wb.MainLoop(
    wb.GradientDescent(cost=cost, parameters=model.parameters),
    stream,
    extensions=[wb.TrainingDataMonitoring([cost], after_batch=True)],
)
session = main_loop.start()
session.name = "first"
if session.state == "paused":
    session.resume()
f = wb.function([x, y], cost)
costs = []
for batch in stream.get_epoch_iterator():
    cost = f(*batch)
    costs.append(float(cost))
for epoch in range(2):
    for batch in stream.get_epoch_iterator():
        cost = f(*batch)
        if cost < 0.1:
            break
    if cost < 0.2:
        break
    costs.append(cost)
with open("costs.txt", "w") as file:
    file.write(str(costs))
try:
    import matplotlib.pyplot as plt
    plt.plot(costs)
except ImportError:
    pass
mlp.children[0].parameters[0].set_value(np.zeros((4, 8)))
def accuracy(images, targets):
    return (mlp.apply(images).numpy().argmax(1) == targets).mean()
print(accuracy(*data.get_data(slice(0, 10))))
del batch, session
"""


def test_training_code_after_the_model_is_skipped():
    assert from_code(MODEL + TRAINING) == from_code(MODEL)


@pytest.mark.parametrize("end", ["del cost", "cost = None"])
def test_a_cost_that_is_removed_is_no_cost(end):
    assert from_code(MODEL + end).cost is None


@pytest.mark.parametrize(
    "weights",
    [
        "VariableFilter(roles=[WEIGHT])(ComputationGraph(cost).variables)",
        "VariableFilter(WEIGHT, [wb.Linear])(ComputationGraph(cost))",
        "[one for one in ComputationGraph(cost).parameters if one.ndim == 2]",
        "ComputationGraph(cost).select(WEIGHT)",
    ],
)
def test_weight_decay_is_read(weights):
    code = f"{MODEL}cost = cost + 0.1 * sum((W ** 2).sum() for W in {weights})\n"
    by_name = "sum((layer.W ** 2).sum() for layer in mlp.linear_transformations)"
    by_name = f"{MODEL}cost = cost + 0.1 * {by_name}\n"
    assert from_code(code) == from_code(by_name)


@pytest.mark.parametrize(
    ("loop", "sizes"),
    [
        ("for n in range(9):\n    if n == 2:\n        break\n    sizes.append(n + 5)",
         [4, 5, 6, 3]),
        ("for n in range(3):\n    if n == 1:\n        continue\n    sizes.append(n + 5)",
         [4, 5, 7, 3]),
        ("for n in [5]:\n    sizes.append(n)\nelse:\n    sizes.append(6)", [4, 5, 6, 3]),
        ("for n in [5]:\n    break\nelse:\n    sizes.append(6)", [4, 3]),
        ("sizes.extend([5, 6])", [4, 5, 6, 3]),
        ("sizes += [5]", [4, 5, 3]),
        ("other = sizes\nother += [5]", [4, 5, 3]),
        ("sizes += [5, 6]\ndel sizes[1]", [4, 6, 3]),
        ("for key, size in {'a': 5}.items():\n    sizes.append(size)", [4, 5, 3]),
        ("print(n := 5)\nsizes.append((m := 5))\nsizes.append(m)", [4, 5, 5, 3]),
    ],
)  # fmt: skip
def test_loops_and_lists_mean_what_python_means(loop, sizes):
    code = "import workbench as wb\nsizes = [4]\n"
    end = "sizes.append(3)\nmlp = wb.MLP([wb.Tanh() for _ in sizes[1:]], sizes)\n"
    assert from_code(f"{code}{loop}\n{end}").bricks[0].settings["dims"] == sizes


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("8 if 1 < n < 5 else 2", 8),
        ("8 if 1 < n > 5 else 2", 2),
        ("8 if none is None and n is not None else 2", 8),
        ("8 if mlp is not None else 2", 8),
        ("8 if n in (3, 4) else 2", 8),
        ("8 if 'a' not in names else 2", 2),
        ("none or 8", 8),
        ("(n == 3 and 8) or 2", 8),
        ("{**sizes, 'hidden': 9}['hidden']", 9),
        ("{**{'hidden': 9}, **sizes}['hidden']", 8),
        ("{name: n * i for i, name in enumerate(names)}['b']", 3),
        ("[i * j for i in (1, 2) for j in range(i + 1) if j][-1]", 4),
        ("sorted([3, 1, 2], reverse=True)[0] + round(2.6)", 6),
        ("int(bool(n)) + any([0, 1]) + all([])", 3),
        ("[a, *rest, b][1]", 5),
    ],
)  # fmt: skip
def test_plain_expressions_mean_what_python_means(value, size):
    given = "n, none, names, sizes = 3, None, ['a', 'b'], {'hidden': 8}\na, *rest, b = [4, 5, 6]\n"
    code = f"{MODEL}{given}layer = wb.Linear(3, {value})"
    assert from_code(code).bricks[-1].settings["output_dim"] == size


def test_a_dictionary_that_is_unpacked_in_another_keeps_its_settings():
    code = "import workbench as wb\ncommon = {'use_bias': False}\n"
    spec = from_code(code + "wb.Linear(4, 3, **{**common, 'name': 'scores'})")
    assert spec.bricks[0].name == "scores"
    assert spec.bricks[0].settings["use_bias"] is False


def test_conversions_of_variables_are_read_and_built():
    code = "import numpy as np\nfrom workbench import tensor\nx = tensor.matrix('x')\n"
    spec = from_code(code + "cost = (x == 0).float().mean() + x.long().float().mean() * np.pi")
    assert from_code(to_code(spec)) == spec
    assert to_spec(from_spec(spec).cost) == spec


def test_a_loop_that_can_end_early_must_not_build_a_model():
    code = MODEL + "for n in range(3):\n    scores = scores * 2\n    if flag():\n        break"
    with pytest.raises(BuilderError, match="line 12: the loop changes the model, but can end"):
        from_code(code)


@pytest.mark.parametrize(
    "value",
    [
        "{'small': 4, 'large': 8}.get(key, 4)",
        "{'small': 4, 'large': 8}.pop(key, 4)",
        "{'small': 4}.setdefault(key, 4)",
        "{key: 4, 'small': 8}['small']",
        "dict([(key, 4), ('small', 8)])['small']",
        "{one: 8 for one in [key, 'small']}['small']",
        "[1, 2].count(key)",
        "[key, 2].index(2)",
        "4 if 28 in [key, 3] else 8",
        "4 if 28 in {key: 3} else 8",
        "4 if (key, 28) == (28, 28) else 8",
        "4 if any([key]) else 8",
        "4 if all([key, True]) else 8",
        "max([(1, key), (2, 3)])[1]",
        "len(str((key,)))",
        "len('%s' % (key,))",
    ],
)
def test_a_value_that_depends_on_an_unknown_one_in_a_list_is_unknown(value):
    code = f"import os\nimport workbench as wb\nkey = os.environ['SIZE']\nn = {value}\n"
    with pytest.raises(BuilderError, match=r"^line 5: the model needs a value from line 4"):
        from_code(code + "wb.Linear(3, n)")


def test_lists_can_contain_unknown_values():
    code = "import os\nimport workbench as wb\nkey = os.environ['SIZE']\n"
    code += "sizes = [3, key]\nsizes.append(key)\nboth = list(zip(sizes, [4, 5]))\n"
    spec = from_code(code + "wb.Linear(both[0][1], len(sizes + [key]))")
    assert spec.bricks[0].settings == {"input_dim": 4, "output_dim": 4}


@pytest.mark.parametrize("value", ["1 in [cost]", "any([cost])"])
def test_a_comparison_of_a_variable_in_a_list_is_skipped(value):
    assert from_code(MODEL + value) == from_code(MODEL)


@pytest.mark.parametrize(
    "leaving",
    [
        "match flag():\n        case 1:\n            break",
        "try:\n        flag()\n    except* ValueError:\n        continue",
        "for one in given():\n        pass\n    else:\n        break",
        "while flag():\n        pass\n    else:\n        break",
        "if flag():\n        for n in given():\n            pass\n        else:\n            break",
    ],
)
def test_a_loop_that_any_statement_can_leave_is_unknown(leaving):
    loop = f"for i in range(3):\n    sizes.append(4)\n    {leaving}\n"
    code = f"import workbench as wb\nsizes = [3]\n{loop}"
    with pytest.raises(BuilderError, match=r"^line \d+: the model needs a value from line"):
        from_code(code + "wb.MLP([wb.Tanh() for _ in sizes[1:]], sizes)")


@pytest.mark.parametrize("code", ["\nbreak", "\ncontinue", "if flag():\n    break"])
def test_a_break_outside_a_loop_is_an_error(code):
    with pytest.raises(BuilderError, match=r"^line 2: (break|continue) outside a loop"):
        from_code(code)


def test_a_name_in_a_comprehension_is_not_the_cost():
    code = f"{MODEL}costs = [cost, scores.sum()]\ntotal = sum(cost for cost in costs)\ncost = 0.0"
    spec = from_code(code)
    assert [call.operation for call in spec.calls if spec.cost in call.outputs] == ["mean"]


def test_regular_expressions_that_can_be_slow_are_not_searched():
    code = f"{MODEL}chosen = VariableFilter(variable_name_regex={{!r}})(ComputationGraph(cost))\n"
    code += "cost = cost + 0.1 * sum((W ** 2).sum() for W in chosen)"
    assert from_code(code.format("^W+$")).calls != from_code(MODEL).calls
    with pytest.raises(BuilderError, match="a regular expression with a group or with several"):
        from_code(code.format("(a|a)+$"))


def test_names_in_long_blocks_are_read_in_little_memory():
    code = ast.parse("with held():\n" + "".join(f"    a_{i} = b\n" for i in range(2000)))
    tracemalloc.start()
    try:
        assert set(scopes.read(code)) == {"b", "held"}
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


CHANGE = "def change(net):\n    net.use_bias = False\n"


@pytest.mark.parametrize(
    "code",
    [
        f"{CHANGE}def again(net):\n    change(net)\nagain(layer)",
        f"{CHANGE}def again(net):\n    change(net=net)\nagain(net=layer)",
        f"{CHANGE}other = change\nother(layer)",
        f"{CHANGE}changes = [change]\nchanges[0](layer)",
        f"{CHANGE}change(*[layer])",
        f"{CHANGE}list(map(change, [layer]))",
        f"import functools\n{CHANGE}late = functools.partial(change)\nlate(layer)",
        f"{CHANGE}def apply(call, net):\n    call(net)\napply(change, layer)",
        "change = lambda net: setattr(net, 'use_bias', False)\nchange(layer)",
        "list(map(lambda net: setattr(net, 'use_bias', False), [layer]))",
        "def change(net):\n    def run():\n        net.use_bias = False\n    run()\nchange(layer)",
        "def change():\n    net = layer\n    net.use_bias = False\nchange()",
        "class Change:\n    def __init__(self, net):\n        net.use_bias = False\nChange(layer)",
        "class Change:\n    def __init__(self, net):\n        self.net = net\n"
        "    def run(self):\n        self.net.use_bias = False\nChange(layer).run()",
        "with held():\n    def change(net):\n        net.use_bias = False\nchange(layer)",
    ],
)
def test_a_brick_that_is_changed_by_functions_of_functions_is_an_error(code):
    with pytest.raises(BuilderError, match=r"use_bias is changed by code that cannot be read"):
        from_code(f"import workbench as wb\nlayer = wb.Linear(3, 4)\n{code}")


@pytest.mark.parametrize(
    "code",
    [
        "def change():\n    sizes.append(5)\ndef again():\n    change()\nagain()",
        "def change():\n    global sizes\n    sizes = [3, 5]\ndef again():\n    change()\nagain()",
        "class Change:\n    def __init__(self):\n        sizes.append(5)\nChange()",
        "class Change:\n    def run(self):\n        sizes.append(5)\none = Change()\none.run()",
        "def change(some):\n    some += [5]\nchange(sizes)",
        "all_sizes = {'a': sizes}\nfor one in given():\n    all_sizes['a'].append(5)",
        "other = sizes\nother += given()",
    ],
)
def test_a_list_that_is_changed_elsewhere_is_unknown(code):
    code = f"import workbench as wb\nsizes = [3, 4]\n{code}\n"
    with pytest.raises(BuilderError, match=r"^line \d+: the model needs a value from line"):
        from_code(code + "wb.MLP([wb.Tanh() for _ in sizes[1:]], sizes)")


def test_a_list_that_contains_a_changed_list_is_unknown():
    code = "import workbench as wb\nsizes = [3, 4]\nall_sizes = {'a': [sizes]}\n"
    code += "for one in given():\n    sizes.insert(0, one)\n"
    with pytest.raises(BuilderError, match=r"^line 6: the model needs a value from line"):
        from_code(code + "wb.Linear(3, all_sizes['a'][0][1])")


TRAINER = """
class Trainer:
    def __init__(self, net, seed):
        self.net, self.seed, self.name, self.dims = net, seed, "trainer", []
        self.dims.append(3)
    def fit(self, epochs):
        for epoch in range(epochs):
            self.epoch = epoch
            self.dims.append(epoch)
trainer = Trainer(mlp, 3)
trainer.fit(2)
"""


@pytest.mark.parametrize(
    "code",
    [
        "import other\ntable = other.load()\ntable.name = 'rows'",
        "import other\nthing = other.Thing()\nthing.seed = 5\nthing.children.append(3)",
        "import other\nfor thing in other.things():\n    thing.seed = 5",
        "def prepare(table):\n    table.name = 'rows'\nprepare(load())",
        "numbers = list(range(9000))\nfor i in range(200):\n    print(numbers[i])",
        TRAINER,
    ],
)
def test_objects_of_other_libraries_and_classes_can_be_changed(code):
    assert from_code(f"{MODEL}{code}").calls == from_code(MODEL).calls
