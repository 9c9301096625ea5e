"""Speed of a run with the full live view and a dashboard, relative to the run without views.

The same run trains in a session, some epochs at a time: without views; with `view(session)` and its
still outputs, as in a notebook; and with a dashboard open in Chromium on the same machine, too.
The speed is the median of pairs, which train in turn. Messages of the notebook's view are
prepared as in a kernel, and dropped; those of the dashboard are sent and drawn. Snapshots are taken
in all runs. Threads of torch leave one core to the browser. Where two cores are two threads of one,
a page that draws slows down training, most of all the small steps of the MLP.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from functools import partial

from playwright.sync_api import Browser

from extensions_live import Dashboard, Plot
from tests.benchmarks import models
from tests.benchmarks.contenders.project import InSession
from tests.benchmarks.models import Work
from tests.benchmarks.screen import full_view
from tests.benchmarks.targets import Row, Target
from tests.benchmarks.timing import measured_alone
from tests.browser.lab import guarded_page, headless
from tests.support import chromium
from workbench.session import Session

SPEED = Target(0.97, at_least=True, unit="times the speed without")
VIEW, BOTH = "full view", "full view and dashboard"


@contextmanager
def unseen(session: Session) -> Iterator[None]:
    """Show nothing."""
    yield


@contextmanager
def shown(session: Session, *, browser: Browser | None) -> Iterator[None]:
    """Show a session by the full view and, if a browser is given, by a dashboard."""
    with full_view(session):
        if browser is None:
            yield
            return
        with redirect_stdout(sys.stderr):
            dashboard = Dashboard(session).show()
        with guarded_page(browser) as page:
            page.goto(dashboard.url)
            page.wait_for_selector('[data-testid="plot"]')
            page.wait_for_timeout(1000)  # until the page is complete
            yield
        dashboard.close()


class Watched(InSession):
    """Some epochs in a session that a view and a dashboard can show."""

    def __init__(self, work: Work, epochs: int) -> None:
        super().__init__(work)
        self.timer.epochs = epochs
        plot = Plot(channels=[["cost"]])
        plot.main_loop = self.main_loop
        self.main_loop.extensions.append(plot)

    def seconds(self, shown: Callable[[Session], AbstractContextManager[None]]) -> float:
        """Return the seconds from the first batch of the epochs to the end of the run."""
        session = self.main_loop.start(paused=True)
        with shown(session):
            start = time.perf_counter()
            session.resume()
            session.wait()
            return time.perf_counter() - start


def speed(work: Work, epochs: int, browser: Browser | None, pairs: int) -> float:
    """Return the median speed with views relative to that without."""
    without, watched = Watched(work, epochs), Watched(work, epochs)
    page = partial(shown, browser=browser)
    found = [without.seconds(unseen) / watched.seconds(page) for _ in range(pairs + 1)]
    return statistics.median(found[1:])  # the first epoch compiles


def rows(quick: bool) -> list[Row]:
    """Return rows for both works, with a view, and with a view and a dashboard."""
    return measured_alone(__name__, quick)


def measure(quick: bool) -> None:
    """Print the rows as JSON, in a new process."""
    executable = chromium.find()
    if executable is None:
        raise SystemExit(chromium.ABSENT)
    found = []
    with headless(executable) as browser:
        for work, epochs in ((models.mlp(16, 2000), 30), (models.lenet(64, 60), 4)):
            for name, page in ((VIEW, None), (BOTH, browser)):
                measured = speed(work, epochs, page, 3 if quick else 10)
                judged = SPEED.judge(measured)
                found.append({"work": f"{work.name}: {name}", "measured": measured, **judged})
    print(json.dumps(found))
