"""The still output of a cell: image and table."""

import base64
import gc
import io
import weakref

import pytest
from PIL import Image

from extensions_live import view
from extensions_live.still_output import NO_VALUES, STYLE, StillOutput

from .runs import Clock, make_loop, plot_of

EMPTY = {"text/plain": ""}


def still_of(main_loop, **options):
    """Return the still output of the plot among the extensions."""
    plot = plot_of(main_loop)
    return StillOutput(plot, plot.views(), **options)


@pytest.fixture
def published(monkeypatch):
    """Return the list of displayed bundles, each with True if it replaced another."""
    bundles = []
    monkeypatch.setattr(
        "extensions_live.still_output.publish",
        lambda data, *_, display_id, update=False: bundles.append((data, update)),
    )
    return bundles


@pytest.fixture
def moving(hand_pump, published):
    """Return a run that continues, its displayed still output, and the clock of the output."""
    main_loop = make_loop()
    clock = Clock()
    plot_of(main_loop).main_loop = main_loop
    one = still_of(main_loop, clock=clock)
    one.display()
    del published[:]
    return main_loop, one, clock


def test_a_moving_run_is_drawn_often_at_first_and_then_every_thirty_seconds(
    hand_pump, moving, published
):
    main_loop, one, clock = moving
    times = []
    for second in range(200):
        clock.now = second
        main_loop.log[second]["cost"] = 1.0
        before = len(published)
        hand_pump.serve(one)
        times += [second] * (len(published) > before)
    assert times == [0, 2, 6, 14, 30, 60, 90, 120, 150, 180]
    table, image = (data for data, updated in published[-2:] if updated)
    assert "<td>1</td>" in table["text/html"] and "<th>updated</th>" in table["text/html"]
    assert "image/png" in image


def test_a_run_without_values_or_without_new_ones_is_not_drawn(hand_pump, moving, published):
    main_loop, one, clock = moving
    hand_pump.serve(one)
    assert published == []
    main_loop.log[1]["cost"] = 1.0
    for second in range(100):
        clock.now = second
        hand_pump.serve(one)
    assert len(published) == 2


def test_a_pause_is_drawn_at_once(hand_pump, published):
    session = make_loop(epochs=10**9).start()
    one = view(session).still
    one.display()
    hand_pump.serve(one)
    session.pause().wait(20)
    hand_pump.serve(one)
    table = published[-2][0]["text/html"]
    assert "<td>paused</td>" in table and "updated" not in table
    session.stop()
    assert session.wait(20)


def test_the_table_of_a_failed_run_shows_the_error(hand_pump, published):
    session = make_loop(fail_at=5).start()
    with pytest.raises(ValueError, match="ran away"):
        session.wait(20)
    one = view(session).still
    one.display()
    hand_pump.serve(one)
    assert "<td>ValueError: the weights ran away</td>" in published[-2][0]["text/html"]


def test_a_widget_of_the_cell_carries_the_image_to_a_reloaded_page(hand_pump, wire, monkeypatch):
    sent = []
    monkeypatch.setattr(
        "extensions_live.still_output.publish",
        lambda data, metadata, *, display_id, update=False: sent.append((data, metadata)),
    )
    session = make_loop().start()
    assert session.wait(20)
    one = view(session)
    one.still.display()
    assert one.still.refresh() == len(sent[2:]) + len(wire) == 3
    (widget, state, _), controls = wire[-1], one.widgets[0]
    assert widget == controls.model_id == controls.ident
    by_mark = {metadata["workbench"]: (data, metadata) for data, metadata in sent[2:]}
    assert {name: tuple(output) for name, output in state["still"].items()} == by_mark


def test_a_finished_run_leaves_an_image_and_a_table(hand_pump, published):
    main_loop = make_loop()
    one = still_of(main_loop)
    one.display()
    hand_pump.serve(one)
    assert published == [
        ({"text/plain": "", "text/html": STYLE + NO_VALUES}, False),
        (EMPTY, False),
    ]
    main_loop.run()
    hand_pump.serve(one)
    (table, updated), (image, _) = published[2:]
    assert updated
    assert "<th>iterations</th>" in table["text/html"]
    assert "<td>12</td>" in table["text/html"]
    png = Image.open(io.BytesIO(base64.b64decode(image["image/png"])))
    assert png.format == "PNG"
    assert len(png.convert("RGB").getcolors(1 << 24)) > 10


def test_an_unchanged_state_is_published_once(hand_pump, published):
    session = make_loop().start()
    assert session.wait(20)
    one = view(session).still
    one.display()
    for _ in range(3):
        hand_pump.serve(one)
    assert len(published) == 4
    assert published[2][0]["text/plain"].splitlines()[0] == "state              finished"
    assert "cost (last batch)" in published[2][0]["text/plain"]


def test_a_log_without_curves_leaves_a_table_only(hand_pump, published):
    main_loop = make_loop(channels=["nothing"])
    main_loop.run()
    one = still_of(main_loop)
    one.display()
    hand_pump.serve(one)
    assert "image/png" not in published[3][0]


def test_it_drops_its_reference_to_a_run_that_has_ended(hand_pump, published):
    main_loop = make_loop()
    main_loop.run()
    one = still_of(main_loop)
    one.display()
    hand_pump.serve(one)
    run = weakref.ref(main_loop)
    del main_loop
    gc.collect()
    assert run() is None
    hand_pump.serve(one)
    assert hand_pump.views == ()


def test_names_in_the_table_are_text_not_markup(hand_pump, published):
    main_loop = make_loop()
    main_loop.log[0]["<b>bold</b>"] = 1.0
    main_loop.run()
    one = still_of(main_loop)
    one.display()
    hand_pump.serve(one)
    assert "<th>&lt;b&gt;bold&lt;/b&gt;</th>" in published[2][0]["text/html"]
