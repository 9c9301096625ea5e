"""Where data files are looked for."""

from __future__ import annotations

from pathlib import Path


def data_folders() -> list[Path]:
    """Return the folders of `config.data_path` that exist, with ``~`` resolved."""
    from workbench.config import config

    folders = [Path(folder).expanduser() for folder in config.data_path]
    return [folder for folder in folders if folder.is_dir()]
