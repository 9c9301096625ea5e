"""Text and bars for the quantities that are shown on nodes."""

from __future__ import annotations

import math
from collections.abc import Mapping

from extensions_live.formatting import format_number
from extensions_live.messages import NodeValue

TITLES = {
    "activation": "activation",
    "gradient": "gradient",
    "dead": "dead units",
    "time": "time",
    "parameters": "parameters",
}
"""The names that the page shows for the quantities in `MEASURES`."""

WHAT = {
    "activation": "L2 norm of the output",
    "gradient": "L2 norm of the gradient of the node's parameters",
    "dead": "units whose output is the same for all examples",
    "time": "time of the node's operations",
    "parameters": "share of the model's parameters",
}
"""Longer descriptions of the quantities."""

DASH = "\N{EN DASH}"
"""The text that is shown for an unknown value."""

SHORTEST = 0.1
"""Length of the bar of the smallest norm; the bars of norms are logarithmic."""


def node_values(
    metric: str,
    values: Mapping[str, float],
    reasons: Mapping[str, str],
    details: Mapping[str, str],
    where: str,
) -> dict[str, NodeValue]:
    """Return the data that the page shows for the values of nodes.

    Parameters
    ----------
    metric : str
    values : dict of str to float
    reasons : dict of str to str
        The reasons why other nodes have no value.
    details : dict of str to str
        Additional text about the values of nodes, such as the name of an output.
    where : str
        The examples and the iteration that the values were computed for, as text.

    Examples
    --------
    >>> found = node_values("dead", {"mlp": 0.25}, {"x": "why"}, {}, "on 2 examples")
    >>> found["mlp"]
    {'text': '25 %', 'title': 'units whose ... examples: 25 %, on 2 examples', 'share': 0.25}
    >>> found["x"]["title"], found["x"]["share"]
    ('dead units: not known; why', None)
    """
    title, lengths = TITLES[metric], bars(metric, values)
    found: dict[str, NodeValue] = {
        node: {"text": DASH, "title": f"{title}: not known; {reason}", "share": None}
        for node, reason in reasons.items()
    }
    for node, value in values.items():
        text = value_text(metric, value)
        parts = [f"{WHAT[metric]}: {text}", details.get(node, ""), where]
        found[node] = {
            "text": text,
            "title": ", ".join(filter(None, parts)),
            "share": lengths.get(node),
        }
    return found


def value_text(metric: str, value: float) -> str:
    """Return a value as short text.

    Examples
    --------
    >>> value_text("dead", 0.25), value_text("time", 0.00123), value_text("gradient", 12.3456)
    ('25 %', '1.23 ms', '12.35')
    """
    if metric in ("dead", "parameters"):
        return "<0.1 %" if 0 < value < 0.001 else f"{100 * value:.3g} %"
    if metric == "time":
        size, unit = next(one for one in ((1, "s"), (1e-3, "ms"), (0, "µs")) if value >= one[0])
        return f"{value / (size or 1e-6):.3g} {unit}"
    return format_number(value)


def bars(metric: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return the length of each value's bar, from 0 to 1; values without a bar are omitted.

    If the values are shares, the length of each bar equals the share. The bar of the longest time
    has length 1. Norms differ by orders of magnitude, so their bars are logarithmic.

    Examples
    --------
    >>> bars("time", {"a": 1.0, "b": 2.0}), bars("gradient", {"a": 0.01, "b": 1.0})
    ({'a': 0.5, 'b': 1.0}, {'a': 0.1, 'b': 1.0})
    """
    if metric in ("dead", "parameters"):
        return dict(values)
    usable = {node: value for node, value in values.items() if math.isfinite(value) and value > 0}
    if not usable:
        return {}
    low, high = min(usable.values()), max(usable.values())
    if metric == "time":
        return {node: value / high for node, value in usable.items()}
    width = math.log(high) - math.log(low)
    return {
        node: SHORTEST + (1 - SHORTEST) * (math.log(value) - math.log(low)) / width
        if width
        else 1.0
        for node, value in usable.items()
    }
