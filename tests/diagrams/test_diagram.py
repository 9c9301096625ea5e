"""Diagrams: closing of groups, places, SVG and Mermaid text."""

import random
import re
from itertools import combinations, pairwise

import pytest

from tests.support.svg import boxes, parsed, texts
from workbench.diagrams import Diagram, Edge, Node
from workbench.diagrams.columns import BETWEEN, Box, Link, arrange, spread
from workbench.diagrams.layout import lay_out
from workbench.diagrams.measure import cut, width
from workbench.diagrams.mermaid import escaped, to_text
from workbench.diagrams.page import ModelImage, image
from workbench.diagrams.svg import to_svg
from workbench.errors import ArgumentError

HOSTILE = [
    '"><script>alert(1)</script>',
    "</text></svg><script>alert(1)</script>",
    "<![CDATA[ & ]]>",
    "]]> --> end",
    'x"] --> y["',
    'a\nend\nclick n0 href "javascript:alert(1)"',
    "%%{init: {'theme': 'dark'}}%%",
    "#quot;&lt;b&gt;",
    "\x00\x1b[31m\ud800",
    "名前 · ü",
    "`**markdown**`",
    "x" * 500,
]


def chain(*names, parent=None):
    """Return nodes in a row, and their edges."""
    nodes = [Node(name, name, parent=parent) for name in names]
    return nodes, [Edge(a, b, "batch × 3") for a, b in pairwise(names)]


def nested(groups, size=3):
    """Return a diagram of groups in a row, each with a chain of nodes."""
    nodes, edges, last = [Node("x", "x", "input")], [], "x"
    for number in range(groups):
        group = f"g{number}"
        inner, between = chain(*(f"{group}/{i}" for i in range(size)), parent=group)
        nodes += [Node(group, group, "group"), *inner]
        edges += [Edge(last, f"{group}/0", "batch × 3"), *between]
        last = f"{group}/{size - 1}"
    return Diagram("nested", tuple(nodes), tuple(edges))


def overlap(one, other):
    return (
        one.x < other.x + other.width and other.x < one.x + one.width
        and one.y < other.y + other.height and other.y < one.y + one.height
    )  # fmt: skip


# Groups.


def test_a_closed_group_takes_the_edges_of_what_it_hides():
    found = nested(2).closed(["g0"])
    assert [node.id for node in found.nodes] == ["x", "g0", "g1", "g1/0", "g1/1", "g1/2"]
    assert [(e.source, e.target) for e in found.edges[:2]] == [("x", "g0"), ("g0", "g1/0")]
    assert found.nodes[1].facts == ("3 nodes inside",) and not found.nodes[1].open


def test_a_small_diagram_starts_with_open_groups():
    assert nested(20).folded() == nested(20)


def test_a_large_diagram_starts_with_closed_groups():
    found = nested(40).folded()
    assert len(found.nodes) == 41
    assert all(not node.open for node in found.nodes[1:])


def test_the_innermost_groups_are_closed_first():
    inner = nested(40)
    moved = [Node(n.id, n.title, n.kind, parent=n.parent or "all") for n in inner.nodes]
    found = Diagram("all", (Node("all", "all", "group"), *moved), inner.edges).folded()
    assert len(found.nodes) == 42
    assert found.nodes[0].open


def test_a_group_around_everything_stays_open():
    inner, _ = chain(*(str(i) for i in range(120)), parent="all")
    diagram = Diagram("all", (Node("all", "all", "group"), *inner))
    assert diagram.folded() == diagram
    assert len(diagram.folded(most=50).nodes) == 1


@pytest.mark.parametrize(("depth", "count"), [(0, 3), (1, 9)])
def test_the_number_of_open_levels_can_be_given(depth, count):
    assert len(nested(2).folded(depth).nodes) == count


def test_text_has_one_line_for_each_node():
    lines = nested(1).as_text().splitlines()
    assert lines[0] == "nested" and len(lines) == 6
    assert lines[1] == "  x · -> batch × 3" and lines[3].startswith("    g0/0")


# Places.


def test_each_box_is_below_what_it_needs():
    diagram = nested(1)
    found = lay_out(diagram)
    for edge in diagram.edges:
        source, target = found.boxes[edge.source], found.boxes[edge.target]
        assert source.y + source.height < target.y


