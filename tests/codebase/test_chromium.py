"""Search for the browser of the browser tests, and the error if it is required but missing."""

import sys

import pytest

from tests.support import chromium


def test_a_named_browser_is_the_only_one_tried(monkeypatch):
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert chromium.find() == sys.executable
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    assert chromium.find() is None


def test_the_first_of_the_usual_names_is_taken(monkeypatch, tmp_path):
    browser = tmp_path / "google-chrome"
    browser.touch(mode=0o755)
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium.find() == str(browser)


def test_without_apt_nothing_is_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium.install() == "cannot install Chromium: there is no apt-get here"


@pytest.mark.parametrize("value, required", [("1", True), ("0", False), ("", False)])
def test_only_ci_requires_a_browser(monkeypatch, value, required):
    monkeypatch.setenv("TESTS_REQUIRE_BROWSER", value)
    assert chromium.required() is required
