"""Helpers that tests share, and tools that report on the project."""