def test_boxes_of_one_group_do_not_overlap_and_stay_inside():
    diagram = nested(7, 4)
    found = lay_out(diagram)
    parents = diagram.parents()
    for one, other in combinations(parents, 2):
        if parents[one] == parents[other]:
            assert not overlap(found.boxes[one], found.boxes[other])
    for id, parent in parents.items():
        if parent is not None:
            inner, outer = found.boxes[id], found.boxes[parent]
            assert outer.x < inner.x and inner.x + inner.width < outer.x + outer.width
            assert outer.y < inner.y and inner.y + inner.height < outer.y + outer.height


def random_diagram(seed):
    """Return a diagram with random groups and edges that go forwards."""
    rng = random.Random(seed)
    nodes, groups = [], []
    for number in range(rng.randrange(2, 40)):
        parent = rng.choice([None, *groups[-4:]])
        if rng.random() < 0.25:
            groups.append(f"g{number}")
            nodes.append(Node(groups[-1], "group " * rng.randrange(1, 4), "group", parent=parent))
        else:
            lines = ("facts",) * rng.randrange(4)
            nodes.append(
                Node(f"n{number}", "node" * rng.randrange(1, 9), lines=lines, parent=parent)
            )
    ids = [node.id for node in nodes]
    pairs = [sorted(rng.sample(range(len(ids)), 2)) for _ in range(rng.randrange(2 * len(ids)))]
    edges = [Edge(ids[a], ids[b], "batch × 3", rng.choice(["", "states"])) for a, b in pairs]
    return Diagram("random", tuple(nodes), tuple(dict.fromkeys(edges)))


@pytest.mark.parametrize("seed", range(60))
def test_any_diagram_can_be_drawn(seed):
    diagram = random_diagram(seed)
    found = lay_out(diagram)
    parents = diagram.parents()
    for one, other in combinations(parents, 2):
        if parents[one] == parents[other]:
            assert not overlap(found.boxes[one], found.boxes[other])
    for _, route in found.routes:
        assert all(-1 <= x <= found.width and -1 <= y <= found.height for x, y in route)
    for depth in range(4):
        parsed(to_svg(diagram.folded(depth)))
        to_text(diagram.folded(depth))


def test_a_long_chain_continues_in_the_next_column():
    nodes, edges = chain(*(str(i) for i in range(60)))
    found = lay_out(Diagram("long", tuple(nodes), tuple(edges)))
    assert found.height < 1400
    assert len({round(box.x) for box in found.boxes.values()}) >= 4


def test_everything_is_inside_of_the_image():
    found = lay_out(nested(12, 5))
    points = [point for _, route in found.routes for point in route]
    points += [(label.x + label.width / 2, label.y + 16) for label in found.labels]
    points += [(box.x + box.width, box.y + box.height) for box in found.boxes.values()]
    assert all(0 <= x <= found.width and 0 <= y <= found.height for x, y in points)


def test_an_edge_goes_around_the_boxes_that_it_passes():
    nodes, edges = chain("a", "b", "c", "d")
    diagram = Diagram("skip", tuple(nodes), (*edges, Edge("a", "d", "batch × 3")))
    found = lay_out(diagram)
    route = found.routes[-1][1]
    for id in ("b", "c"):
        box = found.boxes[id]
        beside = [x for x, y in route if box.y <= y <= box.y + box.height]
        assert beside and all(not box.x <= x <= box.x + box.width for x in beside)


def test_a_chain_is_straight():
    nodes, edges = chain("a", "a long name", "c")
    found = lay_out(Diagram("line", tuple(nodes), tuple(edges)))
    assert len({round(b.x + b.width / 2, 3) for b in found.boxes.values()}) == 1


def test_a_cycle_is_drawn_too():
    nodes, edges = chain("a", "b", "c")
    parsed(to_svg(Diagram("cycle", tuple(nodes), (*edges, Edge("c", "a", "?")))))


def test_an_edge_can_begin_and_end_at_the_border_of_its_group():
    nodes = (Node("g", "g", "group"), Node("a", "a", parent="g"))
    found = lay_out(Diagram("g", nodes, (Edge("g", "a", "3"), Edge("a", "g", "4"))))
    box = found.boxes["g"]
    assert box.y < found.routes[0][1][0][1] < found.boxes["a"].y
    assert found.routes[1][1][-1][1] == pytest.approx(box.y + box.height)


