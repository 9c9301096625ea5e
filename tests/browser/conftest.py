"""A JupyterLab, a browser, and notebooks open in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from .lab import ROOT, Notebook, guarded_page, headless, jupyter_lab

FIRST = ROOT / "notebooks" / "01_first_training.ipynb"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.timeout(600))  # kernel and browser start on a busy machine


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with headless(chromium) as browser:
        yield browser


@pytest.fixture(scope="session")
def lab(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address and folder of a JupyterLab."""
    root = tmp_path_factory.mktemp("lab")
    with jupyter_lab(root) as base:
        yield base, root


@pytest.fixture(scope="module")
def open_notebook(
    browser: Browser, lab: tuple[str, Path]
) -> Iterator[Callable[[str, str], Notebook]]:
    """A function that opens a notebook with the given text under the given name."""
    base, root = lab
    with ExitStack() as stack:

        def open_notebook(name: str, text: str) -> Notebook:
            path = root / name
            path.write_text(text, encoding="utf-8")
            notebook = Notebook(stack.enter_context(guarded_page(browser)), base, path)
            notebook.open()
            stack.callback(notebook.shut_down)
            return notebook

        yield open_notebook
