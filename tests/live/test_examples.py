"""Samples, mistakes and the confusion matrix, without a browser."""

import threading

import numpy as np
import pytest

import workbench as wb
from extensions_live import ConfusionMatrix, Mistakes, Samples
from extensions_live.example_images import MOST_BYTES, as_images, fitting
from tests.support.runs import build, digits_mlp, examples
from workbench import tensor
from workbench.algorithms import GradientDescent
from workbench.errors import SessionError
from workbench.graph.hierarchy import get_brick
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.roles import OUTPUT

from .inside import shown, train


@pytest.fixture
def run():
    """Yield a paused session, and the scores of its network."""
    main_loop = build(None, dropout=0)
    [scores] = [
        v
        for v in main_loop.model.variables
        if OUTPUT.selects(v) and (brick := get_brick(v)) is not None and brick.name == "mlp"
    ]
    session = main_loop.start(paused=True)
    yield session, scores
    session.stop()
    session.wait(20)


def expected(scores, batch):
    return scores.eval({"features": batch["features"]}).numpy()


@pytest.mark.parametrize("view", [Samples, ConfusionMatrix, Mistakes])
def test_the_scores_are_found_after_fit(view, hand_pump, wire):
    X = np.eye(4, dtype="float32").repeat(3, 0)
    session = wb.fit([wb.Linear()], (X, X.argmax(1)), epochs=1)
    assert session.wait(60)
    assert session.prediction().shape[1] == 4
    payload = shown(view(session), hand_pump)
    assert "iteration" in payload["summary"]


@pytest.mark.parametrize(
    ("validation", "told"), [(0.25, "(4 validation examples)"), (None, "(20 training examples)")]
)
@pytest.mark.parametrize("view", [Samples, ConfusionMatrix])
def test_validation_examples_are_shown_if_there_are_any(view, validation, told, hand_pump, wire):
    X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    session = wb.fit([wb.Linear()], (X, [0, 1] * 10), epochs=1, validation=validation)
    assert session.wait(60)
    assert shown(view(session), hand_pump)["summary"].endswith(told)


def choose(view, what, value):
    view.choose({"kind": "choose", "what": what, "value": value})


def test_samples_show_prediction_and_truth(run, hand_pump, wire):
    session, scores = run
    batch = examples()
    payload = shown(Samples(session, scores, batch, most=5), hand_pump)
    guesses = expected(scores, batch).argmax(1)[:5]
    assert [tile["guess"] for tile in payload["tiles"]] == list(map(str, guesses))
    assert [tile["truth"] for tile in payload["tiles"]] == list(map(str, batch["targets"][:5, 0]))
    right = int((guesses == batch["targets"][:5, 0]).sum())
    assert payload["summary"] == f"iteration 0, the first 5 of 22 examples, {right} of 5 right"


def test_samples_of_several_batches_for_validation(run, hand_pump, wire):
    payload = shown(Samples(*run), hand_pump)
    assert len(payload["tiles"]) == 22


def test_samples_follow_training(run, hand_pump, wire):
    session, scores = run
    view = Samples(session, scores, examples())
    before = shown(view, hand_pump)["tiles"][0]["sure"]
    train(session, 3)
    after = shown(view, hand_pump)
    assert after["summary"].startswith("iteration 3, ")
    assert after["tiles"][0]["sure"] != before


def test_rows_of_pixels_are_images(run, hand_pump, wire):
    session, scores = run
    payload = shown(Samples(session, scores, examples(), shape=(2, 2)), hand_pump)
    assert (payload["width"], payload["height"], payload["channels"]) == (2, 2, 1)
    assert len(payload["images"]) == 22 * 4
    assert payload["tiles"][0]["text"] == ""


def test_text_of_examples_and_names_of_classes(run, hand_pump, wire):
    session, scores = run
    view = Samples(
        session, scores, examples(), text=lambda row: f"{len(row)} numbers", labels=["a", "b", "c"]
    )
    tile = shown(view, hand_pump)["tiles"][0]
    assert tile["text"] == "4 numbers"
    assert tile["truth"] in "abc"


def test_outputs_that_are_images(hand_pump, wire):
    x = tensor.matrix("features")
    mlp = digits_mlp((4, 6, 4))
    output = mlp.apply(x)
    model = Model(((output - x) ** 2).mean())
    algorithm = GradientDescent(cost=model.outputs[0], parameters=model.parameters)
    batch = {"features": examples()["features"]}
    session = MainLoop(algorithm, [batch], model).start(paused=True)
    payload = shown(Samples(session, output, batch, shape=(2, 2)), hand_pump)
    assert len(payload["outputs"]) == len(payload["images"]) == 22 * 4
    assert payload["tiles"][0]["guess"] == ""
    session.stop()


def test_counts_of_a_confusion_matrix(run, hand_pump, wire):
    session, scores = run
    batch = examples()
    payload = shown(ConfusionMatrix(session, scores, batch, labels="abc"), hand_pump)
    counts = np.zeros((3, 3))
    truth, guesses = batch["targets"][:, 0], expected(scores, batch).argmax(1)
    np.add.at(counts, (truth, guesses), 1)
    np.testing.assert_array_equal(np.frombuffer(payload["counts"], np.float32), counts.ravel())
    assert payload["names"] == ["a", "b", "c"]
    assert payload["summary"] == f"iteration 0: {int(np.trace(counts))} of 22 right"


def test_scores_that_are_not_finite_are_not_counted(run, hand_pump, wire):
    session, scores = run
    batch = examples()
    batch["features"][0] = np.nan
    payload = shown(ConfusionMatrix(session, scores, batch), hand_pump)
    assert np.frombuffer(payload["counts"], np.float32).sum() == 21
    assert payload["note"] == "examples omitted because their scores are not finite: 1"


