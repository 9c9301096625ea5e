"""What is rewritten in these tests is checked."""

from tests.support.checked import every_rewrite_is_checked  # noqa: F401
