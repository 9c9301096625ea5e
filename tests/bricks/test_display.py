"""Display of bricks."""

from html.parser import HTMLParser

import pytest

from workbench.bricks import MLP, Brick, Linear, Rectifier, Sequence, Softmax, Tanh


@pytest.fixture
def mlp():
    return MLP([Rectifier(), Softmax()], [784, 100, 10])


class Outline(HTMLParser):
    """Checks that elements are closed in order, and collects text and depth."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.depth = [], [], 0

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.depth = max(self.depth, self.open.count("details"))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def outline(brick):
    parsed = Outline()
    parsed.feed(brick._repr_html_())
    assert parsed.open == []
    return parsed


@pytest.mark.parametrize(
    ("brick", "text"),
    [
        (Linear(784, 100, name="first"), "<Linear first: 784 -> 100>"),
        (Linear(output_dim=3), "<Linear linear: ? -> 3>"),
        (Tanh(), "<Tanh tanh>"),
        (Sequence([Tanh()]), "<Sequence sequence>"),
    ],
)
def test_a_brick_is_short_in_a_list(brick, text):
    assert repr(brick) == text


def test_before_allocation_the_tree_has_no_numbers(mlp):
    assert str(mlp).splitlines()[:2] == [
        "MLP mlp: 784 -> 10 · not allocated",
        "├─ Linear linear_0: ? -> ?",
    ]


def test_the_tree_counts_parameters(mlp):
    mlp.allocate()
    assert mlp.summary().splitlines() == [
        "MLP mlp: 784 -> 10 · 79,510 parameters",
        "├─ Linear linear_0: 784 -> 100 · 78,500 parameters: W (784, 100), b (100,)",
        "├─ Rectifier rectifier",
        "├─ Linear linear_1: 100 -> 10 · 1,010 parameters: W (100, 10), b (10,)",
        "└─ Softmax softmax",
    ]


def test_deeper_levels_are_indented():
    inner = Brick(name="inner", children=[Tanh(name="deep")])
    outer = Brick(name="outer", children=[inner, Tanh(name="last")])
    assert str(outer).splitlines()[1:] == [
        "├─ Brick inner",
        "│  └─ Tanh deep",
        "└─ Tanh last",
    ]


def test_shared_bricks_are_counted_once():
    common = Linear(2, 2, use_bias=False)
    top = Brick(children=[Brick(name="a", children=[common]), Brick(name="b", children=[common])])
    top.allocate()
    assert str(top).startswith("Brick brick · 4 parameters")


def test_the_html_is_a_tree_that_folds(mlp):
    mlp.allocate()
    parsed = outline(Sequence([mlp], name="outer"))
    text = " ".join("".join(parsed.text).split())
    assert parsed.depth == 2
    for expected in ("outer", "mlp", "784 -> 10", "78,500 parameters: W (784, 100), b (100,)"):
        assert expected in text
    assert "not allocated" in text, "the outer sequence itself is not"


def test_names_cannot_break_the_html():
    parsed = outline(Brick(name="<script>", children=[Tanh(name="a&b")]))
    assert "<script>" in "".join(parsed.text)
    assert "a&b" in "".join(parsed.text)


def test_colours_come_from_the_page(mlp):
    html = mlp._repr_html_()
    assert "#" not in html
    assert "color:" not in html
    assert "<style" not in html
