"""Deprecations, and that none outlives its version of removal."""

import importlib
import tomllib
import warnings

import pytest

from tests.support.tree import ROOT, modules
from workbench import deprecation
from workbench.deprecation import Deprecation, overdue
from workbench.errors import ArgumentError

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


@pytest.fixture(autouse=True)
def own(monkeypatch):
    """Restore the list of deprecations after the test."""
    monkeypatch.setattr(deprecation, "_known", list(deprecation._known))


def test_no_deprecated_name_outlives_its_version():
    for name in modules():
        if not name.endswith("__main__"):
            importlib.import_module(name)
    late = [f"remove {known.old}, as promised for {known.removal}" for known in overdue(VERSION)]
    assert not late


@pytest.mark.parametrize(
    ("current", "due"), [("0.2.9", False), ("0.3", True), ("0.3.1", True), ("0.10", True)]
)
def test_a_name_is_overdue_from_its_version_on(current, due):
    halt = Deprecation("halt()", "pause()", removal="0.3")
    assert (halt in overdue(current)) is due


def test_the_warning_names_old_new_and_version_and_stands_at_the_users_line():
    @Deprecation("halt()", "pause()", removal="9.0")
    def halt():
        """Stop."""

    text = r"halt\(\) is deprecated and will be removed in version 9.0; use pause\(\) instead"
    with pytest.warns(DeprecationWarning, match=text) as caught:
        halt()
    assert caught[0].filename == __file__ and halt.__doc__ == "Stop."


def test_warn_stands_at_the_line_that_calls_the_function():
    old = Deprecation("a", "b", removal="9.0")

    def use():
        old.warn()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        use()
    assert caught[0].filename == __file__ and caught[0].lineno == use.__code__.co_firstlineno + 5


@pytest.mark.parametrize("removal", ["", "soon", "1", "1.x", "v1.0"])
def test_a_removal_that_is_not_a_version_is_refused(removal):
    with pytest.raises(ArgumentError, match=r"removal=.* must be a version such as '0.3'"):
        Deprecation("a", "b", removal=removal)
