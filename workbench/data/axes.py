"""Names of axes, such as ``("batch", "feature")``, which data sets and streams carry along.

They belong to the arrays of a batch. A stream that gives single examples leaves out the name of the
batch's axis. Names may be lacking, for some sources or for all: then nothing is said about them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from workbench.errors import DataError

Labels: TypeAlias = "tuple[str, ...] | None"
AxisLabels: TypeAlias = dict[str, Labels]

BATCH = "batch"


class Labelled:
    """A data set or a stream, whose axes may have names."""

    _axis_labels: AxisLabels | None = None

    @property
    def axis_labels(self) -> AxisLabels | None:
        """The names of the axes of each source, as far as they are known, or None.

        They can be assigned, as a mapping from source to sequence of str.
        """
        return self._inferred_labels() if self._axis_labels is None else dict(self._axis_labels)

    @axis_labels.setter
    def axis_labels(self, labels: Mapping[str, Sequence[str] | None] | None) -> None:
        self._axis_labels = None if labels is None else as_labels(labels)

    def _inferred_labels(self) -> AxisLabels | None:
        """Return the names that follow from others, where none were assigned."""
        return None


def as_labels(labels: Mapping[str, Sequence[str] | None]) -> AxisLabels:
    """Return names of axes as tuples, or raise a `DataError` if they are no names.

    Examples
    --------
    >>> as_labels({"x": ["batch", "feature"], "y": "batch", "z": None})
    {'x': ('batch', 'feature'), 'y': ('batch',), 'z': None}
    """
    if not isinstance(labels, Mapping):
        raise DataError(
            f"axis_labels is {labels!r:.60}; expected a mapping from source to names, such as "
            "{'features': ('batch', 'feature')}"
        )
    checked: AxisLabels = {}
    for source, names in labels.items():
        several = (names,) if isinstance(names, str) else names
        if several is not None and not all(isinstance(name, str) for name in several):
            raise DataError(
                f"the axis labels of source {source!r} are {names!r:.60}; expected a tuple of str"
            )
        checked[source] = None if several is None else tuple(several)
    return checked


def changed(
    labels: AxisLabels | None, change: Callable[[tuple[str, ...]], Labels], sources: Sequence[str]
) -> AxisLabels | None:
    """Return the labels with those of `sources`, where they are known, replaced by `change`."""
    if labels is None:
        return None
    return {
        source: change(names) if names is not None and source in sources else names
        for source, names in labels.items()
    }


def check_image_axes(labels: AxisLabels | None, sources: Sequence[str], where: str) -> None:
    """Raise a `DataError` if height and width are known not to be the last two axes."""
    for source in sources:
        names = (labels or {}).get(source)
        if names and {"height", "width"} <= set(names) and names[-2:] != ("height", "width"):
            raise DataError(
                f"{where}: the axes of source {source!r} are {names}; height and width must be the "
                "last two, for instance by Mapping with numpy.moveaxis"
            )
