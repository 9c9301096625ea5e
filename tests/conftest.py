"""Fixtures that more than one part of the tests uses."""

import pytest

from tests.support import chromium as browser


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; without one the test is skipped, in CI it fails."""
    path = browser.find()
    if path is None:
        (pytest.fail if browser.required() else pytest.skip)(browser.ABSENT)
    return path
