"""Code of specifications: what it looks like, what it makes, and the way back."""

import contextlib
import subprocess
import sys

import numpy
import pytest
from numpy.testing import assert_array_equal

from tests.builder.test_every_brick import copied, each, made, parameters
from tests.contracts.test_bricks import symbols, values
from workbench import bricks, tensor
from workbench.bricks import MLP, Linear, Logistic, Sequence, Softmax, Tanh
from workbench.bricks.cost import CategoricalCrossEntropy, MisclassificationRate
from workbench.builder import BuilderError, from_code, from_spec, to_code, to_spec
from workbench.builder.parse import read_code
from workbench.initialization import Constant, Identity, IsotropicGaussian


def executed(code):
    """Return the variables of code after it ran in a namespace of its own."""
    namespace = {"__name__": "generated"}
    exec(compile(code, "<generated>", "exec"), namespace)
    return namespace


def described(row, brick):
    given = symbols(row)
    named = dict(zip(row.by_name, given[len(row.inputs) :], strict=True))
    outputs = getattr(brick, row.method)(*given[: len(row.inputs)], **named, as_list=True)
    return to_spec(*outputs)


def top(namespace):
    return next(
        v for v in namespace.values() if isinstance(v, bricks.Brick) and not v.parents
    )  # fmt: skip


@each
def test_the_code_of_every_brick_makes_it_again(row):
    brick = made(row)
    spec = described(row, brick)
    code = to_code(spec)
    assert from_code(code) == spec
    namespace = executed(code)
    if not spec.bricks[0].type.endswith(("Error", "Entropy", "Rate")):  # these stand in the call
        twin = top(namespace)
        for one in (brick, twin):
            one.initialize()
        assert parameters(twin) == parameters(brick)
        if row.brick is bricks.TorchModule:
            copied(brick, twin)
        for a, b in zip(values(twin), values(brick), strict=True):
            assert_array_equal(a, b)


def classifier():
    """Return the cost and the error rate of a small classifier."""
    x, y = tensor.matrix("features"), tensor.lvector("targets")
    mlp = MLP(
        [Tanh(name="hidden"), Softmax()],
        [4, 8, 3],
        weights_init=IsotropicGaussian(0.1),
        biases_init=Constant(0),
    )
    probabilities = mlp.apply(x)
    cost = CategoricalCrossEntropy().apply(y, probabilities)
    cost = cost + 0.01 * (mlp.linear_transformations[0].W ** 2).sum()
    cost.name = "cost"
    error = MisclassificationRate().apply(y, probabilities)
    error.name = "error_rate"
    return cost, error


CLASSIFIER = """\
from workbench import tensor
from workbench.bricks import MLP, Softmax, Tanh
from workbench.bricks.cost import CategoricalCrossEntropy, MisclassificationRate
from workbench.initialization import Constant, IsotropicGaussian

features = tensor.variable("features", (None, 4))
targets = tensor.lvector("targets")

mlp = MLP(
    [Tanh(name="hidden"), Softmax()],
    [4, 8, 3],
    weights_init=IsotropicGaussian(0.1),
    biases_init=Constant(0),
)
mlp_output = mlp.apply(features)
categoricalcrossentropy_cost = CategoricalCrossEntropy().apply(targets, mlp_output)
cost = categoricalcrossentropy_cost + 0.01 * (mlp.linear_transformations[0].W**2).sum()
cost.name = "cost"
error_rate = MisclassificationRate().apply(targets, mlp_output)
error_rate.name = "error_rate"
"""


def test_the_code_is_what_a_person_would_have_written():
    cost, error = classifier()
    assert to_code(to_spec(cost, monitored=[error])) == CLASSIFIER


