"""A detached run outlives the kernel that started it, and a new kernel shows its whole curve."""

import os
import signal

from .lab import notebook_text, until
from .runs import SMALL_RUN

RUNS = "from workbench.config import config\nconfig.runs_path = 'runs'"
START = f"{SMALL_RUN}\n{RUNS}\nsession = start(10**6, name='far away', detached=True, linger=60)"
ATTACH = f"""
import workbench
from extensions_live import view
{RUNS}
session = workbench.attach('far away')
view(session)
"""
DONE = "session.log.status['iterations_done']"
CELLS = (START, "view(session)", ATTACH)
ATTACHED = 2


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def drawn(notebook, index):
    """Return True if the view of a cell is drawn."""
    notebook.scroll_to(index)
    return notebook.drawn(index)


def points(notebook, index):
    plot = notebook.cell(index).locator('[data-testid="plot"]').first
    return int(plot.get_attribute("data-points") or 0)


def test_a_detached_run_outlives_its_kernel_and_its_page(open_notebook):
    notebook = open_notebook("detached.ipynb", notebook_text(*CELLS))
    notebook.run(0)
    assert notebook.errors() == []
    [pid] = map(int, notebook.ask("session.processes").strip("[]").split(","))
    try:
        notebook.run(1)
        until(lambda: drawn(notebook, 1), what="a view of the detached run")
        until(lambda: int(notebook.ask(DONE)) > 60, what="some batches")
        before = int(notebook.ask(DONE))
        notebook.restart()
        assert notebook.ask("session").startswith("NameError")
        notebook.run(ATTACHED)
        assert notebook.errors() == []
        until(lambda: drawn(notebook, ATTACHED), what="a view of the attached run")
        assert int(notebook.ask("session.processes[0]")) == pid
        assert int(notebook.ask("int(session.log.column('cost')[0][0])")) == 1
        until(lambda: points(notebook, ATTACHED) >= before, what="the whole curve")
        notebook.save()
        notebook.reload()
        until(lambda: drawn(notebook, ATTACHED), what="the view after a reload")
        assert points(notebook, ATTACHED) >= before
        image = notebook.canvas(ATTACHED)
        until(lambda: notebook.canvas(ATTACHED) != image, what="a curve that grows")
        assert notebook.complaints(ATTACHED) == ""
        notebook.ask("session.stop().wait(60)")
        assert notebook.ask("session.wait(60)") == "True"
        notebook.ask("session.close(end=True)")
        until(lambda: not is_alive(pid), what="the end of the process")
    finally:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
