"""Still images of the notebooks for readers without a kernel, and a page that shows them.

``make previews`` runs notebooks as they are in a real browser, and writes images of some cells to
``notebooks/previews``. It chooses the notebooks that ``--only`` names, or else those whose code has
changed since their image was made. Beside the images, ``sources.json`` has a hash of the code of
each; ``--stale`` lists the notebooks that have changed. Readers of the repository see the images on
the page ``README.md`` there, which is written from the first cells of the notebooks. With
``--page``, only the page is written.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator

from tests.browser.lab import Notebook, guarded_page, headless, jupyter_lab, until
from tests.support import chromium
from tests.support.notebooks import code_of, paths, short_text
from tests.support.tree import ROOT

FOLDER = ROOT / "notebooks" / "previews"
PAGE = FOLDER / "README.md"
SOURCES = "sources.json"
LARGEST = 150_000
"""Bytes of one image."""
SIZE = {"width": 900, "height": 2600}
LONG = 20
"""Lines of a cell above which only its output is shown."""

SHOWN = {
    "00_five_lines": ["flowers = wb.fit(", "flowers.predict("],
    "01_first_training": ["view(session)"],
    "02_bricks": ["draw(mlp)", "network.summary("],
    "03_computation_graph": ["ComputationGraph(cost)", "graph.select(WEIGHT)", "get_snapshot("],
    "04_building_by_clicking": ["editor = Editor()"],
    "05_watching_and_steering": ["main_loop = build(slowly)", "view(session, fork)"],
    "06_log_as_data": ["adam.log.epochs[[", "figure.title", "LogTable(adam)"],
    "07_saving": ["mlp.to_torch()", "draw(folder"],
    "08_data": ["values.shape for source", "show(images)", "show(cropped)", "session = wb.fit("],
    "09_convolution": ["ConfusionMatrix(session", "scale=6"],
    "10_recurrent_networks": ["session.log.plot("],
    "11_sequence_generators": ["pd.DataFrame(learned", "np.hstack([learned"],
    "12_attention": ["backwards(given)[0][0]", "weight.argmax(1)"],
    "13_training_and_evaluation": ["session.log.plot("],
    "14_step_rules": ["follow(Momentum(0.1, 0.8))"],
    "15_extensions": ["lowest_cost", "GoodEnough("],
    "16_speed": ["session = main_loop.start()"],
    "17_from_other_libraries": ["session.log.plot(", "print(wb.bricks.ReLU)"],
    "18_from_blocks": ["x.dimshuffle", "images.flatten(2)"],
    "19_detached_and_distributed": ["detached=True", "session.log.plot("],
    "20_small_language_model": ["Samples("],
    "21_finding_wrong_labels": ["mistakes = Mistakes("],
    "22_sweeps": ["sweep.start()"],
}
"""Texts of the cells to show, by notebook."""

TOP = """# What the notebooks show

