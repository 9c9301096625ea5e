"""The clock that stops while a cell runs."""

from extensions_live.kernel_clock import KernelClock

from .runs import Clock


def test_the_end_of_a_cell_whose_start_was_missed_is_ignored():
    clock = Clock()
    kernel = KernelClock(clock)
    clock.now = 5.0
    kernel.cell_ended()
    assert kernel() == 5.0
