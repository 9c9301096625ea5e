"""Code that a person wrote, after the model was changed elsewhere."""

from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.builder import (
    BLOCKS,
    BrickSpec,
    CallSpec,
    Spec,
    from_code,
    revise_code,
    to_code,
)
from workbench.builder.revise import _same_meaning

TEXT = dedent("""\
    # A small network, as in chapter 2.
    import numpy
    from workbench import tensor
    from workbench.bricks import MLP, Softmax, Tanh
    from workbench.initialization import Constant, IsotropicGaussian as Gaussian

    data = numpy.load("digits.npy")

    # Pixels and classes.
    x = tensor.matrix("features")
    y = tensor.lvector("targets")

    # Wider did not help.
    net = MLP([Tanh(), None], [784, 30, 10],
              weights_init=Gaussian(0.1),  # small
              biases_init=Constant(0), name="net")
    scores = net.apply(x)  # before the softmax
    loss = Softmax().categorical_cross_entropy(y, scores).mean()
    loss.name = "loss"

    # Now train it.
    loop = make_loop(loss, data)
    loop.run()
    """)


def with_settings(spec, number, **changed):
    bricks = list(spec.bricks)
    bricks[number] = replace(bricks[number], settings={**bricks[number].settings, **changed})
    return replace(spec, bricks=tuple(bricks))


def changed_lines(old, new):
    """Return the lines that are only in one of two texts."""
    before, after = old.split("\n"), new.split("\n")
    gone = [line for line in before if line not in after]
    return gone, [line for line in after if line not in before]


def test_the_same_model_has_the_same_text():
    assert revise_code(TEXT, from_code(TEXT)) == TEXT
    moved = replace(from_code(TEXT), positions={"net": (3, 4)})
    assert revise_code(TEXT, moved) == TEXT


def test_only_the_statement_of_a_changed_brick_is_written_again():
    spec = from_code(TEXT)
    number = next(i for i, brick in enumerate(spec.bricks) if brick.name == "net")
    wider = with_settings(spec, number, dims=[784, 60, 10])
    new = revise_code(TEXT, wider)
    assert _same_meaning(from_code(new), wider)
    gone, added = changed_lines(TEXT, new)
    assert len(gone) == 3
    assert "    [784, 60, 10]," in added
    assert "# Wider did not help.\nnet = MLP(" in new
    assert new.endswith("loop = make_loop(loss, data)\nloop.run()\n")


def test_a_new_layer_comes_between_what_it_connects():
    spec = from_code(TEXT)
    drop = BrickSpec("Dropout", "drop", {"drop_prob": 0.25})
    call = CallSpec("dropped", "drop", "apply", inputs={"input_": "net_apply_output"},
                    outputs=("dropped",))  # fmt: skip
    calls = [
        replace(one, inputs={**one.inputs, "x": "dropped"})
        if "x" in one.inputs and one.method == "categorical_cross_entropy"
        else one
        for one in spec.calls
    ]
    new_spec = replace(spec, bricks=(*spec.bricks, drop), calls=(*calls, call))
    new = revise_code(TEXT, new_spec)
    assert _same_meaning(from_code(new), new_spec)
    _, added = changed_lines(TEXT, new)
    assert "from workbench.bricks import Dropout" in added
    assert 'drop = Dropout(drop_prob=0.25, name="drop")' in added
    assert "scores = net.apply(x)  # before the softmax" in new
    assert new.index("scores = ") < new.index("dropped = ") < new.index("loss = ")


def test_what_is_removed_goes_with_its_comments():
    text = TEXT.replace("# Now train it.", "# Its errors.\nextra = Tanh(name='t').apply(x)\n")
    spec = from_code(text)
    new_spec = replace(
        spec,
        bricks=tuple(brick for brick in spec.bricks if brick.name != "t"),
        calls=tuple(call for call in spec.calls if call.brick != "t"),
        monitored=(),
    )
    new = revise_code(text, new_spec)
    assert changed_lines(text, new)[0] == ["# Its errors.", "extra = Tanh(name='t').apply(x)"]
    assert _same_meaning(from_code(new), new_spec)


LOOP = dedent("""\
    from workbench import tensor
    from workbench.bricks import Linear, Tanh

    h = tensor.matrix("x")
    for i, (a, b) in enumerate([(4, 8), (8, 3)]):  # all layers
        layer = Linear(a, b, name=f"layer_{i}")
        h = layer.apply(h)
    last = Tanh(name="last")
    out = last.apply(h)  # bounded
    """)


def test_a_loop_stays_until_one_of_its_bricks_changes():
    spec = from_code(LOOP)
    names = [brick.name for brick in spec.bricks]
    other = [replace(b, type="Logistic") if b.name == "last" else b for b in spec.bricks]
    kept = revise_code(LOOP, replace(spec, bricks=tuple(other)))
    assert "for i, (a, b) in enumerate" in kept
    assert 'last = Logistic(name="last")\nout = last.apply(h)  # bounded' in kept
    wider = with_settings(spec, names.index("layer_0"), use_bias=False)
    unrolled = revise_code(LOOP, wider)
    assert "for" not in unrolled
    assert 'layer_0 = Linear(4, 8, use_bias=False, name="layer_0")' in unrolled
    assert _same_meaning(from_code(unrolled), wider)


def test_code_that_cannot_be_read_is_replaced():
    spec = from_code(LOOP)
    for text in ("x = (", "", "print('hello')\n"):
        assert revise_code(text, spec) == to_code(spec)


@pytest.mark.parametrize("block", BLOCKS.values(), ids=lambda block: block.name)
def test_ten_edits_on_both_sides_lose_nothing(block):
    """Change a name or a seed on the canvas and a comment in the code, by turns."""
    text, spec = block.code, block.spec
    for turn in range(5):
        text = text.replace("\n\n", f"\n\n# turn {turn}\n", 1)
        spec = from_code(text)
        assert _same_meaning(spec, from_code(to_code(spec)))
        number = turn % len(spec.bricks)
        spec = with_settings(spec, number, **_edit(spec.bricks[number], turn))
        text = revise_code(text, spec)
        assert _same_meaning(from_code(text), spec)
    assert [f"# turn {turn}" in text for turn in range(5)] == [True] * 5


def _edit(brick, turn):
    scheme = {"scheme": {"type": "Uniform", "settings": {"width": 0.1 + turn}}}
    return {"weights_init": scheme} if "weights_init" in brick.settings else {}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.data())
def test_any_chain_of_layers_can_become_any_other(kinds, data):
    def chain(chosen):
        types = ["Tanh", "Logistic", "Rectifier", "Softmax"]
        bricks = tuple(BrickSpec(types[kind], f"b{i}") for i, kind in enumerate(chosen))
        wires = ["x", *(f"h{i}" for i in range(len(chosen)))]
        calls = tuple(
            CallSpec(wires[i + 1], f"b{i}", "apply", inputs={"input_": wires[i]},
                     outputs=(wires[i + 1],))
            for i in range(len(chosen))
        )  # fmt: skip
        return Spec(bricks, from_code(LOOP).inputs, calls, None, (wires[-1],))

    old = chain(kinds)
    new = chain(data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4)))
    text = to_code(old).replace("\nb", "\n# note\nb", 1)
    revised = revise_code(text, new)
    assert _same_meaning(from_code(revised), new)
    assert "# note" in revised or new.bricks[0] != old.bricks[0]
