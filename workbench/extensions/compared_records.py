"""Checks of records whose values an extension compares to find the best value.

The direction (lower or higher is better) is never inferred from the name of a record, since a wrong
guess would silently choose the worst model. If the name contradicts the chosen direction or the
default, a message is logged. No warning is issued, since the user may be right.
"""

from __future__ import annotations

import logging
import re

from workbench.errors import ExtensionError
from workbench.utils.notices import mention

logger = logging.getLogger(__name__)

MORE_IS_BETTER = frozenset(
    "acc accuracy ap auc auroc bleu dice f1 fscore iou map precision r2 recall rouge".split()
)
LESS_IS_BETTER = frozenset(
    "cer cost error errors fid loss mae mape misclassification mse nll perplexity ppl rmse "
    "wer".split()
)
CONTRADICTION = (
    "{kind}({record!r}) treats {taken} values as better, but the name of the record suggests that "
    "{meant} values are better; if so, pass {advice}"
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
    words = set(re.findall(r"[a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", record).lower()))
    more, less = bool(words & MORE_IS_BETTER), bool(words & LESS_IS_BETTER)
    if more is less or less is lower:
        return
    taken, meant = ("lower", "higher") if lower else ("higher", "lower")
    text = CONTRADICTION.format(kind=kind, record=record, taken=taken, meant=meant, advice=advice)
    mention(logger, text)


def check_number(extension: object, record: str, value: object) -> None:
    """Raise an `ExtensionError` if a record is not a single number."""
    size = getattr(value, "size", 1)
    if isinstance(value, (str, list, tuple, dict)) or (isinstance(size, int) and size != 1):
        raise ExtensionError(
            NOT_A_NUMBER.format(extension=extension, record=record, value=f"{value!r:.80}")
        )
