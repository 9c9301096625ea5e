"""Figures of live views as a user sees them: a notebook of JupyterLab in Chromium.

Everything runs on one machine: the notebook server, the kernel that trains, and the browser, which
draws without a graphics card. Times are measured in the page. An age is the time from the record of
a value in the log until the plot is drawn with this value; it is that of the oldest new value in a
drawing. A click is acknowledged when the bar shows the iteration at which it took effect.
The time of a zoom includes a message to the kernel, its search for finer points, and the drawing.
"""

from __future__ import annotations

import ast
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Browser

from tests.benchmarks.targets import Row, Target
from tests.browser.lab import (
    NOTEBOOK,
    ROOT,
    Lab,
    Notebook,
    busy,
    guarded_page,
    headless,
    jupyter_lab,
    notebook_text,
    until,
)
from tests.browser.runs import SMALL_RUN
from tests.browser.setups import WINDOWING
from tests.support import chromium, kernels

FIRST = ROOT / "notebooks" / "01_first_training.ipynb"
WATCHED = """
import json
class Clock(TrainingExtension):
    times = []
    def after_batch(self, batch):
        self.times.append(time.time())

clock = Clock()
loop = MainLoop(Slow(), [{"x": [i]} for i in range(50)], extensions=[
    Writer(), clock, FinishAfter(after_n_epochs=100_000), Plot(channels=["cost"])])
session = loop.start()
view(session)
"""
COUNT = """
import gc, threading
from ipywidgets.widgets import widget
def count():
    gc.collect()
    return len(widget._instances) + threading.active_count()
"""
MEMORY = "__import__('psutil').Process().memory_info().rss / 1e6"
MILLION = """
import numpy as np
from extensions_live import Plot
from workbench.log import TrainingLog
log, rows = TrainingLog(), 1_000_000
for i in range(rows):
    log.status["iterations_done"] = i + 1
    log.current_row.update(a=i / rows, b=(i % 97) / 97, c=1 / (i + 1), d=(i % 1013) / 1013)
"""
# Notes the time of every drawing with new points, and their number.
WATCH = """() => {
    const plot = document.querySelector('.jp-OutputArea [data-testid="plot"]');
    window.drawings = [];
    new MutationObserver(() => requestAnimationFrame(() =>
        window.drawings.push([Date.now() / 1000, Number(plot.dataset.points)]),
    )).observe(plot, { attributes: true, attributeFilter: ['data-points'] });
}"""
CLICK = """([name, text]) => new Promise((resolve) => {
    const find = (id) => document.querySelector(`.jp-OutputArea [data-testid="${id}"]`);
    const before = find('command').innerText;
    const start = performance.now();
    const acknowledged = (now) => now !== before && now.startsWith(`${text}: applied`);
    const look = () => {
        if (acknowledged(find('command').innerText)) resolve(performance.now() - start);
        else requestAnimationFrame(look);
    };
    find(name).click();
    look();
})"""
# Measures from the end of dragging until the plot is drawn with finer points.
ZOOM = """() => {
    const plot = document.querySelector('.jp-OutputArea [data-testid="plot"]');
    window.zoomed = new Promise((resolve) => addEventListener('pointerup', () => {
        const start = performance.now();
        new MutationObserver((_, observer) => requestAnimationFrame(() => {
            observer.disconnect();
            resolve(performance.now() - start);
        })).observe(plot, { attributes: true, attributeFilter: ['data-updates'] });
    }, { once: true, capture: true }));
}"""
DRAWN = """(cell) => new Promise((resolve) => {
    const look = () => {
        const plot = document.querySelector(
            `.jp-Cell[data-windowed-list-index="${cell}"] [data-testid="plot"].wb-drawn`);
        if (Number(plot?.dataset.points ?? 0) > 0) requestAnimationFrame(() => resolve(Date.now()));
        else requestAnimationFrame(look);
    };
    look();
})"""


