"""The figure of a learning rate range test."""

from bokeh.models import LogScale, Span
from bokeh.plotting import figure

from extensions_live import learning_rate_figure
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


def test_a_divergence_does_not_flatten_the_smoothed_curve():
    rates = [10 ** (-4 + i / 10) for i in range(40)]
    costs = [2 - i / 40 for i in range(38)] + [1e3, 1e9]
    plot = LearningRateTest(rates, costs).plot()
    assert 0.5 < plot.y_range.start < 1.5 and 2 < plot.y_range.end < 2.5


def test_a_notebook_shows_the_text_and_the_plot(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(learning_rate_figure, "shell", lambda: "a shell")
    monkeypatch.setattr(learning_rate_figure, "shows_itself", lambda plot, *_: shows(plot, shown))
    result()._ipython_display_()
    assert capsys.readouterr().out.startswith("<LearningRateTest: learning rates from 0.0001 to")
    assert shown == ["shown"]


def test_outside_of_a_notebook_there_is_only_text(capsys):
    result()._ipython_display_()
    LearningRateTest()._ipython_display_()
    assert capsys.readouterr().out.count("<LearningRateTest: ") == 2


def shows(plot, shown):
    plot._ipython_display_ = lambda: shown.append("shown")


def test_the_suggestion_is_marked():
    (mark,) = result().plot().center[-1:]
    assert isinstance(mark, Span) and mark.location == result().suggestion


def test_without_a_suggestion_there_is_no_mark():
    plot = LearningRateTest([0.1, 0.2], [1.0, 1.0]).plot()
    assert not [one for one in plot.center if isinstance(one, Span)]
    assert plot.title.text == "no suggestion"
    assert not plot.above  # the text of the result says why


def test_ticks_of_the_rates_are_plain_numbers():
    assert (
        learning_rate_figure.figure_of([0.2, 0.4], [2.0, 1.0], [2.0, 1.5]).xaxis.formatter.format
        == "%.6g"
    )