def test_what_is_not_known_is_written_below_the_diagram():
    diagram = Diagram("net", (Node("a", "a"),), notes=("Shapes are not known.",))
    svg = to_svg(diagram)
    assert "Shapes are not known." in texts(svg)
    (x, y, wide, high), root = boxes(svg)[-1], parsed(svg)
    assert x + wide < float(root.get("width")) and y + high < float(root.get("height"))


def test_an_empty_diagram_is_an_empty_image():
    assert texts(to_svg(Diagram("nothing", ()))) == []


def test_spread_keeps_order_and_distance():
    found = spread([5.0, 0.0, 100.0], [10.0, 20.0, 10.0], [1.0, 1.0, 1.0])
    assert found[1] - found[0] == pytest.approx(15 + BETWEEN)
    assert found[2] == 100.0


def test_links_stay_between_their_boxes():
    made = {"a": Box(40, 20), "b": Box(40, 20)}
    wide, high = arrange(made, [Link("a", "b", 20, 20)], 1000)
    assert (made["a"].x, made["b"].x) == (0, 0) and high > 40 and wide == 40


# Texts.


def test_the_same_diagram_gives_the_same_text():
    assert to_svg(nested(5)) == to_svg(nested(5)) and to_text(nested(5)) == to_text(nested(5))


def test_titles_types_facts_and_shapes_are_drawn():
    nodes = (Node("x", "x", "input", "float32"), Node("l", "layer", type="Linear", lines=("W 3",)))
    found = texts(to_svg(Diagram("net", nodes, (Edge("x", "l", "batch × 3"),))))
    assert {"x", "float32", "layer", "Linear", "W 3", "batch × 3"} <= set(found)


def test_two_outputs_of_a_node_have_two_labels():
    nodes = (Node("l", "lstm"), Node("a", "a"), Node("b", "b"))
    edges = (Edge("l", "a", "time × 3", "states"), Edge("l", "b", "time × 4", "cells"))
    found = lay_out(Diagram("two", nodes, edges)).labels
    assert [label.text for label in found] == ["time × 3", "time × 4"]
    assert found[0].x + found[0].width / 2 < found[1].x - found[1].width / 2


def test_every_text_has_a_ground_of_its_own():
    """Light and dark pages then make no difference."""
    svg = to_svg(nested(3))
    for one in parsed(svg).iter("{http://www.w3.org/2000/svg}text"):
        x, y = float(one.get("x")), float(one.get("y"))
        around = [b for b in boxes(svg) if b[0] <= x <= b[0] + b[2] and b[1] <= y <= b[1] + b[3]]
        assert around, one.text
    assert parsed(svg).find("*[@fill='#ffffff']") is not None


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_text(name):
    nodes = (
        Node("a", name, type=name, lines=(name,)), Node(name, name, "group"),
        Node("b", name, parent=name),
    )  # fmt: skip
    diagram = Diagram(name, nodes, (Edge("a", "b", name, name),), name, (name,))
    svg = to_svg(diagram)
    parsed(svg)
    assert "<script" not in svg
    page = ModelImage(diagram)._repr_html_()
    assert re.findall(r"<(\w+)", page) == ["div", "div", "b", "img"]
    shape = r"\|\"[^\"\n|]*\"\|"
    label = r"\[\"[^\"\n]*\"\]"
    for line in to_text(diagram).splitlines()[1:]:
        assert re.fullmatch(
            rf"\s+(n\d+{label}|subgraph n\d+{label}|end|n\d+ -->{shape} n\d+)", line
        ), line
        assert "<" not in line.replace("<br/>", "")


def test_a_long_name_is_cut():
    found = cut("x" * 500, 100, 12)
    assert found.endswith("…") and width(found, 12) <= 100


def test_mermaid_has_a_subgraph_for_each_group():
    text = to_text(nested(2))
    assert text.count("subgraph") == text.count("    end") == 2
    assert escaped('a "b"') == "a #34;b#34;"


def test_an_image_has_its_text_for_those_who_do_not_see_it():
    assert 'alt="nested\n  x' in image(nested(1))


def test_an_image_can_be_saved(tmp_path):
    made = ModelImage(nested(1))
    made.save(tmp_path / "net.svg")
    made.save(tmp_path / "net.mmd")
    assert (tmp_path / "net.svg").read_text() == made.svg
    assert (tmp_path / "net.mmd").read_text() == made.mermaid
    with pytest.raises(ArgumentError, match=r"'net.png' must end with .svg or .mmd"):
        made.save(tmp_path / "net.png")
