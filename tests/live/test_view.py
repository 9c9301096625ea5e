"""Views in cells: their contents, and when they are closed."""

from extensions_live import Controls, Plot, Progress, view
from extensions_live.notebook import Cell
from extensions_live.plot_view import PlotView
from extensions_live.run_view import RunView, Shelf
from extensions_live.still_output import StillOutput
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


def test_several_bars_are_folded_so_that_their_plot_is_in_sight(hand_pump, wire):
    sessions = []
    for _ in range(2):
        sessions.append(make_loop().start())
        assert sessions[-1].wait(20)
    folded = [one.folded for one in view(*sessions).widgets if isinstance(one, Controls)]
    assert folded == [True, True]
    assert not view(sessions[0]).widgets[0].folded


def test_the_bar_has_the_name_of_its_session(hand_pump, wire):
    session = make_loop().start(name="wide")
    assert session.wait(20)
    assert view(session).widgets[0].title == "wide"


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
    assert all(widget.layout.comm is None for widget in one.widgets)
    assert len(session.log) == 12


def test_outside_of_a_notebook_a_view_is_text(hand_pump, wire, capsys):
    main_loop = make_loop()
    main_loop.run()
    plot_of(main_loop)._ipython_display_()
    assert capsys.readouterr().out.split()[:4] == ["iterations", "12", "epochs", "3"]


def test_displaying_shows_widgets_and_then_the_still_output(hand_pump, wire, monkeypatch):
    class Shell:
        def __init__(self):
            self.display_pub = self
            self.parent_header = {}
            self.published = []

        def publish(self, data, metadata, *, transient, update):
            self.published.append((set(data), transient))

    notebook = Shell()
    for module in ("run_view", "notebook"):
        monkeypatch.setattr(f"extensions_live.{module}.shell", lambda: notebook)
    plot_of(make_loop()).view()._ipython_display_()
    widget, table, image = notebook.published
    assert widget == ({"text/plain", "application/vnd.jupyter.widget-view+json"}, {})
    assert table[1]["display_id"] != image[1]["display_id"]


def test_running_a_cell_again_closes_its_old_view_only(hand_pump, wire):
    shelf = Shelf()
    first, second, other, again = (plot_of(make_loop()).view() for _ in range(4))
    shelf.put(first, Cell("a", "1", ()))
    shelf.put(second, Cell("a", "1", ()))
    shelf.put(other, Cell("b", "2", ()))
    shelf.put(again, Cell("a", "3", ()))
    assert [one.widgets[0].comm is None for one in (first, second, other, again)] == [
        True,
        True,
        False,
        False,
    ]


def test_deleting_a_cell_closes_its_view_at_the_next_display(hand_pump, wire):
    shelf = Shelf()
    gone, here = (plot_of(make_loop()).view() for _ in range(2))
    shelf.put(gone, Cell("a", "1", ()))
    shelf.put(here, Cell("b", "2", ("a", "unknown")))
    assert gone.widgets[0].comm is None
    assert here.widgets[0].comm is not None


def test_without_names_of_cells_nothing_is_closed(hand_pump, wire):
    shelf = Shelf()
    views = [plot_of(make_loop()).view() for _ in range(2)]
    for execution, one in enumerate(views):
        shelf.put(one, Cell("", str(execution), ()))
    assert all(one.widgets[0].comm is not None for one in views)


def test_a_widget_that_is_shown_again_stays_open(hand_pump, wire):
    session = make_loop().start()
    assert session.wait(20)
    line, shelf = Progress(session), Shelf()
    views = [RunView([line], StillOutput(session)) for _ in range(3)]
    shelf.put(views[0], Cell("a", "1", ()))
    shelf.put(views[1], Cell("a", "2", ()))
    assert line.comm is not None
    shelf.put(views[2], Cell("b", "3", ("a",)))
    assert line.comm is not None
    shelf.put(plot_of(make_loop()).view(), Cell("b", "4", ()))
    assert line.comm is None
