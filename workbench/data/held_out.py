"""Random selection of the examples that are held out for validation.

The held-out examples are drawn at random, so they are not simply the last rows of a table that is
sorted by class or by date. If the examples have classes, about the same fraction of each class is
held out, and each class keeps at least one example for training.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.errors import DataError

Rows = npt.NDArray[np.intp]

NO_FRACTION = (
    "validation must be a fraction of the examples between 0 and 1, such as 0.2, or other data, "
    "or None for no validation, not {given!r:.60}"
)
SMALL_CLASSES = (
    "validation={given!r} leaves 0 examples for validation, because the examples are divided class "
    "by class and each class has at most {most}; {advice}pass other data for validation, or "
    "validation=None"
)
OTHER_FRACTION = "pass a larger fraction, such as validation={fraction:.2g}, "
TOO_FEW = (
    "validation={fraction!r} of {count} examples leaves {left} examples for {what}; pass "
    "more data, another fraction, or validation=None"
)


def held_out(
    count: int, fraction: float, seed: int, classes: npt.ArrayLike | None = None
) -> tuple[Rows, Rows]:
    """Choose the examples for training and the examples to hold out.

    Parameters
    ----------
    count : int
        The number of examples.
    fraction : float
        The fraction to hold out.
    seed : int
    classes : array of int, optional
        The class of each example, of shape (N,) or (N, 1).

    Returns
    -------
    training, validation : array of int
        The indices of the examples, in ascending order.

    Raises
    ------
    DataError
        If `fraction` is not between 0 and 1, or if no examples are left for training or validation.

    Examples
    --------
    >>> held_out(10, 0.2, seed=1, classes=np.repeat([0, 1], 5))[1]
    array([4, 8])
    """
    check_fraction(fraction)
    order = np.random.default_rng(seed).permutation(count)
    if classes is None:
        chosen = order[: round(fraction * count)]
    else:
        classes = np.asarray(classes).reshape(-1)
        parts = [np.zeros(0, np.intp)]
        for one in np.unique(classes):
            members = order[classes[order] == one]
            parts.append(members[: min(round(fraction * len(members)), len(members) - 1)])
        chosen = np.concatenate(parts)
        most = int(np.unique(classes, return_counts=True)[1].max(initial=0))
        if not len(chosen) and most:
            advice = "" if most == 1 else OTHER_FRACTION.format(fraction=1 / most)
            raise DataError(SMALL_CLASSES.format(given=fraction, most=most, advice=advice))
    mask = np.zeros(count, dtype=bool)
    mask[chosen] = True
    training, validation = np.flatnonzero(~mask), np.flatnonzero(mask)
    for part, what in ((training, "training"), (validation, "validation")):
        if not len(part):
            raise DataError(TOO_FEW.format(fraction=fraction, count=count, left=0, what=what))
    return training, validation


def check_fraction(given: object) -> None:
    """Raise a `DataError` unless `given` is a number between 0 and 1."""
    number = isinstance(given, (int, float, np.number)) and not isinstance(given, bool)
    if not number or not 0 < given < 1:  # type: ignore[operator]
        raise DataError(NO_FRACTION.format(given=given))