def test_a_classifier_survives_ten_alternations():
    cost, error = classifier()
    first = spec = to_spec(cost, monitored=[error])
    for _ in range(10):
        spec = from_code(to_code(spec))
        built = from_spec(spec)
        spec = to_spec(built.cost, monitored=built.monitored)
    assert spec == first
    namespace = executed(to_code(spec))
    source = {"features": numpy.ones((2, 4), "float32"), "targets": [0, 2]}
    for one in (namespace["mlp"], built.bricks["mlp"]):
        one.seed = 4
        one.initialize()
    assert float(namespace["cost"].eval(source)) == float(built.cost.eval(source))


def test_the_code_is_formatted_as_ruff_does(tmp_path):
    from tests.contracts.test_bricks import TABLE

    for number, row in enumerate(TABLE):
        code = to_code(described(row, row.made()))
        (tmp_path / f"code_{number}.py").write_text(code)
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["format", "--check"], ["check", "--select", "I,F"]):
        done = subprocess.run(
            [*ruff, *command, "--isolated", "."], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_changes_are_assigned_after_pushing():
    mlp = MLP([Tanh(), None], [4, 3, 2], weights_init=Constant(1), biases_init=Constant(0))
    mlp.push_initialization_config()
    mlp.linear_transformations[1].weights_init = Constant(2)
    mlp.linear_transformations[0].name = "first"
    spec = to_spec(mlp)
    code = to_code(spec)
    assert "mlp.push_initialization_config()\n" in code
    assert "mlp.linear_transformations[1].weights_init = Constant(2)\n" in code
    assert from_code(code) == spec
    twin = executed(code)["mlp"]
    twin.initialize()
    assert [float(c.W.get_value()[0, 0]) for c in twin.linear_transformations] == [1, 2]


def test_a_shared_brick_is_a_variable():
    layer = Linear(3, 3, name="tied")
    spec = to_spec(Sequence([layer, Tanh(), layer], name="net"))
    code = to_code(spec)
    assert 'net = Sequence([tied, Tanh(), tied], name="net")' in code
    assert from_code(code) == spec


def test_two_classes_with_one_name_are_imported_apart():
    linear = Linear(2, 2, weights_init=Identity(2))
    spec = to_spec(Sequence([linear, bricks.Identity()]))
    code = to_code(spec)
    assert "Identity as Identity" in code
    assert from_code(code) == spec
    executed(code)


def test_operations_keep_their_order_and_names():
    x, y = tensor.tensor3("x"), tensor.tensor3("y")
    total = (x - y).flatten(1) * 2
    total.name = "total"
    chosen = total[:, 1:] @ Linear(3, 3).apply(total[0, :3].reshape(1, 3)).transpose(0, 1)
    spec = to_spec((-chosen).mean(dim=0, keepdim=True))
    code = to_code(spec)
    assert from_code(code) == spec
    assert "total = (x - y).flatten(1) * 2\n" in code


CELLS = """
%matplotlib inline
import numpy as np
import matplotlib.pyplot as plt
from workbench import tensor
from workbench.bricks import MLP, Linear, Logistic, Softmax, conv
from workbench.bricks.cost import CategoricalCrossEntropy as Cost
from workbench import initialization as init

data = load_digits(seed=3)  # read from a file
x = tensor.matrix("features")  # images
sizes = [64] + [32 // 2**i for i in range(2)]
sizes.append(10)
mlp = MLP(activations=[Logistic() for _ in sizes[2:]] + [Softmax()], dims=sizes, name="net")
for layer in mlp.linear_transformations:
    layer.seed = 7
mlp.weights_init = init.IsotropicGaussian(0.1 / 2)
mlp.biases_init = init.Constant(0)
mlp.children[0].name = f"first_{len(sizes)}"
cost = Cost().apply(y := tensor.lvector("targets"), mlp.apply(x)) if False else None
scores = mlp.apply(x)
cost = Cost().apply(tensor.lvector("targets"), scores)
mlp.initialize()
main_loop = MainLoop(data, cost)
main_loop.run()
plt.plot([1, 2])
def helper(values):
    return values
"""


def test_ordinary_cells_are_read():
    spec = from_code(CELLS)
    assert [b.name for b in spec.bricks] == ["net", "categoricalcrossentropy"]
    assert spec.bricks[0].settings["dims"] == [64, 32, 16, 10]
    assert spec.bricks[0].changes["linear_0"] == {"name": "first_4", "seed": 7}
    assert [call.inputs for call in spec.calls][1] == {
        "y": "targets", "y_hat": "net_apply_output",
    }  # fmt: skip
    assert spec.cost == "categoricalcrossentropy_apply_cost"


NAMESPACED = """
import math
import workbench as wb

x = wb.tensor.variable("features", (None, 1, 8, 8))
y = wb.tensor.lmatrix("targets")
sizes = (4, 4, 4)
convolutions = wb.bricks.conv.ConvolutionalSequence(
    [wb.Convolutional((5, 5), 4, name="filters"), wb.Rectifier()],
    num_channels=1, image_size=(8, 8), weights_init=wb.Glorot(), biases_init=wb.Constant(0),
)
mlp = wb.MLP([wb.Tanh(), None], [math.prod(sizes), 8, 3])
scores = mlp.apply(wb.Flattener().apply(convolutions.apply(x)))
cost = wb.Softmax().categorical_cross_entropy(y.flatten(), scores).mean()
probabilities = wb.Softmax().apply(scores)
error = wb.MisclassificationRate().apply(y.flatten(), probabilities)
session = wb.fit(cost, wb.MNIST(("train",)))
guess = mlp.apply(session.data).argmax(1).numpy()
weights = mlp.linear_transformations[0].W
"""


def test_names_of_the_whole_package_are_read():
    spec = from_code(NAMESPACED)
    assert [one.name for one in spec.bricks] == [
        "convolutionalsequence", "mlp", "flattener", "softmax", "softmax_2",
        "misclassificationrate",
    ]  # fmt: skip
    assert spec.bricks[1].settings["dims"] == [64, 8, 3]
    assert spec.bricks[0].settings["weights_init"]["scheme"]["type"] == "Glorot"
    assert spec.cost == "mean"
    assert spec.monitored == ("misclassificationrate_apply_error_rate",)
    assert from_code(to_code(spec)) == spec


def test_names_that_are_imported_from_the_package_are_read():
    text = NAMESPACED.replace("import workbench as wb", "from workbench import (tensor, bricks, "
        "Convolutional, Rectifier, Glorot, Constant, MLP, Tanh, Flattener, Softmax, "
        "MisclassificationRate, fit, MNIST)")  # fmt: skip
    assert from_code(text.replace("wb.", "")) == from_code(NAMESPACED)


def test_the_named_package_means_what_the_executed_code_means():
    text = NAMESPACED[: NAMESPACED.index("session =")]
    names = executed(text)
    assert from_code(text).bricks[1] == to_spec(names["mlp"]).bricks[0]


def test_an_application_to_data_is_no_part_of_the_model():
    given = "import numpy as np\nimport workbench as wb\nlayer = wb.Linear(4, 3)\n"
    spec = from_code(given + "x = wb.tensor.matrix('x')\nscores = layer.apply(x)\n"
        "data = np.ones((2, 4))\nanswer = layer.apply(data).numpy()")  # fmt: skip
    assert [call.inputs for call in spec.calls] == [{"input_": "x"}]


LAYER = """
import numpy
import torch
import workbench as wb
x = wb.tensor.matrix("x")
layer = wb.Linear(4, 4)
h = layer.apply(x)
"""


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("g = custom(h)\nlayer.apply(g)", "line 9: the model needs a value from line 8"),
        ("g = custom(h)[0]\nk = g * 2\nlayer.apply(k)", "line 10: .* from line 9"),
        ("for i in unknown():\n    h = layer.apply(h)\nlayer.apply(h)", "line 10: .* from line 8"),
        ("h += noise()\nlayer.apply(h)", "line 9: .* from line 8"),
        ("g = [custom(h) for h in [h]]\nlayer.apply(g)", "line 9: .* from line 8"),
        ("layer.apply(custom(h))", "line 8: .* from line 8"),
        ("g = custom(h)\nwb.Softmax().categorical_cross_entropy(g, g)", "line 9: .* from line 8"),
        ("g = custom(h)\ncost = torch.mean(g)", "line 9: .* from line 8"),
    ],
)
def test_a_value_computed_from_the_model_that_cannot_be_read_is_an_error(code, message):
    with pytest.raises(BuilderError, match=message):
        from_code(LAYER + code)


