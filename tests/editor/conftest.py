"""Fixtures of the live layer, for the editor."""

from tests.live.conftest import hand_pump, wire

__all__ = ["hand_pump", "wire"]
