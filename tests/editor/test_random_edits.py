"""Random sequences of operations: undo restores the board, and nothing is lost in its texts."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extensions_live.editor import Board
from extensions_live.editor.document import read
from workbench.builder import from_code, from_spec
from workbench.errors import BuilderError

numbers = st.integers(0, 50)


def picked(some, number):
    """Return one of several, or a name that none has."""
    some = list(some)
    return some[number % len(some)] if some else "nothing"


def some_nodes(board, number, more):
    """Return one or two nodes."""
    ids = board.document.ids()
    return list(dict.fromkeys([picked(ids, number), picked(ids, more)]))


def some_output(board, number):
    """Return a node and one of its outputs."""
    found = [(n["id"], o["name"]) for n in board.payload()["nodes"] for o in n["outputs"]]
    return picked(found, number) if found else ("nothing", "output")


def some_input(board, number):
    """Return a node and one of its inputs."""
    found = [(n["id"], i["name"]) for n in board.payload()["nodes"] for i in n["inputs"]]
    return picked(found, number) if found else ("nothing", "input_")


SETTINGS = [
    ("dims", [4, 3, 4]), ("dims", [4]), ("output_dim", 4), ("input_dim", 4), ("input_dim", 7),
    ("use_bias", False), ("start_dim", 1), ("shape", [None, 4]), ("other", 2.5), ("dim", 1),
    ("activations", [{"brick": {"type": "Tanh"}}, None]), ("output_names", ["a", "b"]),
]  # fmt: skip
TYPES = [
    "Linear",
    "MLP",
    "Tanh",
    "Softmax",
    "SquaredError",
    "Fork",
    "add",
    "concatenate",
    "flatten",
]

MOVES = {
    "add": lambda b, n, m: b.add(picked(TYPES, n), [n, m]),
    "add after": lambda b, n, m: b.add(picked(TYPES, n), after=list(some_output(b, m))),
    "input": lambda b, n, m: b.add_input(None, [None, 4]),
    "remove": lambda b, n, m: b.remove(some_nodes(b, n, m)),
    "duplicate": lambda b, n, m: b.duplicate(some_nodes(b, n, m)),
    "paste": lambda b, n, m: b.paste(b.copy(some_nodes(b, n, m)), [n, m]),
    "connect": lambda b, n, m: b.connect(*some_output(b, n), *some_input(b, m)),
    "disconnect": lambda b, n, m: b.disconnect(*some_input(b, n)),
    "set": lambda b, n, m: b.set(picked(b.document.ids(), n), *picked(SETTINGS, m)),
    "unset": lambda b, n, m: b.unset(picked(b.document.ids(), n), picked(SETTINGS, m)[0]),
    "rename": lambda b, n, m: b.rename(picked(b.document.ids(), n), f"name_{m}"),
    "cost": lambda b, n, m: b.set_cost(*some_output(b, n)),
    "monitor": lambda b, n, m: b.monitor(*some_output(b, n), m % 2 == 0),
    "freeze": lambda b, n, m: b.freeze(picked(b.document.ids(), n)),
    "group": lambda b, n, m: b.group(some_nodes(b, n, m), "some"),
    "block": lambda b, n, m: b.add_block("some"),
    "unpack": lambda b, n, m: b.unpack(picked(b.document.ids(), n)),
    "open": lambda b, n, m: b.open(picked(b.document.ids(), n)),
    "close": lambda b, n, m: b.close(picked(b.document.ids(), n)),
    "fix": lambda b, n, m: b.apply_fix(picked(b.document.ids(), n)),
    "move": lambda b, n, m: b.move({picked(b.document.ids(), n): [n, m]}),
    "code": lambda b, n, m: b.set_code(b.code),
    "show": lambda b, n, m: b.show(b.spec),
}  # fmt: skip

edits = st.lists(st.tuples(st.sampled_from(sorted(MOVES)), numbers, numbers), max_size=14)


def started():
    """Return a board with something to edit."""
    board = Board()
    board.add_input("x", [None, 4])
    board.add("MLP", after="x", settings={"activations": [None], "dims": [4, 4]})
    board.add("SquaredError", after="mlp")
    board.connect("x", "x", "squarederror", "y_hat")
    board.group(["mlp"], "some")
    return board


def play(board, moves):
    """Make edits; one that is refused must change nothing. Return the documents before them."""
    before = []
    for name, number, more in moves:
        document = board.document
        try:
            MOVES[name](board, number, more)
        except BuilderError:
            assert board.document is document
        if board.document is not document:
            before.append(document)
    return before


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(edits)
def test_undo_restores_the_board_step_by_step(moves):
    board = started()
    before = play(board, moves)
    last = board.document
    for document in reversed(before):
        board.undo()
        assert board.document == document
    for _ in before:
        board.redo()
    assert board.document == last


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(edits)
def test_every_board_can_be_drawn_saved_and_built(moves):
    board = started()
    play(board, moves)
    payload = board.payload()
    ids = [one["id"] for one in payload["nodes"]]
    assert len(ids) == len(set(ids))
    known = {(n["id"], p["name"]) for n in payload["nodes"] for p in [*n["inputs"], *n["outputs"]]}
    for edge in payload["edges"]:
        assert (edge["source"], edge["output"]) in known
        assert (edge["target"], edge["input"]) in known
    assert read(board.document.to_json()) == board.document
    if payload["summary"]["fault"] is None:
        assert from_spec(board.spec).cost is not None or board.spec.cost is None
        assert from_code(board.code).same_as(from_code(board.code))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(edits)
def test_code_and_canvas_alternate_without_loss(moves):
    board = started()
    play(board, moves)
    if any(one["fault"] for one in board.payload()["nodes"]):
        return  # unfinished nodes are not part of the code
    names = {one["id"]: one["title"] for one in board.payload()["nodes"]}
    before = board.spec
    board.set_code(board.code)
    assert {one["id"]: one["title"] for one in board.payload()["nodes"]} == names
    assert board.spec == before