@pytest.mark.parametrize(
    "data",
    [
        "data = wb.fit(h, given).data",
        "data = numpy.ones(h.shape)",
        "data = h.eval({x: numpy.ones((2, 4))})",
        "run = wb.function([x], h)\ndata = run(given)",
        "def given(x):\n    return x / 2\ndata = given(3)",
        "data = [x / 255 for x in images()]",
        "data = list(map(lambda x: x / 255, images()))",
    ],
)
def test_an_application_to_data_computed_with_the_model_is_no_part_of_it(data):
    assert from_code(f"{LAYER}{data}\nlayer.apply(data)") == from_code(LAYER)


def test_a_comprehension_that_cannot_be_read_keeps_the_names_around_it():
    spec = from_code(f"{LAYER}images = [unknown(x) for x in [1, 2]]\ny = layer.apply(x)")
    assert spec == from_code(f"{LAYER}y = layer.apply(x)")


BLOCK = "import workbench as wb\n{}:\n    net = wb.MLP([None], [2, 3])"


@pytest.mark.parametrize(
    "block",
    ["with held()", "if ready()", "for n in found()", "while True", "if [1][3]",
     "for n in {'a': 1}['b']"],
)  # fmt: skip
def test_bricks_in_a_block_that_cannot_be_read_are_an_error(block):
    message = "line 3: MLP is created in a block that cannot be read .* begins in line 2"
    with pytest.raises(BuilderError, match=message):
        from_code(BLOCK.format(block))


