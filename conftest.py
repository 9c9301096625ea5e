"""Common setup of tests, doctests and notebooks: default settings and repeatable examples."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

for variable in list(os.environ):
    if variable.startswith("WORKBENCH_"):
        del os.environ[variable]
os.environ["WORKBENCH_CONFIG"] = os.devnull  # ignore the user's settings, in subprocesses too
# Kernels and other subprocesses import this checkout, wherever they start.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])
)

settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the browser tests; pytest reads options from this folder only."""
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
