"""The figure of a learning rate range test."""

from bokeh.models import LogScale, Span
from bokeh.plotting import figure

from workbench.session.learning_rate_test import LearningRateTest


def result():
    rates = [10 ** (-4 + i / 10) for i in range(40)]
    return LearningRateTest(rates, [1 / (1 + 100 * rate) for rate in rates])


def test_it_has_the_costs_over_a_logarithmic_axis():
    plot = result().plot()
    assert isinstance(plot, figure) and isinstance(plot.x_scale, LogScale)
    data = plot.renderers[0].data_source.data
    assert data["raw"].tolist() == result().costs
    assert data["y"].tolist() == result().smoothed


def test_the_suggestion_is_marked():
    (mark,) = result().plot().center[-1:]
    assert isinstance(mark, Span) and mark.location == result().suggestion


def test_without_a_suggestion_there_is_no_mark():
    plot = LearningRateTest([0.1, 0.2], [1.0, 1.0]).plot()
    assert not [one for one in plot.center if isinstance(one, Span)]
    assert plot.title.text == "no suggestion"