def test_a_parameter_is_not_monitored():
    layer = Linear(4, 3)
    layer.allocate()
    with pytest.raises(BuilderError, match="the parameter W can be neither the cost nor monitored"):
        to_spec(layer, monitored=[layer.W])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("monitored = [h,\n    layer.W]", "line 8: the parameter W can be neither"),
        ("cost = layer.W\ny = layer.apply(h)", "line 8: the parameter W can be neither"),
        ("other = wb.Linear(4, 4)\ny = other.apply(h)\nw = other.W", "line 8: two bricks have"),
        ("other = wb.Linear(4, 4, name='b')\nother.name = 'linear'\ny = other.apply(h)",
         "line 9: two bricks have the name 'linear'"),
    ],
)  # fmt: skip
def test_a_part_that_cannot_be_described_is_an_error_with_its_line(code, message):
    with pytest.raises(BuilderError, match=f"^{message}"):
        from_code(LAYER + code)


@pytest.mark.parametrize("use", ["c = a['b']", "c = f\"{a['b']}\"", "c = str(a['b'])"])
def test_lists_that_contain_each_other_many_times_are_refused(use):
    code = "a = {'b': [0]}\n" + "a['b'] = [a['b'], a['b']]\n" * 22 + use
    with pytest.raises(BuilderError, match="line .*more than 1,000,000 elements in total"):
        from_code(code)


@pytest.mark.parametrize("call", ["max([3], key=layer.apply)", "str(object=layer)"])
def test_functions_of_python_accept_only_some_keywords(call):
    names = read_code(f"{LAYER}n = {call}")[1]
    assert [(one.line, "with the argument" in one.reason) for one in names] == [(8, True)]


