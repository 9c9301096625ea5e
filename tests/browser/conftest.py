"""Fixtures: a running JupyterLab, a browser, and notebooks open in it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from .canvas import CELLS, Canvas
from .lab import ROOT, Lab, Notebook, guarded_page, headless, jupyter_lab, notebook_text
from .setups import Setup, setups

LEFT_OUT = "left out: the time limit --minutes is reached"
BEGIN = pytest.StashKey[float]()
FIRST = ROOT / "notebooks" / "01_first_training.ipynb"

FIRST_USE = {
    "test_buttons", "test_building_by_mouse", "test_building_notebook", "test_editor",
    "test_editor_tasks", "test_first_notebook", "test_first_steps", "test_five_lines", "test_live",
    "test_steer", "test_steering_notebook",
}  # fmt: skip
"""Files that test what a new user does; the tests in all other files are slow."""


def endless_notebook() -> str:
    """Return the first notebook, whose run has no end, up to the first cell that waits."""
    content = json.loads(FIRST.read_text(encoding="utf-8"))
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    end = next(i for i, cell in enumerate(cells) if "session.wait(" in "".join(cell["source"]))
    content["cells"] = cells[:end]
    return json.dumps(content)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(600))  # kernel and browser start slowly
            if item.path.stem not in FIRST_USE:
                item.add_marker(pytest.mark.slow)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "setup" in metafunc.fixturenames:
        options = metafunc.config.option
        given = setups(options.windowing, options.kernel)
        metafunc.parametrize("setup", given, ids=str, scope="session")


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[BEGIN] = time.monotonic()


def pytest_runtest_setup(item: pytest.Item) -> None:
    minutes = item.config.option.minutes
    if minutes is not None and time.monotonic() - item.config.stash[BEGIN] > 60 * minutes:
        pytest.skip(LEFT_OUT)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the outcomes of every setup."""
    options = terminalreporter.config.option
    reports = [
        (outcome, report.nodeid)
        for outcome in ("passed", "failed", "error", "skipped")
        for report in terminalreporter.getreports(outcome)
        if report.nodeid.startswith("tests/browser/")
    ]
    if not reports:
        return
    terminalreporter.section("windowing mode and kernel of the browser tests")
    for setup in setups(options.windowing, options.kernel):
        found = Counter(
            outcome for outcome, name in reports if str(setup) in name.partition("[")[2]
        )
        counts = ", ".join(f"{count} {outcome}" for outcome, count in found.items())
        terminalreporter.line(f"{setup}: {counts or 'nothing ran'}")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with headless(chromium) as browser:
        yield browser


@pytest.fixture(scope="session")
def lab(
    chromium: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """Yield a running JupyterLab with all kernels that are tested."""
    options = request.config.option
    kernels = {setup.kernel for setup in setups(options.windowing, options.kernel)}
    with jupyter_lab(tmp_path_factory.mktemp("lab"), kernels) as lab:
        yield lab


@pytest.fixture(scope="module")
def open_notebook(browser: Browser, lab: Lab, setup: Setup) -> Iterator[Callable[..., Notebook]]:
    """Yield a function that opens a notebook, given its file name and text, and a front end."""
    lab.set_windowing(setup.windowing)
    with ExitStack() as stack:

        def open_notebook(name: str, text: str, front_end: type[Notebook] = Notebook) -> Notebook:
            content = json.loads(text)
            content["metadata"]["kernelspec"] = lab.kernelspec(setup.kernel)
            path = lab.root / name
            path.write_text(json.dumps(content), encoding="utf-8")
            notebook = front_end(stack.enter_context(guarded_page(browser)), lab.base, path)
            notebook.open()
            stack.callback(notebook.shut_down)
            return notebook

        yield open_notebook


@pytest.fixture(scope="module")
def notebook(open_notebook: Callable[..., Notebook], request: pytest.FixtureRequest) -> Notebook:
    """Return a notebook that shows an editor, named after the module."""
    name = request.module.__name__.rpartition(".")[2]
    notebook = open_notebook(f"{name}.ipynb", notebook_text(*CELLS))
    notebook.run(0)
    assert notebook.errors() == []
    notebook.scroll_to(0)
    return notebook


@pytest.fixture
def canvas(notebook: Notebook) -> Iterator[Canvas]:
    """Yield the editor of the notebook, with an empty canvas; nothing must be refused on it."""
    notebook.ask("editor.drawing.clear()")
    canvas = Canvas(notebook)
    canvas.find("empty").wait_for()
    canvas.find("stream-digits").wait_for()  # the palette has arrived, too
    yield canvas
    assert notebook.page.locator(".wbe-toast[data-kind=refused]").all_inner_texts() == []
