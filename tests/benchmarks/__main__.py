"""``python -m tests.benchmarks``: run the benchmarks and write `results.md` beside this file.

``--only step,log`` runs some of them and keeps the other sections of the file. ``--quick`` measures
less, for a first impression, and writes nothing.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from tests.benchmarks.targets import NO, YES, Row, missed, table
from tests.benchmarks.work import machine
from workbench.config import config

RESULTS = Path(__file__).parent / "results.md"
BENCHMARKS = {
    "step": "A training step, against plain torch and peers",
    "gpu": "A training step on a GPU",
    "loop": "Main loop, monitoring, log, session and live views",
    "live": "Speed of a run with live views",
    "page": "Live views in a browser",
    "editor": "The visual editor in a browser",
    "distributed": "Several processes",
    "rewind": "Snapshots and rewinds",
    "log": "The log",
    "stream": "Data streams",
    "install": "The first installation",
    "imports": "Importing",
    "cache": "A warm compile cache",
    "growth": "Growth",
    "checkpoint": "Checkpoints",
}
HEAD = """# Results of `make bench`

Best of several rounds in one run, with contenders in turn; compare ratios, not times. The text
below each heading is from the file of the benchmark. {reached} of {judged} targets are
reached{misses}.
"""


def section(name: str, quick: bool) -> str:
    """Run one benchmark; return its section of the results."""
    module = import_module(f"tests.benchmarks.{name}")
    began = time.perf_counter()
    rows: list[Row] = module.rows(quick)
    seconds = time.perf_counter() - began
    parts = [
        f"## {BENCHMARKS[name]}",
        module.__doc__.split("\n\n", 1)[1].strip(),
        table(rows),
        f"`--only {name}`, {datetime.now(UTC):%Y-%m-%d}, {seconds:.0f} s on {machine()}.",
    ]
    if missed(rows) and "bounds" in vars(module):
        parts.append(module.bounds(rows, quick))
    return "\n\n".join(parts) + "\n"


def known() -> dict[str, str]:
    """Return the sections of `RESULTS` by heading."""
    text = RESULTS.read_text() if RESULTS.exists() else ""
    sections = ["## " + part for part in text.split("\n## ")[1:]]
    return {part.splitlines()[0].removeprefix("## "): part.rstrip() + "\n" for part in sections}


def written(sections: dict[str, str]) -> str:
    """Return the whole file: targets that are reached or missed, then the sections in order."""
    text = "\n".join(sections[title] for title in BENCHMARKS.values() if title in sections)
    reached, failed = text.count(f"| {YES} |"), text.count(f"| {NO} |")
    misses = f"; **no** marks the other {failed}, and the reasons follow" if failed else ""
    return HEAD.format(reached=reached, judged=reached + failed, misses=misses) + "\n" + text


def main() -> None:
    """Run the selected benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--only", help=f"some of {', '.join(BENCHMARKS)}, separated by commas")
    parser.add_argument("--quick", action="store_true", help="measure less, and write nothing")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no benchmark is called {', '.join(unknown)}; see --help")
    sections = known()
    for name in names:
        with config.override(device="auto" if name == "gpu" else "cpu"):
            sections[BENCHMARKS[name]] = new = section(name, options.quick)
        print(new, flush=True)
        if not options.quick:
            RESULTS.write_text(written(sections))


if __name__ == "__main__":
    main()
