"""A real JupyterLab on this machine, driven by Playwright in Chromium.

`jupyter_lab` starts the server. `Notebook` is one notebook open in a page: it runs cells, reads
their outputs and clicks. JupyterLab has its default settings, except that it fetches no news and
that a test can choose the windowing mode. A test fails on every request that leaves this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.support import kernels

from .setups import WINDOWING

ROOT = Path(__file__).parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
}
NOTEBOOKS = "@jupyterlab/notebook-extension/tracker"
LOCAL = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:")
PANELS = "[...window.jupyterapp.shell.widgets('main')].filter((one) => one.content?.scrollToItem)"
NOTEBOOK = f"{PANELS}[0]"
# The distance to scroll until a cell is at the top, and the current scroll position. Cells out of
# sight may have no position yet.
DISTANCE = f"""([index, panel]) => {{
    const {{ content }} = {PANELS}[panel];
    const frame = content.node.getBoundingClientRect();
    const outer = content.node.querySelector('.jp-WindowedPanel-outer');
    const boxes = content.widgets.map((cell) => cell.node.getBoundingClientRect());
    const box = boxes[index];
    if (box.height) return [box.top - frame.top - 20, outer.scrollTop];
    const seen = boxes.findIndex((one) => one.height && one.bottom > frame.top);
    return [(seen < index ? 0.7 : -0.7) * frame.height, outer.scrollTop];
}}"""
PAINTED = """(canvas) => {
    const { width, height } = canvas;
    const colours = new Uint32Array(
        canvas.getContext('2d').getImageData(0, 0, width, height).data.buffer);
    return new Set(colours).size > 5;
}"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], Any], *, timeout: float = 60.0, what: str = "") -> Any:
    """Wait until `condition` returns a true value, and return it.

    The timeout is long enough for a busy machine: no test passes because a wait is short.
    """
    end = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"no success within {timeout} s: {what or condition}")
        time.sleep(0.05)


@dataclass
class Lab:
    """Running JupyterLab.

    Parameters
    ----------
    base : str
        Address of the server.
    root : Path
        The served folder.
    settings : Path
        The folder of its settings, which are read whenever a page is loaded.

    """

    base: str
    root: Path
    settings: Path

    def set(self, name: str, values: dict[str, Any]) -> None:
        """Write the settings of one extension, for pages that are loaded from now on."""
        path = self.settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def set_windowing(self, mode: str) -> None:
        """Choose when outputs are attached to the page; the default is left unset."""
        self.set(NOTEBOOKS, {} if mode == WINDOWING[0] else {"windowingMode": mode})

    def kernelspec(self, version: str) -> dict[str, str]:
        """Return the metadata of a notebook for its kernel."""
        name = "python3" if version == kernels.INSTALLED else version
        return {"name": name, "display_name": name, "language": "python"}


