"""Names of the axes of datasets and data streams, such as ``("batch", "feature")``.

The names describe the arrays of a batch. A stream of single examples omits the name of the batch
axis. Names are optional for every source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from workbench.errors import DataError

Labels: TypeAlias = "tuple[str, ...] | None"
AxisLabels: TypeAlias = dict[str, Labels]

BATCH = "batch"


class Labelled:
    """Base class of datasets and streams, with optional axis names."""

    _axis_labels: AxisLabels | None = None

    @property
    def axis_labels(self) -> AxisLabels | None:
        """Axis names of each source, or None for unknown names.

        To set the names, assign a mapping from each source to a sequence of strings.
        """
        return self._inferred_labels() if self._axis_labels is None else dict(self._axis_labels)

    @axis_labels.setter
    def axis_labels(self, labels: Mapping[str, Sequence[str] | None] | None) -> None:
        self._axis_labels = None if labels is None else as_labels(labels)

    def _inferred_labels(self) -> AxisLabels | None:
        """Infer the names from the data or from another stream if none were assigned."""
        return None


def as_labels(labels: Mapping[str, Sequence[str] | None]) -> AxisLabels:
    """Convert axis names to tuples; raise a `DataError` if a name is not a string.

    Examples
    --------
    >>> as_labels({"x": ["batch", "feature"], "y": "batch", "z": None})
    {'x': ('batch', 'feature'), 'y': ('batch',), 'z': None}
    """
    if not isinstance(labels, Mapping):
        raise DataError(
            "axis_labels must be a mapping from source to names, such as {'features': ('batch', "
            f"'feature')}}, not {labels!r:.60}"
        )
    checked: AxisLabels = {}
    for source, names in labels.items():
        several = (names,) if isinstance(names, str) else names
        if several is not None and not all(isinstance(name, str) for name in several):
            raise DataError(
                f"the axis labels of source {source!r} must be a tuple of strings, "
                f"not {names!r:.60}"
            )
        checked[source] = None if several is None else tuple(several)
    return checked


def changed(
    labels: AxisLabels | None, change: Callable[[tuple[str, ...]], Labels], sources: Sequence[str]
) -> AxisLabels | None:
    """Return `labels` after applying `change` to the known labels of `sources`."""
    if labels is None:
        return None
    return {
        source: change(names) if names is not None and source in sources else names
        for source, names in labels.items()
    }


def check_image_axes(labels: AxisLabels | None, sources: Sequence[str], where: str) -> None:
    """Raise a `DataError` if the names show that height and width are not the last two axes."""
    for source in sources:
        names = (labels or {}).get(source)
        if names and {"height", "width"} <= set(names) and names[-2:] != ("height", "width"):
            raise DataError(
                f"{where}: the last two axes of source {source!r} must be height and width, but "
                f"its axes are {names}; move height and width to the end, for instance with "
                "Mapping and numpy.moveaxis"
            )
