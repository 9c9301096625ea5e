"""The visual editor with a hierarchy of 300 bricks, as a user sees it.

A notebook of JupyterLab in Chromium shows 60 MLPs of five bricks each; kernel, server and browser
share one machine, and the page is drawn without a graphics card. Opening is measured from the call
of `Editor` in a cell to all nodes on the screen. An edit changes a width, so that the shapes of two
edges change and the next brick gets a fault with a fix. It is measured in the page, from the key
that ends it to the message with the checked board, and to the new shapes on the screen. Rates of
frames are those of a drag of one node, with steps of the pointer at 60 a second.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from tests.benchmarks.page import Figures as Page
from tests.benchmarks.targets import NO_TARGET, Row, Target
from tests.browser.lab import Notebook, headless, jupyter_lab, notebook_text, until
from tests.support import chromium

MODEL = """
from extensions_live import Editor
from workbench import tensor
from workbench.bricks import MLP, Rectifier, Tanh
from workbench.builder import to_spec
hidden = tensor.matrix("features")
for number in range(60):
    mlp = MLP([Rectifier(), Tanh()], [64, 32, 64], name=f"mlp_{number}")
    hidden = mlp.apply(hidden)
spec = to_spec(hidden)
Editor(spec).close()  # the first one imports and warms up
"""
SHOW = "import time\nbegan = time.time()\neditor = Editor(spec)\neditor"
NODES = """(count) => new Promise((resolve, reject) => {
    const end = performance.now() + 60_000;
    const look = () => {
        const nodes = document.querySelectorAll('.wbe .react-flow__node');
        const seen = [...nodes].filter((one) => one.offsetWidth > 0);
        if (seen.length >= count) requestAnimationFrame(() => resolve(Date.now()));
        else if (performance.now() > end) reject(new Error(`${seen.length} nodes after a minute`));
        else requestAnimationFrame(look);
    };
    look();
})"""
# Records when messages of the kernel arrive that are as large as that of a board.
ARRIVALS = """
window.arrivals = [];
window.WebSocket = class extends WebSocket {
    constructor(...given) {
        super(...given);
        this.addEventListener('message', ({ data }) => {
            if ((data.byteLength ?? data.length) > 30_000) window.arrivals.push(performance.now());
        });
    }
};
"""
# Types a width into a field, and measures until the board arrives, and until an edge shows it.
EDIT = """([value, edge, text]) => new Promise((resolve, reject) => {
    const field = document.querySelector('.wbe [data-testid="field-dims"]');
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, value);
    field.dispatchEvent(new Event('input', { bubbles: true }));
    setTimeout(() => {
        window.arrivals.length = 0;
        const start = performance.now();
        const look = () => {
            const label = document.querySelector(`.wbe [data-testid="shape-${edge}"]`);
            if (label.textContent.includes(text)) {
                const [answer] = window.arrivals;
                requestAnimationFrame(() => resolve([answer - start, performance.now() - start]));
            } else if (performance.now() > start + 60_000) {
                reject(new Error(`the edge shows ${label.textContent} after a minute`));
            } else requestAnimationFrame(look);
        };
        field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
        look();
    });
})"""
# Drags a node, and returns the times of the frames in milliseconds.
DRAG = """(id) => new Promise((resolve) => {
    const node = document.querySelector(`.wbe .react-flow__node[data-id="${id}"]`);
    const box = node.getBoundingClientRect();
    let [x, y] = [box.left + 30, box.top + 20];
    const send = (type, target) => target.dispatchEvent(new MouseEvent(type, {
        clientX: x, clientY: y, bubbles: true, cancelable: true, view: window, button: 0,
        buttons: type === 'mouseup' ? 0 : 1,
    }));
    send('mousedown', node);
    const times = [];
    const step = (now) => {
        times.push(now);
        if (times.length > 120) {
            send('mouseup', window);
            resolve([times, node.getBoundingClientRect().left - box.left]);
            return;
        }
        x += times.length % 60 < 30 ? 2 : -2;
        y += 0.5;
        send('mousemove', window);
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""


class Figures(Page):
    """Rows of the results, measured in one JupyterLab."""

    def hierarchy(self) -> None:
        """Measure opening, edits and drags."""
        with self.notebook("bricks.ipynb", notebook_text(MODEL, SHOW), ARRIVALS) as notebook:
            notebook.run(0)
            notebook.run(1, wait=False)
            notebook.scroll_to(1)
            drawn = notebook.page.evaluate(NODES, 61) / 1000
            self.add("300 bricks open", drawn - float(notebook.ask("began")), 2, "s")
            size = int(notebook.ask("len(__import__('json').dumps(editor.board))"))
            self.add("message about all of them", size / 1000, 400, "kB")
            self.edits(notebook)
            self.drags(notebook)

    def edits(self, notebook: Notebook) -> None:
        """Measure edits of the first and of a later brick."""
        # The shapes behind an edit that does not fit are not known, so the later brick is first.
        for name, after in (("mlp_50", "mlp_51"), ("mlp_0", "mlp_1")):
            notebook.page.locator(f'.wbe .react-flow__node[data-id="{name}"] b').click()
            notebook.find("field-dims").wait_for()
            times = []
            for number in range(3 if self.quick else 8):
                width = 70 + number
                given = [f"64, 32, {width}", f"{after}.input_.0", f"batch × {width}"]
                times.append(notebook.page.evaluate(EDIT, given))
                until(lambda: notebook.find("editor").get_attribute("data-waiting") == "false")
            answered, drawn = (statistics.median(some) for some in zip(*times, strict=True))
            self.add(f"the check of an edit of {name} returns, median", answered, 150, "ms")
            row = {"work": f"an edit of {name} is drawn, median (ms)", "measured": drawn}
            self.rows.append({**row, **NO_TARGET})

    def drags(self, notebook: Notebook) -> None:
        """Measure the rate of frames while a node is dragged."""
        times, moved = notebook.page.evaluate(DRAG, "mlp_5")
        assert abs(moved) > 1, "the node did not move"
        rate = 1000 * (len(times) - 1) / (times[-1] - times[0])
        judged = Target(30, at_least=True, unit="frames/s").judge(rate)
        self.rows.append({"work": "a drag (frames/s)", "measured": rate, **judged})


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
        figures.hierarchy()
    return figures.rows
