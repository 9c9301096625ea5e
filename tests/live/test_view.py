"""What a cell shows, and how views are closed."""

from extensions_live import Controls, Plot, view
from extensions_live.plot import PlotView
from workbench.extensions import CompositeExtension

from .runs import make_loop, plot_of


def test_a_view_has_the_bar_and_every_plot(hand_pump, wire):
    hidden = CompositeExtension([Plot("second", ["test_cost"], name="second")])
    session = make_loop(hidden).start()
    assert session.wait(20)
    one = view(session)
    controls, *plots = one.widgets
    assert isinstance(controls, Controls)
    assert all(isinstance(widget, PlotView) for widget in plots)
    assert [widget.title for widget in plots] == ["", "second"]


def test_the_bar_leaves_out_what_the_plots_show(hand_pump, wire):
    session = make_loop(channels=["cost"]).start()
    assert session.wait(20)
    controls = view(session).widgets[0]
    hand_pump.serve(controls)
    assert controls.payload["values"] == [["test_cost", "0.5"]]


def test_closing_a_view_frees_it_and_leaves_the_run(hand_pump, wire):
    session = make_loop().start()
    assert session.wait(20)
    one = view(session)
    assert len(hand_pump.views) == 2
    one.close()
    assert hand_pump.views == ()
    assert all(widget.comm is None for widget in one.widgets)
    assert len(session.log) == 12


def test_outside_of_a_notebook_a_view_is_text(hand_pump, wire, capsys):
    main_loop = make_loop()
    main_loop.run()
    plot_of(main_loop)._ipython_display_()
    assert capsys.readouterr().out.split()[:4] == ["iterations", "12", "epochs", "3"]


def test_displaying_shows_widgets_and_then_the_still_picture(hand_pump, wire, monkeypatch):
    class Shell:
        def __init__(self):
            self.display_pub = self
            self.published = []

        def publish(self, data, metadata, *, transient, update):
            self.published.append((set(data), transient))

    notebook = Shell()
    for module in ("output", "notebook"):
        monkeypatch.setattr(f"extensions_live.{module}.shell", lambda: notebook)
    plot_of(make_loop()).view()._ipython_display_()
    widget, table, picture = notebook.published
    assert widget == ({"text/plain", "application/vnd.jupyter.widget-view+json"}, {})
    assert table[1]["display_id"] != picture[1]["display_id"]
