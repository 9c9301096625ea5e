"""A fixture that runs a function in several processes, which stay for many tests."""

import pytest

from tests.support.ranks import Crews


@pytest.fixture(scope="session")
def together():
    """Return a function of a number of processes, a function of their group, and its arguments."""
    crews = Crews()
    yield crews
    crews.close()
