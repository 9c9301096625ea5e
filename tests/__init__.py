"""The tests, laid out like the sources, and what they share in `tests.support`."""
