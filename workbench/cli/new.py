"""The ``new`` command, which creates a project folder with a notebook."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from workbench.errors import ArgumentError

EXAMPLES = """\b
Examples:
  workbench new digits
  workbench new ~/projects/digits && workbench lab ~/projects/digits
"""
EXISTS = "{path} already exists, and nothing was changed; choose another name"
NO_NAME = "the name of a project must contain letters or digits, but {name!r} does not"

CELLS = [
    (
        "markdown",
        "# {title}\n\nReplace the data below with your own, such as a table "
        '(`wb.fit(model, frame, target="column")`) or a folder of images.',
    ),
    ("code", "import workbench as wb"),
    (
        "code",
        'data = wb.Iris(("all",))\nmodel = [wb.Linear(output_dim=16), wb.Rectifier(), wb.Linear()]',
    ),
    (
        "code",
        "session = wb.fit(model, data, epochs=100, step_rule=wb.Adam(learning_rate=0.01))\nsession",
    ),
    (
        "markdown",
        "Training runs in the background. In the view above, you can change the learning rate, "
        "pause or rewind. The next cell waits until training ends.",
    ),
    ("code", "session.wait()\nsession.log.epochs.tail()"),
    ("markdown", "The following program does the same and is ready to edit:"),
    ("code", "session.recipe()"),
]
IGNORED = "*.sqlite\n*.sqlite-*\n*.sqlite.sweeps/\n*.tar\n.ipynb_checkpoints/\n"


@click.command(epilog=EXAMPLES)
@click.argument("name", type=click.Path())
def new(name: str) -> None:
    """Create the folder NAME with a notebook that trains a small model."""
    folder = Path(name).expanduser()
    title = folder.name
    if not re.search(r"\w", title):
        raise ArgumentError(NO_NAME.format(name=name))
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise ArgumentError(EXISTS.format(path=folder)) from None
    path = folder / f"{title}.ipynb"
    path.write_text(json.dumps(notebook(title), indent=1) + "\n", encoding="utf-8")
    (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
    click.echo(f"{path}\nOpen it with: workbench lab {path}")


def notebook(title: str) -> dict[str, Any]:
    """Return the notebook of a new project."""
    cells = []
    for number, (kind, text) in enumerate(CELLS):
        cell: dict[str, Any] = {
            "id": f"cell-{number:02}",
            "cell_type": kind,
            "metadata": {},
            "source": text.replace("{title}", title),
        }
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        cells.append(cell)
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "cells": cells,
    }
