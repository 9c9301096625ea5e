"""The animation of the README, recorded from the first notebook in a real browser.

``python -m tests.support.recording`` runs the notebook without an end and films its view: the
curves move, the learning rate is changed in its field, the run is rewound by the handle on the x
axis, and resumed. The image replaces ``notebooks/live.gif``. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

from tests.browser.conftest import endless_notebook
from tests.browser.lab import Notebook, guarded_page, headless, jupyter_lab, until
from tests.support import chromium
from tests.support.tree import ROOT

TARGET = ROOT / "notebooks" / "live.gif"
LARGEST = 2_000_000
SIZE = {"width": 800, "height": 900}
HEIGHT = 700
"""Pixels that the view needs with the list of branches, which is shown after the rewind."""
PLOTS = [["cost", "test_cost"], ["test_error_rate"]]
EPOCHS = 3
"""Epochs before the film begins, so that the first scene shows a curve."""
COLOURS = 96
FRAME = 0.15
"""Seconds between two frames."""

CURSOR = """() => {
    const pointer = document.createElement('div');
    pointer.innerHTML = `<svg width="20" height="24" viewBox="0 0 20 24"><path stroke="white"
        stroke-width="1.5" d="M2 1 L2 18 L6 14 L9 22 L12.5 20.5 L9.5 13 L15 13 Z"/></svg>`;
    Object.assign(pointer.style, {position: 'fixed', zIndex: 1e6, pointerEvents: 'none'});
    document.body.append(pointer);
    document.addEventListener('mousemove', (event) => {
        pointer.style.left = `${event.clientX - 2}px`;
        pointer.style.top = `${event.clientY - 1}px`;
    }, true);
}"""
BARE = """() => {
    const style = document.createElement('style');
    style.textContent = `.jp-Cell-inputWrapper, .jp-OutputPrompt, .jp-OutputCollapser,
        .jp-Collapser, .wb-moments, .jp-Toolbar, #jp-main-statusbar { display: none !important; }
        .jp-Notebook-cell { padding: 0 !important; border: 0 !important; outline: 0 !important; }
        .jp-WindowedPanel-viewport { padding-bottom: 900px !important; }`;
    document.head.append(style);
    document.activeElement?.blur();  // the frame of the active cell
}"""
"""What a reader of the image need not see: the code of the cell, and the frame of JupyterLab.

The space below the cell lets it stay where it is while it grows."""


class Film:
    """Frames of a part of a page, and the time of each.

    Parameters
    ----------
    notebook : Notebook
    clip : dict
        The part of the page, with ``x``, ``y``, ``width`` and ``height``.
    """

    def __init__(self, notebook: Notebook, clip: Any) -> None:
        self.page, self.clip = notebook.page, clip
        self._at = start_of(clip)
        self.frames: list[Image.Image] = []
        self.times: list[float] = []

    def shoot(self) -> None:
        """Add a frame."""
        began = time.monotonic()
        image = Image.open(io.BytesIO(self.page.screenshot(clip=self.clip)))
        self.frames.append(image.convert("RGB"))
        self.times.append(began)
        self.page.wait_for_timeout(max(0, 1000 * (FRAME - (time.monotonic() - began))))

    def roll(self, seconds: float) -> None:
        """Film for some time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.shoot()

    def point(self, place: tuple[float, float], steps: int = 5) -> None:
        """Move the pointer in a straight line, and film it."""
        x, y = self._at
        for step in range(1, steps + 1):
            part = step / steps
            self.page.mouse.move(x + part * (place[0] - x), y + part * (place[1] - y))
            self.shoot()
        self._at = place

    def click(self, element: Any) -> None:
        """Move the pointer to an element and click there, without scrolling."""
        self.point(middle(element))
        self.page.mouse.click(*middle(element))

    def write(self, path: Path) -> None:
        """Write an animation that loops."""
        waits = [b - a for a, b in zip(self.times, self.times[1:], strict=False)]
        durations = [round(1000 * min(max(wait, 0.05), 0.4)) for wait in waits] + [1500]
        sample = Image.new("RGB", (self.frames[0].width, 4 * self.frames[0].height))
        for place in range(4):
            chosen = self.frames[place * (len(self.frames) - 1) // 3]
            sample.paste(chosen, (0, place * chosen.height))
        palette = sample.quantize(COLOURS)
        few = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in self.frames]
        few[0].save(
            path, save_all=True, append_images=few[1:], duration=durations, loop=0, optimize=False
        )


