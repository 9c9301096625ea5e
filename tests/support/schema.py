"""Writes the published JSON Schema of specifications: ``python -m tests.support.schema``."""

from workbench.builder.schema import FILE, text

if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