def test_mistakes_come_by_loss(run, hand_pump, wire):
    session, scores = run
    batch = examples()
    payload = shown(Mistakes(session, scores, batch, most=4), hand_pump)
    raw = expected(scores, batch)
    chances = np.exp(raw) / np.exp(raw).sum(1, keepdims=True)
    losses = -np.log(chances[np.arange(22), batch["targets"][:, 0]])
    assert [tile["index"] for tile in payload["tiles"]] == np.argsort(-losses)[:4].tolist()
    assert payload["tiles"][0]["loss"] == f"{losses.max():.3g}"


def test_examples_are_flagged_and_unflagged(run, hand_pump, wire):
    session, scores = run
    view = Mistakes(session, scores, examples())
    index = shown(view, hand_pump)["tiles"][0]["index"]
    choose(view, "flag", str(index))
    assert shown(view, hand_pump)["tiles"][0]["flagged"]
    assert view.flagged == [index]
    choose(view, "unflag", str(index))
    assert view.flagged == []


def test_an_example_that_does_not_exist_cannot_be_flagged(run):
    with pytest.raises(SessionError, match="there is no example 22; the number of examples is 22"):
        Mistakes(*run, examples()).flag(22)


def test_without_targets_there_are_no_mistakes(run):
    with pytest.raises(SessionError, match=r"no source 'label'.*pass targets=..."):
        Mistakes(*run, examples(), targets="label")


def test_a_cost_is_not_a_row_for_each_example(run, hand_pump, wire):
    session, scores = run
    view = Samples(session, scores.mean(), examples())
    while not view.problem:
        hand_pump.serve(view)
    assert "must have one row for each of the 22 examples, but has shape ()" in view.problem


def test_targets_that_are_not_classes_are_refused(run, hand_pump, wire):
    session, scores = run
    view = ConfusionMatrix(session, scores, {**examples(), "targets": np.full(22, 7)})
    while not view.problem:
        hand_pump.serve(view)
    assert "needs non-negative whole numbers as targets" in view.problem


@pytest.mark.parametrize(
    "shape, expected",
    [((2, 5, 7), (2, 5, 7, 1)), ((2, 3, 5, 7), (2, 5, 7, 3)), ((2, 5, 7, 3), (2, 5, 7, 3))],
)
def test_layouts_of_images(shape, expected):
    assert as_images(np.zeros(shape)).shape == expected


def test_values_between_0_and_1_keep_their_meaning():
    assert as_images(np.full((1, 2, 2), 0.5)).max() == 128
    assert as_images(np.array([[[-1.0, 3.0], [1.0, 1.0]]])).ravel().tolist() == [0, 255, 128, 128]


def test_large_images_are_made_smaller():
    images = fitting(np.zeros((24, 256, 256, 3), np.uint8))
    assert images.nbytes <= MOST_BYTES
    assert images.shape[0] == 24


def test_a_shape_that_does_not_fit_is_refused(run):
    with pytest.raises(SessionError, match=r"shape \(3, 3\) does not fit examples of 4 values"):
        Samples(*run, examples(), shape=(3, 3))


@pytest.mark.parametrize("view", [Samples, Mistakes])
def test_a_shape_that_does_not_fit_training_examples_is_refused_when_it_is_given(run, view):
    with pytest.raises(SessionError, match=r"shape \(2, 3\) does not fit examples of 4 values"):
        view(*run, shape=(2, 3))


@pytest.mark.parametrize("shape", [4, (4,), (2, 2.0), (0, 4), "22"])
def test_a_shape_that_is_not_the_shape_of_an_image_is_refused(run, shape):
    with pytest.raises(SessionError, match=r"shape must be \(height, width\) or .*, not "):
        Samples(*run, shape=shape)


@pytest.mark.parametrize("view", [Samples, Mistakes, ConfusionMatrix])
def test_targets_that_training_examples_lack_are_refused_when_they_are_given(run, view):
    with pytest.raises(SessionError, match=r"no source 'target'.*did you mean 'targets'"):
        view(*run, targets="target")


@pytest.mark.parametrize("view", [Mistakes, ConfusionMatrix])
@pytest.mark.parametrize("batch", [None, examples()])
def test_targets_that_cannot_be_classes_are_refused_when_they_are_given(run, view, batch):
    with pytest.raises(SessionError, match=r"whole numbers .* 'features' has values of float"):
        view(*run, batch, targets="features")


def test_a_run_that_does_not_answer_is_checked_later(run, hand_pump, wire, monkeypatch):
    monkeypatch.setattr("extensions_live.fixed_examples.PATIENCE", 0.01)
    session, scores = run
    busy, go_on = threading.Event(), threading.Event()
    session.call(lambda main_loop: (busy.set(), go_on.wait(20)))
    assert busy.wait(20)
    view = Samples(session, scores, shape=(2, 3))
    go_on.set()
    for _ in range(2):  # the second time the examples are already known
        view.problem = ""
        view.ask_again()
        while not view.problem:
            hand_pump.serve(view)
        assert "shape (2, 3) does not fit examples of 4 values" in view.problem


def test_long_rows_of_numbers_come_with_a_hint(run, hand_pump, wire, monkeypatch):
    session, scores = run
    hint = "; if these rows of 4 numbers are pixels, pass shape=(height, width) to show images"
    assert not shown(Samples(session, scores), hand_pump)["summary"].endswith(hint)
    monkeypatch.setattr("extensions_live.samples.FEWEST_PIXELS", 4)
    assert shown(Samples(session, scores), hand_pump)["summary"].endswith(hint)
    images = Samples(session, scores, shape=(2, 2))
    assert hint not in shown(images, hand_pump)["summary"]
