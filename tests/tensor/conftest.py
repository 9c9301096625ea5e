"""Fixture for these tests: every rewrite is checked."""

from tests.support.checked import every_rewrite_is_checked  # noqa: F401