Images of some cells of each notebook after it was run. `make previews` makes them.
"""


def heading(path: Path) -> tuple[str, str]:
    """Return the title of a notebook, and the first paragraph below it."""
    first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
    title, text, *_ = "".join(first["source"]).split("\n\n")
    return title.removeprefix("# "), text


def page() -> str:
    """Return the page with all images."""
    parts = [TOP]
    for path in paths():
        title, text = heading(path)
        parts.append(f"## [{title}](../{path.name})\n\n{text}\n\n![{title}]({path.stem}.webp)\n")
    return "\n".join(parts)


def hash_of(code: Sequence[str], shown: Sequence[str]) -> str:
    """Return a hash of the cells that are shown and of all code before them.

    Later cells have no influence on an image.

    Examples
    --------
    >>> before = hash_of(["a = 1", "print(a)", "b = 2"], ["print("])
    >>> hash_of(["a = 1", "print(a)", "b = 3"], ["print("]) == before
    True
    >>> hash_of(["a = 2", "print(a)", "b = 2"], ["print("]) == before
    False
    """
    last = max(
        (index for index, cell in enumerate(code) if any(text in cell for text in shown)),
        default=-1,
    )
    text = json.dumps([list(shown), list(code[: last + 1])])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recorded(folder: Path) -> dict[str, str]:
    """Return the hash of each image in a folder at the time when it was made."""
    path = folder / SOURCES
    hashes: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return hashes


def stale(folder: Path = FOLDER) -> list[Path]:
    """Return the notebooks whose shown code has changed since their image was made."""
    made = recorded(folder)
    return [
        path for path in paths() if made.get(path.stem) != hash_of(code_of(path), SHOWN[path.stem])
    ]


def record(path: Path, folder: Path) -> None:
    """Store that the image of a notebook was made from its code as it is now."""
    made = recorded(folder) | {path.stem: hash_of(code_of(path), SHOWN[path.stem])}
    text = json.dumps(dict(sorted(made.items())), indent=1) + "\n"
    (folder / SOURCES).write_text(text, "utf-8")


def image_of(notebook: Notebook, name: str) -> Image.Image:
    """Return the cells of a notebook that are shown, one below the other."""
    images = []
    for text in SHOWN[name]:
        index = notebook.index(text)
        cell = notebook.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"]').first
        cell.scroll_into_view_if_needed()
        _settle(notebook, index)
        lines: str = cell.locator(".cm-content").first.inner_text()
        part = cell if lines.count("\n") < LONG else notebook.cell(index)
        images.append(Image.open(io.BytesIO(part.screenshot(animations="disabled"))))
    width = max(image.width for image in images)
    whole = Image.new("RGB", (width, sum(image.height for image in images)), "white")
    top = 0
    for image in images:
        whole.paste(image, (width - image.width, top))
        top += image.height
    return whole


def _settle(notebook: Notebook, index: int) -> None:
    """Wait until the live views in a cell are drawn, and until nothing moves."""
    views: Locator = notebook.cell(index).locator(".wb-plot")
    if views.count():
        until(lambda: notebook.drawn(index), what=f"the plot in cell {index}")
    cell, before = notebook.cell(index), b""
    for _ in range(20):
        notebook.page.wait_for_timeout(300)
        now = cell.screenshot()
        if now == before:
            return
        before = now


def write(image: Image.Image, path: Path) -> int:
    """Write a image without loss if it is small enough, otherwise with; return its bytes."""
    image.save(path, lossless=True, quality=100, method=6)
    for quality in (90, 80, 70, 60, 50):
        if path.stat().st_size <= LARGEST:
            break
        image.save(path, quality=quality, method=6)
    return path.stat().st_size


def main(arguments: list[str] | None = None) -> int:
    """Write images and page; return 0 if all notebooks ran."""
    parser = argparse.ArgumentParser(description="Make still images of the notebooks.")
    parser.add_argument(
        "--only",
        default="",
        help="beginnings of the names of notebooks, separated by commas (default: --stale)",
    )
    parser.add_argument("--stale", action="store_true", help="list notebooks with an old image")
    parser.add_argument("--short", action="store_true", help="run with the settings of tests")
    parser.add_argument("--page", action="store_true", help="write the page only")
    parser.add_argument("--to", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    old = stale(options.to)
    if options.stale:
        print("".join(f"{path.stem}\n" for path in old) or "all images are up to date\n", end="")
        return 0
    options.to.mkdir(exist_ok=True)
    (options.to / PAGE.name).write_text(page(), encoding="utf-8")
    only = tuple(options.only.split(","))
    chosen = [path for path in paths() if path.name.startswith(only)] if options.only else old
    if options.page:
        return 0
    if not chosen:
        print("no image is to be made")
        return 0
    executable = chromium.find() or sys.exit(chromium.ABSENT)
    failed = False
    with (
        tempfile.TemporaryDirectory(prefix="previews-") as folder,
        jupyter_lab(Path(folder)) as lab,
        headless(executable) as browser,
    ):
        lab.set_windowing("none")
        for path in chosen:
            copy = Path(folder, path.name)
            copy.write_text(short_text(path) if options.short else path.read_text("utf-8"), "utf-8")
            with guarded_page(browser) as tab:
                tab.set_viewport_size(SIZE)
                notebook = Notebook(tab, lab.base, copy)
                notebook.open()
                notebook.command("application:toggle-left-area")
                notebook.run_all(timeout=900)
                size = write(image_of(notebook, path.stem), options.to / f"{path.stem}.webp")
                errors = notebook.errors()
                notebook.shut_down()
            print(f"{path.stem}: {size:,} bytes {errors or ''}", flush=True)
            failed = failed or bool(errors) or size > LARGEST
            if not (options.short or errors):
                record(path, options.to)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
