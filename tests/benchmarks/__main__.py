"""``python -m tests.benchmarks``: run the benchmarks and write `results.md` beside this file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import checkpoint, loop
from tests.benchmarks.work import machine

RESULTS = Path(__file__).parent / "results.md"
BENCHMARKS = {"Main loop, monitoring, log and session": loop, "Checkpoints": checkpoint}


def table(rows: list[dict[str, object]]) -> str:
    """A Markdown table."""
    head = list(rows[0])
    lines = [head, ["---"] * len(head)]
    for row in rows:
        lines.append([f"{v:.2f}" if isinstance(v, float) else str(v) for v in row.values()])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Run everything, print it and keep it."""
    parts = [
        "# Results of `make bench`\n",
        f"{datetime.now(UTC):%Y-%m-%d}, on {machine()}.\n",
        "Best of several rounds in one run, contenders in turn; compare ratios, not times.\n",
    ]
    for title, module in BENCHMARKS.items():
        parts.append(f"## {title}\n\n{module.__doc__.split(chr(10), 2)[2].strip()}\n")
        parts.append(table(module.rows()) + "\n")
    RESULTS.write_text("\n".join(parts))
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