@contextlib.contextmanager
def jupyter_lab(root: Path, versions: Iterable[str] = ()) -> Iterator[Lab]:
    """Serve `root` on 127.0.0.1, with these versions of ipykernel besides the installed one."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="lab-") as home:
        lab = Lab(f"http://127.0.0.1:{port}", root, Path(home, "settings"))
        for name, values in SETTINGS.items():
            lab.set(name, values)
        for version in set(versions) - {kernels.INSTALLED}:
            kernels.write_spec(Path(home, "data", "kernels"), version)
        environment = dict(
            os.environ,
            JUPYTER_CONFIG_DIR=f"{home}/config",
            JUPYTER_DATA_DIR=f"{home}/data",
            JUPYTER_RUNTIME_DIR=f"{home}/runtime",
            JUPYTERLAB_SETTINGS_DIR=f"{home}/settings",
            JUPYTERLAB_WORKSPACES_DIR=f"{home}/workspaces",
            IPYTHONDIR=f"{home}/ipython",
            WORKBENCH_BLOCKS_PATH=f"{home}/blocks",
            JUPYTER_PLATFORM_DIRS="1",
            PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        )
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
            *("--IdentityProvider.token=", f"--ServerApp.root_dir={root}"),
            *("--expose-app-in-browser", "--LabApp.extension_manager=readonly"),
            "--JupyterNotebookApp.expose_app_in_browser=True",
        ]
        log = Path(home, "log")
        with log.open("w") as out:
            server = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
        try:
            until(lambda: answers(lab.base, server, log), timeout=90, what="the server's start")
            yield lab
        finally:
            server.terminate()  # ends its kernels, too
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def answers(base: str, server: subprocess.Popen[bytes], log: Path) -> bool:
    """Return True if the server answers; raise an error if it has ended."""
    if server.poll() is not None:
        raise RuntimeError(f"JupyterLab ended with {server.returncode}:\n{log.read_text()[-3000:]}")
    try:
        with urllib.request.urlopen(f"{base}/api/status", timeout=1):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def headless(executable: str) -> Iterator[Browser]:
    """Yield a headless browser without background requests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, headless=True, args=CHROMIUM_FLAGS
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def guarded_page(browser: Browser) -> Iterator[Page]:
    """Yield a page; fail at the end if it sent a request to another machine."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    offsite: list[str] = []
    page.on(
        "request",
        lambda request: None if request.url.startswith(LOCAL) else offsite.append(request.url),
    )
    yield page
    context.close()
    assert offsite == []


class Notebook:
    """Notebook open in JupyterLab.

    Parameters
    ----------
    page : Page
        The page of the browser.
    base : str
        Address of the server.
    path : Path
        The file, directly in the served folder.

    """

    def __init__(self, page: Page, base: str, path: Path) -> None:
        self.page, self.base, self.path = page, base, path

    def open(self) -> None:
        """Open the notebook in the page, with a new workspace, and wait for its kernel."""
        self.page.goto(f"{self.base}/lab/tree/{self.path.name}?reset")
        self.ready()

    def ready(self) -> None:
        """Wait until the kernel is idle, or busy with a cell that was already running."""
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=90_000)
        self.page.wait_for_function(
            f"""() => ['idle', 'busy'].includes(
                {NOTEBOOK}?.sessionContext?.session?.kernel?.status)""",
            timeout=90_000,
        )

    def run(self, index: int, *, wait: bool = True, timeout: float = 120.0) -> None:
        """Run a cell as a user does, and wait until it is done."""
        before = self.count(index)
        self.select(index)
        self.command("notebook:run-cell")
        if wait:
            until(
                lambda: self.count(index) not in (None, before),
                timeout=timeout,
                what=f"the end of cell {index}",
            )

    def select(self, index: int) -> None:
        """Make a cell the only active one."""
        self.page.evaluate(
            f"""(index) => {{
                {NOTEBOOK}.content.activeCellIndex = index;
                {NOTEBOOK}.content.deselectAll();
            }}""",
            index,
        )

    def run_all(self, *, timeout: float = 400.0) -> None:
        """Run all cells from the top, and wait until the last one is done."""
        self.command("notebook:run-all-cells")
        last = max(i for i, kind in enumerate(self.kinds()) if kind == "code")
        until(lambda: self.count(last) is not None, timeout=timeout, what="the last cell")

    def walk(self, by_hand: Mapping[str, Callable[[], object]] | None = None) -> None:
        """Run the code cells one after the other by Shift+Enter, as a reader does.

        Parameters
        ----------
        by_hand : dict of str to callable, optional
            What the reader does before a cell, keyed by a text of the cell. If a function returns
            True, the reader has done the work of the cell, which is not run.
        """
        steps = {self.index(text): step for text, step in (by_hand or {}).items()}
        for index in [i for i, kind in enumerate(self.kinds()) if kind == "code"]:
            if index in steps and steps[index]():
                continue
            self.run_by_key(index)

    def run_by_key(self, index: int) -> None:
        """Click into a cell, press Shift+Enter, and wait until the cell is done."""
        self.scroll_to(index)
        code = self.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"] .cm-content')
        code.click(position={"x": 20, "y": 8})
        self.page.keyboard.press("Shift+Enter")
        until(partial(self._is_done, index), timeout=120, what=f"the end of cell {index}")

    def _is_done(self, index: int) -> bool:
        return self.count(index) is not None

    def command(self, name: str, **arguments: Any) -> None:
        """Execute a command of JupyterLab, without waiting for its end."""
        self.page.evaluate(
            f"""([name, given]) => {{
                window.jupyterapp.shell.activateById({NOTEBOOK}?.id);
                window.jupyterapp.commands.execute(name, given);
            }}""",
            [name, arguments],
        )

    def kinds(self) -> list[str]:
        """Return the type of every cell."""
        kinds: list[str] = self.page.evaluate(
            f"() => [...{NOTEBOOK}.content.widgets].map((cell) => cell.model.type)"
        )
        return kinds

    def count(self, index: int) -> int | None:
        """Return the execution count of a cell that is done, or None."""
        count: int | None = self.page.evaluate(
            f"""(index) => {{
                const model = {NOTEBOOK}.content.widgets[index].model;
                return model.executionState === 'running' ? null : model.executionCount;
            }}""",
            index,
        )
        return count

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Return the outputs of a cell in the format of a notebook file."""
        outputs: list[dict[str, Any]] = self.page.evaluate(
            f"(index) => {NOTEBOOK}.content.widgets[index].model.outputs.toJSON()", index
        )
        return outputs

    def text(self, index: int) -> str:
        """Return all text in the outputs of a cell."""
        parts = []
        for output in self.outputs(index):
            text = output.get("text") or output.get("data", {}).get("text/plain") or ""
            parts.append("".join(text))
            parts += [output.get("evalue", "")]
        return "\n".join(parts)

    def errors(self) -> list[tuple[int, str, str]]:
        """Return cell index, class and message of every error that a cell shows."""
        return [
            (index, output["ename"], output["evalue"])
            for index, kind in enumerate(self.kinds())
            if kind == "code"
            for output in self.outputs(index)
            if output["output_type"] == "error"
        ]

    def ask(self, expression: str) -> str:
        """Evaluate an expression in the kernel, outside of all cells; return its text."""
        answer: str = self.page.evaluate(
            f"""async (expression) => {{
                const kernel = {NOTEBOOK}.sessionContext.session.kernel;
                const reply = await kernel.requestExecute(
                    {{code: '', store_history: false, user_expressions: {{answer: expression}}}}
                ).done;
                const answer = reply.content.user_expressions.answer;
                return answer.data?.['text/plain'] ?? `${{answer.ename}}: ${{answer.evalue}}`;
            }}""",
            expression,
        )
        return answer

    def answer_time(self) -> float:
        """Return the seconds between sending a line of code to the kernel and its answer."""
        seconds: float = self.page.evaluate(
            f"""async () => {{
                const kernel = {NOTEBOOK}.sessionContext.session.kernel;
                const start = performance.now();
                await kernel.requestExecute({{code: '1 + 1', store_history: false}}).done;
                return (performance.now() - start) / 1000;
            }}"""
        )
        return seconds

    def display_messages(self, seconds: float) -> list[float]:
        """Return the times of the display messages that the kernel sends in the next `seconds`."""
        sent: list[str] = self.page.evaluate(
            f"""async (seconds) => {{
                const kernel = {NOTEBOOK}.sessionContext.session.kernel;
                const sent = [];
                const note = (_, message) => {{
                    const type = message.header.msg_type;
                    if (/^comm|display_data$/.test(type)) sent.push(message.header.date);
                }};
                kernel.iopubMessage.connect(note);
                await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
                kernel.iopubMessage.disconnect(note);
                return sent;
            }}""",
            seconds,
        )
        return [datetime.fromisoformat(date).timestamp() for date in sent]

    def canvas(self, index: int | None = None) -> str:
        """Return the image on the canvas of the first plot, or of the plot in a cell."""
        plot = self.find("plot") if index is None else self.cell(index)
        image: str = plot.locator("canvas").first.evaluate("(canvas) => canvas.toDataURL()")
        return image

    def index(self, text: str) -> int:
        """Return the index of the first code cell whose source contains `text`."""
        sources: list[str] = self.page.evaluate(
            f"""() => [...{NOTEBOOK}.content.widgets].map((cell) =>
                cell.model.type === 'code' ? cell.model.sharedModel.getSource() : '')"""
        )
        return next(i for i, source in enumerate(sources) if text in source)

    def reload(self) -> None:
        """Load the page again, as it was saved, with the same kernel."""
        self.page.goto("about:blank")
        self.open()

    def close(self) -> None:
        """Close the notebook's tab; the page and the kernel stay open."""
        self.page.evaluate(f"() => {{ {NOTEBOOK}.close(); }}")
        until(lambda: self.page.locator(".jp-NotebookPanel").count() == 0, what="closing")

    def reopen(self) -> None:
        """Open the notebook again, as a double click on the file does."""
        self.command("docmanager:open", path=self.path.name)
        self.ready()

    def find(self, testid: str) -> Locator:
        """Return the first element in the outputs with this test id."""
        return self.page.locator(f'.jp-OutputArea [data-testid="{testid}"]').first

    def look_at(self, testid: str) -> None:
        """Scroll to the cell that shows an element; out of sight it may not be in the page."""
        for index, kind in enumerate(self.kinds()):
            if kind == "code" and any("widget" in name for name in self.mime_types(index)):
                self.scroll_to(index)
                element = self.find(testid)
                with contextlib.suppress(PlaywrightTimeout):
                    element.scroll_into_view_if_needed(timeout=10_000)
                    return
        raise AssertionError(f"no cell shows {testid!r}")

    def type_rate(self, text: str) -> None:
        """Type a learning rate into its field, and wait for the receipt."""
        row = self.page.locator('[data-testid="number"][data-path="learning_rate"]').first
        row.get_by_test_id("value").fill(text)
        row.get_by_test_id("value").press("Enter")
        answer = row.get_by_test_id("number-receipt")
        until(lambda: answer.inner_text().startswith("applied at iteration"), what="the receipt")

    def scroll_to(self, index: int, *, panel: int = 0) -> None:
        """Turn the mouse wheel until a cell is at the top, or the notebook ends."""

        def there() -> bool:
            distance, before = self.page.evaluate(DISTANCE, [index, panel])
            if abs(distance) < 60:
                return True
            self.turn_wheel(distance, panel=panel)
            self.page.wait_for_timeout(100)
            distance, after = self.page.evaluate(DISTANCE, [index, panel])
            return bool(before == after and abs(distance) < 700)

        until(there, what=f"cell {index} in sight")

    def turn_wheel(self, distance: float, *, panel: int = 0) -> None:
        """Turn the mouse wheel with the pointer beside the cells."""
        frame = self.page.locator(".jp-WindowedPanel-outer").nth(panel).bounding_box()
        assert frame is not None
        self.page.mouse.move(frame["x"] + 20, frame["y"] + frame["height"] / 2)
        self.page.mouse.wheel(0, distance)

    def cell(self, index: int, *, panel: int = 0) -> Locator:
        """Return the output of a cell; out of sight it may not be in the page."""
        return (
            self.page.locator(".jp-NotebookPanel")
            .nth(panel)
            .locator(f'.jp-Cell[data-windowed-list-index="{index}"] .jp-OutputArea')
        )

    def drawn(self, index: int, *, panel: int = 0) -> bool:
        """Return True if the live view in a cell has points and has drawn them."""
        plot = self.cell(index, panel=panel).locator('[data-testid="plot"].wb-drawn').first
        if not plot.count() or int(plot.get_attribute("data-points") or 0) == 0:
            return False
        painted: bool = plot.locator("canvas").first.evaluate(PAINTED)
        return painted

    def complaints(self, index: int, *, panel: int = 0) -> str:
        """Return the problems that the output of a cell shows, as text."""
        cell = self.cell(index, panel=panel)
        lines = cell.locator(".wb-problem:visible, .wb-kernel-notice:visible").all_inner_texts()
        dead = cell.get_by_text("Error displaying widget").locator("visible=true")
        still = cell.locator(".wb-still:visible, .jp-RenderedImage img:visible")
        lines += dead.all_inner_texts() + ["the still output is visible, too"] * still.count()
        return "; ".join(lines)

    def mime_types(self, index: int) -> set[str]:
        """Return the MIME types in the outputs of a cell."""
        return {name for output in self.outputs(index) for name in output.get("data", {})}

    def save(self) -> dict[str, Any]:
        """Save the notebook, and return the contents of its file."""
        # Do not wait until nothing is left to save: a running session keeps writing images.
        self.page.evaluate(f"async () => {{ await {NOTEBOOK}.context.save(); }}")
        saved: dict[str, Any] = json.loads(self.path.read_text())
        return saved

    def add_cell(self, source: str) -> int:
        """Append a code cell; return its index."""
        self.page.evaluate(
            f"""(source) => {NOTEBOOK}.content.model.sharedModel.addCell(
                {{cell_type: 'code', source}})""",
            source,
        )
        return len(self.kinds()) - 1

    def shut_down(self) -> None:
        """Shut down the kernel."""
        self.page.evaluate(f"{NOTEBOOK}.sessionContext.shutdown()")

    def restart(self) -> None:
        """Restart the kernel, and wait until it is idle."""
        self.page.evaluate(f"async () => {{ await {NOTEBOOK}.sessionContext.restartKernel(); }}")
        self.ready()


class Notebook7(Notebook):
    """Notebook open in Jupyter Notebook, which the server of JupyterLab serves as well."""

    def open(self) -> None:
        self.page.goto(f"{self.base}/notebooks/{self.path.name}")
        self.ready()


@contextlib.contextmanager
def busy(notebook: Notebook) -> Iterator[None]:
    """Keep the kernel busy with a cell during the context."""
    end = notebook.path.with_suffix(".over")
    end.unlink(missing_ok=True)
    index = notebook.add_cell(
        f"import os, time\nwhile not os.path.exists({str(end)!r}): time.sleep(0.01)"
    )
    notebook.run(index, wait=False)
    status = f"{NOTEBOOK}.sessionContext.session.kernel.status"
    until(lambda: notebook.page.evaluate(status) == "busy", what="a busy kernel")
    try:
        yield
        assert notebook.count(index) is None
    finally:
        end.touch()
        until(lambda: notebook.count(index) is not None, what="the end of the busy cell")


def notebook_text(*cells: str) -> str:
    """Return the text of a notebook with these code cells."""
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    text: str = nbformat.writes(content)
    return text
