"""Notebooks with the short settings of tests, which ``tests/notebooks/settings.toml`` lists."""

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "notebooks"
SETTINGS = Path(__file__).parents[1] / "notebooks" / "settings.toml"


@cache
def settings() -> dict[str, dict[str, str]]:
    """Read the replacements of every notebook, keyed by the name of its file without suffix."""
    return tomllib.loads(SETTINGS.read_text(encoding="utf-8"))


def paths() -> list[Path]:
    """Return the paths of all notebooks in their order."""
    return sorted(FOLDER.glob("*.ipynb"))


def code_of(path: Path) -> list[str]:
    """Return the sources of the code cells of a notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def shorten(name: str, source: str) -> str:
    """Return the source of a cell with the short settings of its notebook."""
    for text, short in settings().get(name, {}).items():
        source = source.replace(text, short)
    return source


def short_text(path: Path) -> str:
    """Return a whole notebook as text, with its short settings."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = shorten(path.stem, "".join(cell["source"]))
    return json.dumps(notebook)
