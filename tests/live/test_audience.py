"""The audience of a widget: visible renderings and pages that disappeared."""

from extensions_live.audience import SILENCE, Audience
from extensions_live.kernel_clock import KernelClock

from .runs import Clock


def test_a_widget_is_invisible_once_every_rendering_is():
    audience = Audience(Clock())
    assert audience.looking()
    audience.heard("a", visible=True)
    audience.heard("b", visible=True)
    audience.heard("a", visible=False)
    assert audience.looking()
    audience.heard("b", visible=False)
    assert not audience.looking()


def test_a_page_that_disappeared_is_dropped():
    clock = Clock()
    audience = Audience(clock)
    audience.heard("a", visible=True)
    clock.now += SILENCE + 1
    assert not audience.looking()
    audience.heard("a", visible=True)
    assert audience.looking()


def test_silence_during_a_long_cell_does_not_count():
    clock = Clock()
    kernel = KernelClock(clock)
    audience = Audience(kernel)
    kernel.cell_started()
    clock.now += 10 * SILENCE
    assert audience.looking()
    kernel.cell_ended()
    assert audience.looking()
    clock.now += SILENCE + 1
    assert not audience.looking()


def test_a_report_that_a_later_one_has_overtaken_is_ignored():
    audience = Audience()
    audience.heard("a", visible=True, number=2)
    assert not audience.heard("a", visible=False, number=1)
    assert audience.looking()
