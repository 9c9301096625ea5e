"""Common setup of tests, doctests and notebooks: default settings and repeatable examples."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import notebooks

for variable in list(os.environ):
    if variable.startswith("WORKBENCH_"):
        del os.environ[variable]
os.environ["WORKBENCH_CONFIG"] = os.devnull  # ignore the user's settings, in subprocesses too
# Kernels and other subprocesses import this checkout, wherever they start.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])
)

pytest_plugins = ["tests.support.leftovers"]

FAILED = pytest.StashKey[frozenset[str]]()

settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options of notebooks and browser tests; pytest reads options from this folder only."""
    parser.addoption("--full", action="store_true", help="run notebooks without short settings")
    browser = parser.getgroup("browser", "browser tests")
    browser.addoption(
        "--windowing",
        default="contentVisibility",
        help="JupyterLab's windowing modes to test in, separated by commas, or all",
    )
    browser.addoption(
        "--kernel",
        default="installed",
        help="versions of ipykernel to test on, separated by commas, or all",
    )
    browser.addoption(
        "--minutes", type=float, help="start no test after this time; report what was left out"
    )


@pytest.fixture
def flowers_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the table of the README's example, ``flowers.csv``, to a new working directory."""
    import pandas as pd

    from workbench.data import Iris

    iris = Iris()
    measurements, species = iris.get_data(slice(0, 150))
    table = pd.DataFrame(measurements, columns=iris.measurements)
    table["species"] = [iris.classes[index] for index in species[:, 0]]
    table.to_csv(tmp_path / "flowers.csv", index=False)
    monkeypatch.chdir(tmp_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Change the cells of notebooks to the short settings of tests."""
    for item in items:
        if item.path.suffix == ".ipynb" and not config.option.full:
            item.cell.source = notebooks.shorten(item.path.stem, item.cell.source)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the garbage collector the thousands of tests, which exist to the end of the run."""
    gc.collect()
    gc.freeze()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Read which tests failed the last time; passing tests are removed from the cache."""
    cache = getattr(session.config, "cache", None)  # missing with `-p no:cacheprovider`
    last = {} if cache is None else cache.get("cache/lastfailed", {})
    session.config.stash[FAILED] = frozenset(last)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tests that passed only at a second attempt, with ``--lf``."""
    config = terminalreporter.config
    if not getattr(config.option, "lf", False):
        return
    names = {
        outcome: {report.nodeid for report in terminalreporter.getreports(outcome)}
        for outcome in ("passed", "failed", "error")
    }
    steady = names["failed"] | names["error"]
    for name in sorted((names["passed"] - steady) & config.stash[FAILED]):
        terminalreporter.line(f"UNSTEADY: {name} failed, and passed at the next attempt")