def start_of(clip: Any) -> tuple[float, float]:
    """Return where the pointer is at first, between the buttons and the plot."""
    return clip["x"] + clip["width"] / 2, clip["y"] + 90


def middle(element: Any) -> tuple[float, float]:
    """Return the middle of an element of the page."""
    box = element.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def one_plot(text: str) -> str:
    """Return the text of the notebook with the first plot only, so that the image is not tall."""
    before, after = (json.dumps(json.dumps(plots))[1:-1] for plots in (PLOTS, PLOTS[:1]))
    if before not in text:
        raise ValueError(f"the first notebook has no plots of {PLOTS}; change PLOTS to its plots")
    return text.replace(before, after)


def play(notebook: Notebook) -> Film:
    """Use the view of the notebook as a user does, and film it."""
    page, find = notebook.page, notebook.find
    done = "session.log.status['epochs_done']"
    until(lambda: int(notebook.ask(done)) >= EPOCHS, timeout=600, what="some epochs")
    page.evaluate(BARE)
    notebook.look_at("controls")
    steer = find("steer")
    if steer.get_attribute("open") is None:
        steer.locator("> summary").click()
    if find("more").get_attribute("open") is not None:
        find("more").locator("> summary").click()
    cell = notebook.cell(notebook.index("view(session)"))
    cell.evaluate("(cell) => cell.scrollIntoView()")
    clip = {**cell.bounding_box(), "height": HEIGHT}
    page.evaluate(CURSOR)
    page.mouse.move(*start_of(clip))  # else JupyterLab draws the bar beside the cell
    page.wait_for_timeout(1500)
    film = Film(notebook, clip)
    film.roll(2.5)

    row = page.locator('[data-testid="number"][data-path="learning_rate"]').first
    field = row.get_by_test_id("value")
    film.point(middle(field))
    field.click(click_count=3)
    film.shoot()
    for key in "0.01":
        page.keyboard.press(key)
        film.shoot()
    page.keyboard.press("Enter")
    film.roll(5)

    handle = find("handle")
    film.point(middle(handle))
    page.mouse.down()
    x, y = middle(handle)
    changed = int(notebook.ask("session.interventions[-1]['iteration']"))
    while int(handle.get_attribute("aria-valuenow")) >= changed:
        x -= 40
        film.point((x, y), steps=2)
    page.mouse.up()
    film.shoot()
    film.click(find("rewind-here"))
    answer = find("handle-answer")
    until(lambda: "applied" in answer.inner_text(), what="the rewind")
    cell.evaluate("(cell) => cell.scrollIntoView()")  # the list of branches has moved it
    film.click(page.locator(".jp-OutputArea .wb-handle-close").first)
    film.roll(2)
    film.click(find("resume"))
    film.roll(2.5)
    if (height := cell.bounding_box()["height"]) > HEIGHT:
        raise ValueError(f"the view has a height of {height:.0f}, so HEIGHT must be larger")
    return film


def main(arguments: list[str] | None = None) -> int:
    """Record the image; return 0 if it is small enough."""
    parser = argparse.ArgumentParser(description="Record the animation of the README.")
    parser.add_argument("--to", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    executable = chromium.find() or sys.exit(chromium.ABSENT)
    with (
        tempfile.TemporaryDirectory(prefix="film-") as folder,
        jupyter_lab(Path(folder)) as lab,
        headless(executable) as browser,
        guarded_page(browser) as page,
    ):
        page.set_viewport_size(SIZE)
        path = Path(folder, "film.ipynb")
        path.write_text(one_plot(endless_notebook()), encoding="utf-8")
        notebook = Notebook(page, lab.base, path)
        notebook.open()
        notebook.command("application:toggle-left-area")
        notebook.run_all()
        film = play(notebook)
        notebook.shut_down()
    film.write(options.to)
    size = options.to.stat().st_size
    print(f"{options.to}: {len(film.frames)} frames, {film.frames[0].size}, {size:,} bytes")
    return int(size > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
