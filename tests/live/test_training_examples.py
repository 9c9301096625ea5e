"""`Mistakes` over all training examples, and its form that relabels and drops them."""

import numpy as np
import pytest

from extensions_live import Mistakes
from extensions_live.course import row
from extensions_live.plot_axes import ITERATIONS
from extensions_live.plot_marks import Visible, text_marks
from extensions_live.requests import carry_out
from extensions_live.training_examples import (
    AT_REST,
    COMPUTING,
    ENOUGH,
    READING,
    STALL,
    _joined,
)
from tests.support.runs import CLASSES, EXAMPLES, build, examples
from workbench import data
from workbench.errors import SessionError
from workbench.graph.hierarchy import get_brick
from workbench.roles import OUTPUT

from .inside import shown, train


def scores_of(main_loop):
    found = [v for v in main_loop.model.variables if OUTPUT.selects(v)]
    [scores] = [v for v in found if (b := get_brick(v)) is not None and b.name == "mlp"]
    return scores


@pytest.fixture
def start():
    sessions = []

    def begin(stream=None):
        main_loop = build(None, dropout=0, stream=stream)
        sessions.append(main_loop.start(paused=True))
        return sessions[-1], scores_of(main_loop)

    yield begin
    for session in sessions:
        session.stop()
        session.wait(20)


def all_seen(view, pump):
    """Refresh a view until it has looked at every training example."""
    for _ in range(200):
        payload = shown(view, pump)
        found = view.examples
        if found.complete and found.looked == found.count:
            return payload
    raise AssertionError("the view did not look at all examples")


def losses_of(scores, batch):
    raw = scores.eval({"features": batch["features"]}).numpy().astype(float)
    chances = np.exp(raw) / np.exp(raw).sum(1, keepdims=True)
    return -np.log(chances[np.arange(len(raw)), batch["targets"].ravel()])


def ask(view, name, **arguments):
    message = {"kind": "command", "name": name, "arguments": arguments, "id": f"{name} {arguments}"}
    view.receive(message)
    for command in view.subject.commands:
        command.wait(20)


def test_all_training_examples_are_ranked_by_their_index(start, hand_pump, wire):
    session, scores = start()
    payload = all_seen(Mistakes(session, scores, most=6), hand_pump)
    found = losses_of(scores, examples())
    assert [tile["index"] for tile in payload["tiles"]] == np.argsort(-found)[:6].tolist()
    wrong = int((scores.eval({"features": examples()["features"]}).numpy().argmax(1)
                 != examples()["targets"].ravel()).sum())  # fmt: skip
    assert payload["summary"] == (
        f"iteration 0: wrong predictions for {wrong} of 22 training examples; the examples "
        "with the highest loss are shown first"
    )


def test_the_first_look_says_how_many_were_seen(start, hand_pump, wire):
    session, scores = start()
    view = Mistakes(session, scores)
    assert "of 16 training examples (6 not seen yet)" in shown(view, hand_pump)["summary"]


def test_only_the_examples_of_the_scheme_are_looked_at(start, hand_pump, wire):
    dataset = data.IndexableDataset(examples())
    some = data.ShuffledScheme([3, 8, 20, 21], 2, seed=1)
    session, scores = start(data.DataStream(dataset, iteration_scheme=some))
    payload = all_seen(Mistakes(session, scores), hand_pump)
    assert sorted(tile["index"] for tile in payload["tiles"]) == [3, 8, 20, 21]


def test_flagged_examples_are_relabelled_and_lose_their_flag(start, hand_pump, wire):
    session, scores = start()
    view = Mistakes(session, scores, most=4)
    first = all_seen(view, hand_pump)["tiles"][0]["index"]
    view.flag(first)
    assert shown(view, hand_pump)["edit"]["chosen"] == [first]
    new = (int(examples()["targets"][first, 0]) + 1) % CLASSES
    ask(view, "relabel", examples=view.flagged, value=new, source="targets")
    payload = all_seen(view, hand_pump)
    assert payload["edit"]["chosen"] == view.flagged == []
    [tile] = [one for one in payload["tiles"] if one["index"] == first]
    assert (tile["edit"], tile["truth"]) == ("relabelled", str(new))
    receipt = payload["edit"]["receipts"][-1]
    assert receipt["text"] == f"relabel example {first}: targets = {new}: applied at iteration 0"
    assert session.interventions[-1]["by"] == "button"


