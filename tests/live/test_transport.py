"""Widgets on another transport than the kernel's comm."""

from ipywidgets.widgets.widget import _instances

from extensions_live import view
from extensions_live.pump import pump
from extensions_live.transport import carried_by
from extensions_live.widget import BOKEHJS
from tests.live.runs import make_loop


def carried(session):
    changes = []
    with carried_by(lambda ident, traits: changes.append((ident, traits))):
        return view(session).widgets, changes


def test_changes_go_to_the_outbox_and_no_comm_is_opened(wire):
    session = make_loop().start()
    session.wait()
    before = set(_instances)
    widgets, changes = carried(session)
    assert [widget.refresh() for widget in widgets] == [1, 1]
    assert [ident for ident, _ in changes] == [widget.ident for widget in widgets]
    assert set(changes[0][1]["payload"]) == set(widgets[0].payload)
    assert wire == []
    assert set(_instances) - before <= {widget.ident for widget in widgets} | {BOKEHJS}


def test_bytes_arrive_as_bytes(wire):
    session = make_loop().start()
    session.wait()
    (_, plot), changes = carried(session)
    plot.refresh()
    curve = changes[-1][1]["payload"]["curves"]["cost"]
    assert bytes(curve["y"]) == plot.payload["curves"]["cost"]["y"]


def test_the_pump_does_not_refresh_them(hand_pump, wire):
    session = make_loop().start()
    session.wait()
    widgets, _ = carried(session)
    assert not set(widgets) & set(pump.views)


def test_a_closed_widget_sends_nothing(wire):
    session = make_loop().start()
    session.wait()
    widgets, changes = carried(session)
    for widget in widgets:
        widget.close()
        widget.problem = "late"
    assert changes == []
