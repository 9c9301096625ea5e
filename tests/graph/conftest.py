"""Fixtures that check graphs after every rewrite."""

from tests.support.checked import every_rewrite_is_checked  # noqa: F401
