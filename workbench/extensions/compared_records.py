"""Checks of records whose values an extension compares to find the best value.

Extensions compare as in Blocks: lower values are better unless the user chooses otherwise. If the
name of the record contradicts the direction, a message is logged. No warning is issued, since the
user may be right. Sessions and sweeps have no such default: the direction follows from a name that
is known, and is required for any other, since a wrong guess would choose the worst model.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from workbench.errors import ArgumentError, ExtensionError
from workbench.utils.notices import mention

logger = logging.getLogger(__name__)

MORE_IS_BETTER = frozenset(
    "acc accuracy ap auc auroc bleu dice f1 fscore iou kappa map mcc precision psnr r2 recall "
    "rouge ssim".split()
)
LESS_IS_BETTER = frozenset(
    "cer cost error errors fid loss mae mape misclassification mse nll perplexity ppl rmse "
    "wer".split()
)
CONTRADICTION = (
    "{kind}({record!r}) treats {taken} values as better, but the name of the record suggests that "
    "{meant} values are better; if so, pass {advice}"
)
UNKNOWN = (
    "{kind}: the name of the record {record!r} does not say whether lower or higher values are "
    "better; pass choose_best=min or choose_best=max"
)
NOT_A_NUMBER = (
    "the record {record!r} that {extension!r} compares must be a single number, not {value}; "
    "monitor a single number, such as the mean"
)


def check_direction(kind: str, record: str, lower: bool, advice: str) -> None:
    """Log a message if the name of a record contradicts the chosen direction.

    Parameters
    ----------
    kind : str
        The name of the class that compares the values.
    record : str
        The name of the record.
    lower : bool
        True if lower values are treated as better.
    advice : str
        The argument that chooses the opposite direction.

    Examples
    --------
    >>> check_direction("TrackTheBest", "valid_error_rate", True, "choose_best=max")
    """
    known = _known_direction(record)
    if known is None or (known is min) is lower:
        return
    taken, meant = ("lower", "higher") if lower else ("higher", "lower")
    text = CONTRADICTION.format(kind=kind, record=record, taken=taken, meant=meant, advice=advice)
    mention(logger, text)


def direction_of(kind: str, record: str) -> Callable[..., Any]:
    """Return the function that chooses the better of two values: `min` or `max`.

    Raises
    ------
    ArgumentError
        If the name of the record does not say which values are better.

    Examples
    --------
    >>> direction_of("Sweep", "validation_accuracy"), direction_of("Sweep", "validation_cost")
    (<built-in function max>, <built-in function min>)
    """
    known = _known_direction(record)
    if known is None:
        raise ArgumentError(UNKNOWN.format(kind=kind, record=record))
    return known


def _known_direction(record: str) -> Callable[..., Any] | None:
    """Return `min` or `max` if the name of a record says which values are better, else None."""
    words = set(re.findall(r"[a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", record).lower()))
    more, less = bool(words & MORE_IS_BETTER), bool(words & LESS_IS_BETTER)
    if more is less:
        return None
    return max if more else min


def check_number(extension: object, record: str, value: object) -> None:
    """Raise an `ExtensionError` if a record is not a single number."""
    size = getattr(value, "size", 1)
    if isinstance(value, (str, list, tuple, dict)) or (isinstance(size, int) and size != 1):
        raise ExtensionError(
            NOT_A_NUMBER.format(extension=extension, record=record, value=f"{value!r:.80}")
        )