def test_dropped_examples_are_shown_as_such_and_not_ranked(start, hand_pump, wire):
    session, scores = start()
    view = Mistakes(session, scores, most=3)
    before = [tile["index"] for tile in all_seen(view, hand_pump)["tiles"]]
    ask(view, "drop", examples=before[:1])
    payload = all_seen(view, hand_pump)
    order = np.argsort(-losses_of(scores, examples())).tolist()
    assert [tile["index"] for tile in payload["tiles"]] == [*order[1:4], order[0]]
    assert [tile["edit"] for tile in payload["tiles"]] == ["", "", "", "dropped"]
    assert "of 21 training examples;" in payload["summary"]
    session.undo().wait(20)
    payload = all_seen(view, hand_pump)
    assert [tile["index"] for tile in payload["tiles"]] == before
    assert "of 22 training examples;" in payload["summary"]


def test_what_was_dropped_elsewhere_is_not_edited_again(start, hand_pump, wire):
    session, scores = start()
    view = Mistakes(session, scores)
    all_seen(view, hand_pump)
    view.flag(4)
    view.flag(5)
    session.drop(4).wait(20)
    assert all_seen(view, hand_pump)["edit"]["chosen"] == [5]


def test_a_refused_edit_keeps_the_flags(start, hand_pump, wire):
    session, scores = start()
    view = Mistakes(session, scores)
    all_seen(view, hand_pump)
    view.flag(4)
    view.receive({"kind": "command", "name": "relabel", "id": "1",
                  "arguments": {"examples": [4], "value": 0.5, "source": "targets"}})  # fmt: skip
    session.step(1).wait(20)
    payload = shown(view, hand_pump)
    assert payload["edit"]["receipts"][-1]["state"] == "refused"
    assert view.flagged == [4]


def test_flagged_examples_stay_visible(start, hand_pump, wire):
    session, scores = start()
    view = Mistakes(session, scores, most=2)
    all_seen(view, hand_pump)
    best = int(np.argmin(losses_of(scores, examples())))
    view.flag(best)
    assert best in [tile["index"] for tile in shown(view, hand_pump)["tiles"]]
    view.choose({"kind": "choose", "what": "unflag all", "value": ""})
    assert best not in [tile["index"] for tile in shown(view, hand_pump)["tiles"]]


def test_examples_follow_training(start, hand_pump, wire):
    session, scores = start()
    view = Mistakes(session, scores)
    all_seen(view, hand_pump)
    train(session, 3)
    assert all_seen(view, hand_pump)["summary"].startswith("iteration 3: ")
    found = losses_of(scores, examples())
    assert view.examples.indices.tolist() == sorted(view.examples.indices.tolist())
    np.testing.assert_allclose(view.losses, found[view.examples.indices], rtol=1e-5)


def test_given_examples_cannot_be_edited_and_the_view_says_why(start, hand_pump, wire):
    payload = shown(Mistakes(*start(), examples()), hand_pump)
    assert "only training examples can be relabelled" in payload["edit"]["reason"]


def test_data_without_indices_show_their_first_batch_and_why(start, hand_pump, wire):
    batch = {name: values[:5] for name, values in examples().items()}
    payload = shown(Mistakes(*start(data.as_stream([batch]))), hand_pump)
    assert len(payload["tiles"]) == 5
    assert "does not know which examples of a dataset" in payload["edit"]["reason"]


def raised(batch):
    return batch[0], batch[1] % CLASSES


def test_labels_that_a_transformer_computes_are_not_chosen_by_class(start, hand_pump, wire):
    more = {**examples(), "targets": examples()["targets"] + CLASSES}
    base = data.DataStream(
        data.IndexableDataset(more), iteration_scheme=data.ShuffledScheme(EXAMPLES, 5, seed=3)
    )
    session, scores = start(data.Mapping(base, raised))
    payload = all_seen(Mistakes(session, scores), hand_pump)
    assert payload["edit"]["reason"] == ""
    assert (
        "a transformer computes the classes of these examples from the stored labels"
        in payload["edit"]["no_label"]
    )
    session.relabel(2, 4).wait(20)
    probe = session.probe([], examples=[2])
    probe.wait(20)
    assert probe.stored["targets"].tolist() == [4]
    assert probe.batch["targets"].tolist() == [[1]]