def test_known_keywords_of_functions_of_python_are_read():
    spec = from_code(
        "import workbench as wb\nsizes = zip([2], [3], strict=True)\nname = dict(name='net')\n"
        "for n, (a, b) in enumerate(sizes, start=1):\n"
        "    wb.Linear(sum([a], start=n), b, **name)"
    )
    assert spec.bricks[0].settings == {"input_dim": 3, "output_dim": 3}
    assert spec.bricks[0].name == "net"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import workbench as wb\nwb.MPL([None], [2, 3])", "line 2: workbench has no 'MPL'.*'MLP'"),
        ("from workbench import bricks\nbricks.Dense(3)", "line 2: .*workbench.bricks.Linear"),
        ("import workbench as wb\nwb.Linear(width(), 3)", "line 2: the model needs .* from line 2"),
        (
            "import workbench as wb\nlayer = wb.Linear(2, 3)\nlayer.weights_init = made()",
            "line 3: the model needs a value from line 3",
        ),
        (
            "import workbench as wb\nx = given()\ny = wb.Linear(2, 3).apply(x)",
            "line 3: the model needs a value from line 2",
        ),
        (
            "import workbench as wb\nx = wb.tensor.matrix()\ny = wb.SquaredError().apply(x, f(x))",
            "line 3: the model needs a value from line 3",
        ),
        (
            "import workbench as wb\nnet = build()\ny = net.apply(wb.tensor.matrix('x'))",
            "line 3: the model needs a value from line 2",
        ),
        ("x = (", "line 1: this is not Python code"),
        ("from workbench.bricks import Linear\nn = width()\nLinear(n, 3)", r"line 3: .*\bline 2"),
        ("from workbench.bricks import Linear\nLinear(3, '3')", "line 2: Linear: .*'3'"),
        ("from workbench.bricks import Linear\nLinear(3, 3).dims = 3", "line 2: .*'dims'"),
        ("from workbench.bricks import *", "line 1: names from workbench must be imported"),
        ("for i in range(200):\n  for j in range(200):\n    a = i", "more than 10,000"),
    ],
)
def test_what_the_model_needs_and_cannot_be_read_is_an_error_with_its_line(code, message):
    with pytest.raises(BuilderError, match=message):
        from_code(code)


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.system('touch {path}')",
        "__import__('os').system('touch {path}')",
        "open('{path}', 'w')",
        "exec(\"open('{path}', 'w')\")",
        "from workbench.bricks import Linear\nLinear.__init__.__globals__['open']('{path}', 'w')",
        "import numpy\nnumpy.save('{path}', [1])",
        "import torch\ntorch.save(1, '{path}')",
        "def f(): open('{path}', 'w')\nf()",
        "class A:\n    open('{path}', 'w')",
        "[open(p, 'w') for p in ['{path}']]",
    ],
)
def test_code_is_never_executed(code, tmp_path):
    path = tmp_path / "made"
    with contextlib.suppress(BuilderError):
        from_code(code.replace("{path}", str(path)))
    assert not path.exists()


@pytest.mark.parametrize(
    "code",
    [
        "x = len(3)",
        "x = int('many')",
        "x = [1][5]",
        "x = {[]: 1}",
        "x = 1 / 0",
        "a = [1]\nfor i in range(60):\n    a = a + a",
        "a = 'a'\nfor i in range(60):\n    a = f'{a}{a}'",
        "a = 3\nfor i in range(60):\n    a = a * a",
        "a = 9 ** 9 ** 9",
        "a = [0] * 10 ** 12",
        "a = list(range(10 ** 12))",
        f"a = {'-' * 700}1",
        f"a = {'+'.join('1' * 700)}",
        "import math\na = 9\nfor i in range(60):\n    a = math.prod([a] * 9000)",
        "import math\na = math.prod(['a', 10 ** 12])",
    ],
)
def test_code_that_fails_or_is_too_large_is_passed_over(code):
    assert from_code(code).bricks == ()


def test_nothing_is_described_by_other_code():
    spec = from_code("print('hello')\nx = 3")
    assert spec.bricks == spec.calls == ()
    assert Logistic  # used in the cells above
