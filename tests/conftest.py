"""Fixtures that more than one part of the tests uses."""

import os
import zlib
from collections.abc import Iterator

import pytest
import torch

from tests.support import chromium as browser
from workbench.session import Session, running_sessions


def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers for ``-n auto``: many tests wait for other processes."""
    return max(2, 3 * (os.cpu_count() or 1) // 2)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; without one the test is skipped, in CI it fails."""
    path = browser.find()
    if path is None:
        (pytest.fail if browser.required() else pytest.skip)(browser.ABSENT)
    return path


@pytest.fixture(autouse=True)
def seeded(request: pytest.FixtureRequest) -> None:
    """Seed torch with the name of the test, so that a test draws the same numbers each time."""
    torch.manual_seed(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture
def no_session_is_left() -> Iterator[None]:
    """Stop the sessions that a test has started, and wait until their threads have ended."""
    yield
    for session in running_sessions.running().values():
        if not isinstance(session, Session):
            session.close()
            continue
        session.stop()
        assert session._worker.ended.wait(300)