class Figures:
    """Rows of the results, measured in one JupyterLab."""

    def __init__(self, lab: Lab, browser: Browser, quick: bool) -> None:
        self.lab, self.browser, self.quick = lab, browser, quick
        self.rows: list[Row] = []

    def add(self, work: str, measured: float, bound: float, unit: str) -> None:
        """Add a row; the target is `bound` or less."""
        judged = Target(bound, unit=unit).judge(measured)
        self.rows.append({"work": f"{work} ({unit})", "measured": measured, **judged})

    @contextmanager
    def notebook(self, name: str, text: str, script: str = "") -> Iterator[Notebook]:
        """Yield a notebook with `text`, open in a new page that first runs `script`."""
        path = self.lab.root / name
        content = json.loads(text)
        content["metadata"]["kernelspec"] = self.lab.kernelspec(kernels.INSTALLED)
        path.write_text(json.dumps(content), encoding="utf-8")
        with guarded_page(self.browser) as page:
            page.add_init_script(script)
            notebook = Notebook(page, self.lab.base, path)
            notebook.open()
            yield notebook
            notebook.shut_down()

    def first_point(self) -> None:
        """Measure from `start()` to the first point on the screen, in the first notebook."""
        content = json.loads(FIRST.read_text(encoding="utf-8"))
        cells = ["".join(c["source"]) for c in content["cells"] if c["cell_type"] == "code"]
        start = next(i for i, cell in enumerate(cells) if "main_loop.start()" in cell)
        cells[start] = "import time\nbegan = time.time()\n" + cells[start]
        with self.notebook("first.ipynb", notebook_text(*cells[: start + 2])) as notebook:
            for index in range(start):
                notebook.run(index)
            notebook.run(start, wait=False)
            notebook.run(start + 1, wait=False)
            drawn = notebook.page.evaluate(DRAWN, start + 1) / 1000
            self.add("first point after start()", drawn - float(notebook.ask("began")), 1.5, "s")
            notebook.ask("session.train(epochs=40)")
            until(lambda: notebook.ask("session.state.ended") == "True", timeout=300)
            size = len(json.dumps(notebook.save())) / 1e3
            self.add("saved notebook with a full view", size, 300, "kB")

    def small_run(self) -> None:
        """Measure ages, clicks, reloads, closed views and memory in one endless run."""
        with self.notebook("small.ipynb", notebook_text(SMALL_RUN, WATCHED)) as notebook:
            notebook.run(0)
            notebook.run(1)
            notebook.look_at("plot")
            until(lambda: notebook.drawn(1), what="a drawn plot")
            self.ages(notebook)
            self.clicks(notebook)
            self.closed_views(notebook)
            self.memory(notebook)
            self.reloads(notebook)

    def ages(self, notebook: Notebook) -> None:
        """Measure the age of new values when they are drawn."""
        notebook.page.evaluate(WATCH)
        time.sleep(4 if self.quick else 10)
        drawings = notebook.page.evaluate("window.drawings")
        # as one text, because IPython shows only the first values of a long list
        recorded = json.loads(ast.literal_eval(notebook.ask("json.dumps(clock.times)")))
        # A point is a value that is finite; one in 40 is not.
        finite = [t for i, t in enumerate(recorded, 1) if i % 40 != 20]
        ages = [
            now - finite[before]
            for (_, before), (now, points) in pairwise(drawings)
            if before < points <= len(finite)
        ]
        self.add("age of a value on the screen, median", 1e3 * statistics.median(ages), 400, "ms")

    def clicks(self, notebook: Notebook) -> None:
        """Measure clicks on pause and resume in an idle kernel, and while a cell waits."""

        def slowest(pairs: int) -> float:
            return max(
                float(notebook.page.evaluate(CLICK, [name, name]))
                for _ in range(pairs)
                for name in ("pause", "resume")
            )

        pairs = 3 if self.quick else 10
        self.add("slowest of some clicks, idle kernel", slowest(pairs), 500, "ms")
        waiting = notebook.add_cell("session.wait(3600)")
        notebook.run(waiting, wait=False)
        self.add("slowest of some clicks, a cell waits", slowest(pairs), 1000, "ms")
        notebook.command("kernelmenu:interrupt")
        until(lambda: notebook.count(waiting) is not None, what="the end of the waiting cell")
        with busy(notebook):
            self.add("slowest of some clicks, a cell computes", slowest(pairs), 1000, "ms")

    def closed_views(self, notebook: Notebook) -> None:
        """Count what 20 views leave after they were shown and closed."""
        cell = notebook.add_cell("shown = view(session)\nshown")
        close = notebook.add_cell("shown.close()")
        notebook.run(notebook.add_cell(COUNT))
        before = 0
        for number in range(21):
            notebook.run(cell)
            until(lambda: notebook.drawn(cell), what="a drawn view")
            notebook.run(close)
            if not number:  # the first one starts threads that all views share
                before = int(notebook.ask("count()"))
        left = int(notebook.ask("count()")) - before
        self.add("20 closed views leave", left, 0, "widgets and threads")
        notebook.look_at("plot")

    def memory(self, notebook: Notebook) -> None:
        """Measure the growth of the page's heap and of the kernel while a plot moves."""
        client = notebook.page.context.new_cdp_session(notebook.page)
        client.send("Performance.enable")

        def heap() -> float:
            client.send("HeapProfiler.collectGarbage")
            metrics = client.send("Performance.getMetrics")["metrics"]
            return next(m["value"] for m in metrics if m["name"] == "JSHeapUsedSize") / 1e6

        seconds = 20 if self.quick else 300
        time.sleep(seconds / 5)
        before = heap(), float(notebook.ask(MEMORY))
        time.sleep(seconds)
        after = heap(), float(notebook.ask(MEMORY))
        self.add(f"growth of the page's heap in {seconds} s", after[0] - before[0], 5, "MB")
        self.add(f"growth of the kernel in {seconds} s", after[1] - before[1], 10, "MB")

    def reloads(self, notebook: Notebook) -> None:
        """Measure from an open notebook to the whole curve after a reload, in every mode."""
        notebook.save()
        for mode in WINDOWING:
            self.lab.set_windowing(mode)
            notebook.page.goto("about:blank")
            notebook.page.goto(f"{notebook.base}/lab/tree/{notebook.path.name}?reset")
            notebook.page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
            start = time.time()
            notebook.page.wait_for_function(
                f"() => {NOTEBOOK}?.sessionContext?.session?.kernel?.status === 'idle'"
            )
            notebook.look_at("plot")
            drawn = notebook.page.evaluate(DRAWN, 1) / 1000
            self.add(f"whole curve after a reload, {mode}", drawn - start, 2, "s")
        self.lab.set_windowing(WINDOWING[0])

    def million(self) -> None:
        """Measure opening and zooming a log of a million rows with four curves."""
        show = 'began = time.time()\nPlot.compare({"long": log}, channels=[["a", "b", "c", "d"]])'
        cells = [MILLION, f"import time\n{show}"]
        with self.notebook("million.ipynb", notebook_text(*cells)) as notebook:
            notebook.run(0)
            notebook.run(1, wait=False)
            drawn = notebook.page.evaluate(DRAWN, 1) / 1000
            opened = drawn - float(notebook.ask("began"))
            self.add("1,000,000 rows with 4 curves open", opened, 1, "s")
            redrawn = []
            for _ in range(5):
                notebook.page.evaluate(ZOOM)
                self.drag(notebook)
                redrawn.append(notebook.page.evaluate("window.zoomed"))
            slowest = max(redrawn)
            self.add("1,000,000 rows: slowest of 5 zooms, with finer points", slowest, 100, "ms")

    def drag(self, notebook: Notebook) -> None:
        """Zoom into a part of the plot."""
        box = notebook.find("plot").locator("canvas").first.bounding_box()
        assert box is not None
        mouse = notebook.page.mouse
        mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 3)
        mouse.down()
        mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
        mouse.up()


def rows(quick: bool) -> list[Row]:
    """Return one row for each figure."""
    executable = chromium.find()
    if executable is None:
        raise SystemExit(chromium.ABSENT)
    with (
        tempfile.TemporaryDirectory() as root,
        headless(executable) as browser,
        jupyter_lab(Path(root)) as lab,
    ):
        figures = Figures(lab, browser, quick)
        for part in (figures.first_point, figures.small_run, figures.million):
            part()
    return figures.rows
