"""`doctor`, which prints versions, the transport of views, and advice on missing views."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, version

from extensions_live.dashboard import dashboard
from extensions_live.notebook import front_end
from extensions_live.pump import pump
from extensions_live.tools import server
from extensions_live.widget import LiveWidget
from workbench.hints import hinted

PACKAGES = (
    *("workbench", "torch", "bokeh", "anywidget", "ipywidgets", "ipykernel", "jupyterlab"),
    *("jupyterlab_widgets", "panel"),
)

SERVED = (
    "Dashboard(session).show() and serve(session) each open a port on 127.0.0.1 and require a token"
)
PROXY = "jupyter_server_proxy"

OLD_PANEL = "panel {} is too old for a dashboard: install 1.9.3 or newer."
THROUGH_PROXY = (
    "To open a dashboard, append the path printed by show() to the address of the hub. This "
    "requires jupyter-server-proxy in the environment of the notebook server (version found: "
    "{found})."
)
FORWARD = (
    "If the dashboard runs on another machine, run ssh -L PORT:127.0.0.1:PORT HOST on your own "
    "machine, and open the address of the dashboard in a browser there."
)

TRANSPORT = (
    "widget messages of the notebook (no port, no network, no CDN); "
    "BokehJS is read from the installed package"
)

ADVICE = {
    "JupyterLab or Jupyter Notebook": (
        "If a cell shows text instead of a view, install jupyterlab_widgets in the environment of "
        "the *server* and reload the page."
    ),
    "JupyterLab on Binder": "An idle session ends after ten minutes; keep the browser tab open.",
    "JupyterHub": "Install jupyterlab_widgets in the environment of the server, not of the kernel.",
    "VS Code": "If VS Code asks you, allow widgets (setting jupyter.widgetScriptSources).",
    "Colab": "Views need google.colab.output.enable_custom_widget_manager(); anywidget calls it.",
    "marimo": (
        "In marimo, Controls(session) as the last line of a cell is live, but a session or "
        "view(session) shows only a table. For live plots, use Dashboard(session).show()."
    ),
    "none (a script or a terminal)": "Views need a notebook; session.log.frame works everywhere.",
}


@hinted
def doctor() -> None:
    """Print versions, the notebook program, details of views and dashboards, and advice.

    Examples
    --------
    >>> doctor()
    python              3...
    workbench ...
    notebook            none (a script or a terminal)
    transport           widget messages ...
    """
    facts = {"python": sys.version.split()[0]}
    facts |= {name: installed(name) for name in PACKAGES}
    facts["notebook"] = front_end()
    facts["transport"] = TRANSPORT
    views = [view for view in pump.views if isinstance(view, LiveWidget)]
    heard = sum(view.audience.answered for view in views)
    seen = sum(view.audience.answered and view.audience.looking() for view in views)
    facts["views"] = f"{len(views)}; answered by a page: {heard}, visible: {seen}"
    facts["dashboards"] = ", ".join(map(repr, dashboard.opened)) or f"none; {SERVED}"
    facts["for tools"] = ", ".join(map(repr, server.opened)) or "none"
    for name, text in facts.items():
        print(f"{name:<20}{text}")
    for line in advice(facts, silent=bool(views) and not heard):
        print(f"\n{line}")


def advice(facts: dict[str, str], *, silent: bool) -> list[str]:
    """Return lines of advice, most important first.

    Examples
    --------
    >>> advice({"notebook": "VS Code", "ipykernel": "7.0.1"}, silent=False)[0]
    'ipykernel 7.0 cannot send messages from a background thread: install another version.'
    """
    lines = []
    if facts.get("ipykernel", "").startswith("7.0."):
        lines.append(
            "ipykernel 7.0 cannot send messages from a background thread: install another version."
        )
    if silent:
        lines.append("No page has answered. Wait until no cell is running, or reload the page.")
    if (found := version_of(facts.get("panel", ""))) and found < (1, 9, 3):
        lines.append(OLD_PANEL.format(facts["panel"]))
    lines.append(ADVICE[facts["notebook"]])
    if facts["notebook"] in ("JupyterLab on Binder", "JupyterHub"):
        return [*lines, THROUGH_PROXY.format(found=installed(PROXY))]
    return [*lines, FORWARD]


def version_of(text: str) -> tuple[int, ...]:
    """Return the numbers at the beginning of a version, or an empty tuple for any other text.

    Examples
    --------
    >>> version_of("1.9.4rc1"), version_of("not installed")
    ((1, 9, 4), ())
    """
    found = re.match(r"\d+(\.\d+)*", text)
    return () if found is None else tuple(map(int, found[0].split(".")))


def installed(name: str) -> str:
    """Return the version of a package, or "not installed"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
