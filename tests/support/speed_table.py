"""The table of speeds in the README, made from the results of the benchmarks.

``python -m tests.support.speed_table`` writes it into the README; a test compares the two, so that
the README cannot state a figure that was not measured.
"""

from __future__ import annotations

from tests.support.tree import ROOT

README = ROOT / "README.md"
RESULTS = ROOT / "tests" / "benchmarks" / "results.md"
START, END = "<!-- speed -->\n", "<!-- end of speed -->\n"
HEADING = "## A training step, against plain torch and peers"

CONTENDERS = {
    "this project, compiled": "workbench",
    "raw torch, eager": "plain torch",
    "torch.compile(model)": "`torch.compile`",
    "Lightning": "Lightning",
    "Keras": "Keras",
    "Ignite": "Ignite",
    "skorch": "skorch",
}


def steps(results: str) -> dict[str, dict[str, float]]:
    r"""Return microseconds a step by work and contender, from the text of the results.

    Examples
    --------
    >>> steps(f"{HEADING}\n| MLP | Keras | 1.12e+03 | 13.2 |  |  |\n## Next\n| a | Keras | 2 |")
    {'MLP': {'Keras': 1120.0}}
    """
    found: dict[str, dict[str, float]] = {}
    section = results.partition(HEADING)[2].partition("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) > 2 and cells[1] in CONTENDERS:
            found.setdefault(cells[0], {})[cells[1]] = float(cells[2])
    return found


def table(results: str) -> str:
    """Return the table as Markdown."""
    lines = [f"| | {' | '.join(CONTENDERS.values())} |", f"|---|{'---:|' * len(CONTENDERS)}"]
    for work, times in steps(results).items():
        cells = [f"{times[name] / 1000:.3g}" for name in CONTENDERS]
        lines.append(f"| {work} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def written(readme: str, results: str) -> str:
    """Return the text of the README with the table of these results."""
    before, _, rest = readme.partition(START)
    return before + START + table(results) + END + rest.partition(END)[2]


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8"), RESULTS.read_text("utf-8")), "utf-8")