def test_examples_whose_scores_are_not_numbers_are_wrong_and_come_first(start, hand_pump, wire):
    given = examples()
    given["features"][6] = np.nan
    base = data.IndexableDataset(given)
    stream = data.DataStream(base, iteration_scheme=data.SequentialScheme(EXAMPLES, 5))
    session, scores = start(stream)
    payload = all_seen(Mistakes(session, scores), hand_pump)
    assert payload["tiles"][0]["index"] == 6
    assert payload["tiles"][0]["guess"] == "not a number"


def test_padded_sequences_of_different_length_are_compared():
    one, two = np.ones((2, 3)), np.ones((1, 5))
    assert _joined(one, two).sum(1).tolist() == [3, 3, 5]
    assert _joined(two, one).shape == (3, 5)


def test_after_the_end_nothing_can_be_edited(start, hand_pump, wire):
    session, scores = start()
    view = Mistakes(session, scores)
    session.stop()
    session.wait(20)
    payload = all_seen(view, hand_pump)
    assert payload["edit"]["reason"].startswith("the run has ended")
    assert view.settled(session)


def test_an_example_that_is_not_trained_on_cannot_be_flagged(start, hand_pump, wire):
    view = Mistakes(*start())
    all_seen(view, hand_pump)
    with pytest.raises(SessionError, match="no training example 22; the number .* is 22"):
        view.flag(22)


@pytest.mark.parametrize("reading, delay, computing, patience, size", [
    (0.0, 0.0, 0.0, 1, 32),
    (0.5, 0.0, 0.0, 1, 8),
    (READING * 0.8, 0.0, 0.0, 1, 16),
    (READING * 0.8, 0.0, 0.0, AT_REST, 32),
    (0.0, STALL * 2, 0.0, 1, 8),
    (0.0, READING * 2, 0.0, 1, 32),
    (0.0, 0.0, 0.5, 1, ENOUGH),
    (0.0, 0.0, COMPUTING * 0.8, AT_REST, 32),
])  # fmt: skip
def test_the_next_number_of_examples_depends_on_the_time_needed(
    start, hand_pump, wire, reading, delay, computing, patience, size
):
    session, scores = start()
    reader = Mistakes(session, scores).examples
    probe = session.probe([], examples=range(16))
    probe.wait(20)
    probe.processor_seconds, probe.seconds, reader._patience = reading, delay, patience
    reader._adapt(probe, computing)
    assert reader._size == size


def test_examples_are_read_with_more_patience_while_training_is_paused(start, hand_pump, wire):
    session, scores = start()
    view = Mistakes(session, scores)
    shown(view, hand_pump)
    assert view.examples._patience == AT_REST


def test_large_examples_are_read_in_small_numbers(start, hand_pump, wire, monkeypatch):
    monkeypatch.setattr("extensions_live.training_examples.BYTES", 1)
    session, scores = start()
    view = Mistakes(session, scores)
    shown(view, hand_pump)
    assert view.examples._size == 2


def test_predictions_that_became_right_no_longer_count_as_wrong(start, hand_pump, wire):
    session, scores = start()
    view = Mistakes(session, scores)
    all_seen(view, hand_pump)
    before = view.examples.wrong
    train(session, 12)
    probe = session.probe(view.examples._copy.names, examples=[0])
    probe.wait(20)
    view.examples.see(probe)
    chosen = scores.eval({"features": examples()["features"]}).numpy().argmax(1)
    assert before != view.examples.wrong == int((chosen != examples()["targets"].ravel()).sum())


def test_edits_are_marks_of_the_plot_and_rows_of_the_journal(start):
    session, _ = start()
    old = examples()["targets"][1, 0]
    session.relabel(1, 2).wait(20)
    session.drop([3, 4]).wait(20)
    marks = text_marks(session.log, "intervention", Visible(ITERATIONS, None, None, 10))
    assert f"relabel example 1: {old} → 2" in marks["text"][0]
    assert "drop examples 3, 4" in marks["text"][0]
    one, two = (row(record) for record in session.interventions[-2:])
    assert (one["what"], one["old"], one["new"]) == ("relabel example 1", str(old), "2")
    assert (two["what"], two["old"], two["new"]) == ("drop examples 3, 4", "", "")


def test_tools_edit_examples_by_the_same_commands(start):
    session, _ = start()
    carry_out(session, "relabel", {"examples": [1], "value": 2}, by="tool").wait(20)
    carry_out(session, "drop", {"examples": [3]}, by="tool").wait(20)
    assert [(r["command"], r["by"]) for r in session.interventions[-2:]] == [
        ("relabel", "tool"), ("drop", "tool")
    ]  # fmt: skip
