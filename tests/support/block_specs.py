"""The specifications of the ready-made blocks, found from their code.

``python -m tests.support.block_specs`` writes ``workbench/builder/blocks.json``.
"""

from __future__ import annotations

import json

from workbench.builder import from_code
from workbench.builder.blocks import ALL, SPECS


def text() -> str:
    """Return the contents of the file."""
    found = {block.name: from_code(block.code).to_dict() for block in ALL}
    return f"{json.dumps(found, indent=1)}\n"


if __name__ == "__main__":
    SPECS.write_text(text(), encoding="utf-8")
