"""Fixtures of the editor: those of the live layer, and a folder of its own for saved blocks."""

import pytest

from extensions_live.editor import block_files, blocks
from tests.live.conftest import hand_pump, wire
from workbench.config import config

__all__ = ["folder", "hand_pump", "wire"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Yield an empty folder for saved blocks, which a kernel has just begun to use."""
    config.blocks_path = tmp_path / "blocks"
    new_kernel(monkeypatch)
    yield config.blocks_path
    del config.blocks_path


def new_kernel(monkeypatch):
    """Forget the blocks that this process knows, as a new kernel does."""
    monkeypatch.setattr(blocks, "_own", {})
    monkeypatch.setattr(blocks, "saved", block_files.BlockFolder())
