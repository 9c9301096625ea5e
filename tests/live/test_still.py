"""The picture and the table that stay."""

import base64
import gc
import io
import weakref

import pytest
from PIL import Image

from extensions_live import view
from extensions_live.still import STYLE, UNKEPT, Still

from .runs import make_loop, plot_of

EMPTY = {"text/plain": ""}


@pytest.fixture
def published(monkeypatch):
    """What was displayed: bundle and whether it replaced another."""
    bundles = []
    monkeypatch.setattr(
        "extensions_live.still.publish",
        lambda data, *_, display_id, update=False: bundles.append((data, update)),
    )
    return bundles


def test_a_finished_run_leaves_a_picture_and_a_table(hand_pump, published):
    main_loop = make_loop()
    one = Still([plot_of(main_loop)])
    one.display()
    hand_pump.serve(one)
    assert published == [({"text/plain": "", "text/html": STYLE + UNKEPT}, False), (EMPTY, False)]
    main_loop.run()
    hand_pump.serve(one)
    (table, updated), (picture, _) = published[2:]
    assert updated
    assert "<th>iterations</th>" in table["text/html"]
    assert "<td>12</td>" in table["text/html"]
    image = Image.open(io.BytesIO(base64.b64decode(picture["image/png"])))
    assert image.format == "PNG"
    assert len(image.convert("RGB").getcolors(1 << 24)) > 10


def test_it_is_published_once_for_one_moment(hand_pump, published):
    session = make_loop().start()
    assert session.wait(20)
    one = view(session).still
    one.display()
    for _ in range(3):
        hand_pump.serve(one)
    assert len(published) == 4
    assert published[2][0]["text/plain"].splitlines()[0] == "state       finished"


def test_a_log_without_curves_leaves_a_table_only(hand_pump, published):
    main_loop = make_loop(channels=["nothing"])
    main_loop.run()
    one = Still([plot_of(main_loop)])
    one.display()
    hand_pump.serve(one)
    assert "image/png" not in published[3][0]


def test_it_lets_go_of_the_run_afterwards(hand_pump, published):
    main_loop = make_loop()
    main_loop.run()
    one = Still([plot_of(main_loop)])
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
    one = Still([plot_of(main_loop)])
    one.display()
    hand_pump.serve(one)
    assert "<th>&lt;b&gt;bold&lt;/b&gt;</th>" in published[2][0]["text/html"]
