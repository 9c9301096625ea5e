"""Settings of a plot, which the user chooses on the page and Python stores.

The page sends all settings at once. Python sends the settings back with the data of the plot, so
that a reloaded page and a second view of the same widget show the same plot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from extensions_live.messages import AxisName, MarkKind, PlotSettings
from workbench.errors import ArgumentError, nearest

AXES: tuple[AxisName, ...] = get_args(AxisName)
MARKS: tuple[MarkKind, ...] = get_args(MarkKind)


def settings(given: Mapping[str, Any] | None = None) -> PlotSettings:
    """Return the given settings, with default values for all missing settings.

    Raises
    ------
    ArgumentError
        If a setting does not exist or its value is not valid.

    Examples
    --------
    >>> settings({"x": "epoch", "log_y": [0]})["log_y"]
    [0]
    >>> settings({"x": "epochs"})
    Traceback (most recent call last):
        ...
    workbench.errors.ArgumentError: the setting x of a plot must be one of ...
    """
    result: PlotSettings = {
        "x": "iteration",
        "log_x": False,
        "log_y": [],
        "robust": [],
        "smoothing": 0.0,
        "marks": list(MARKS),
        "hidden": [],
        "hidden_runs": [],
        "order": [],
        "names": {},
        "run_colours": {},
        "table": False,
    }
    return changed(result, given or {})


def changed(old: PlotSettings, given: Mapping[str, Any]) -> PlotSettings:
    """Check the changes `given`, and return the settings `old` with these changes."""
    new: dict[str, Any] = {**old}
    for name, value in given.items():
        if name not in old:
            hint = nearest(name, old)
            raise ArgumentError(
                f"a plot has no setting {name!r}; its settings: {', '.join(old)}{hint}"
            )
        check(name, value)
        kind = type(new[name])
        new[name] = kind(value)
    result: PlotSettings = new  # type: ignore[assignment]
    return result


def check(name: str, value: Any) -> None:
    """Raise `ArgumentError` unless `value` is valid for the setting `name`."""
    wrong = ""
    if name == "x" and value not in AXES:
        wrong = f"one of {', '.join(AXES)}"
    elif name == "smoothing" and not (
        isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e18
    ):
        wrong = "a non-negative number of iterations"
    elif name in ("log_x", "table") and not isinstance(value, bool):
        wrong = "True or False"
    elif name in ("log_y", "robust") and not is_list(value, int):
        wrong = "a list of figure indices"
    elif name == "marks" and not (is_list(value, str) and set(value) <= set(MARKS)):
        wrong = f"a list whose items are among {', '.join(MARKS)}"
    elif name in ("hidden", "hidden_runs", "order") and not is_list(value, str):
        wrong = "a list of names"
    elif name in ("names", "run_colours") and not (
        isinstance(value, Mapping) and is_list([*value, *value.values()], str)
    ):
        wrong = "a dictionary that maps strings to strings"
    if wrong:
        raise ArgumentError(f"the setting {name} of a plot must be {wrong}, not {value!r:.80}")


def is_list(value: Any, kind: type) -> bool:
    """Return True if `value` is a list or tuple of `kind` objects."""
    return isinstance(value, (list, tuple)) and all(type(one) is kind for one in value)
