"""Which values of a record are good ones: what a user says, beside what its name says.

Nothing is inferred from a name, since a wrong guess would choose the worst model in silence. But a
name that contradicts what was said, or what is assumed where nothing was said, is told of: a line
in the log of Python, and no warning, since it may well be meant.
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
    "{kind}({record!r}) takes {taken} values for better ones, but by its name {meant} ones are; "
    "write {advice} if they are"
)
NOT_A_NUMBER = (
    "{extension!r} compares single numbers, but the record {record!r} is {value}; monitor one "
    "number, such as its mean"
)


def check_direction(kind: str, record: str, lower: bool, advice: str) -> None:
    """Say so if the name of a record contradicts the values that are taken for better ones.

    Parameters
    ----------
    kind : str
        What compares them.
    record : str
        The name of the record.
    lower : bool
        Whether lower values are taken for better ones.
    advice : str
        How to say the opposite.

    Examples
    --------
    >>> check_direction("TrackTheBest", "valid_error_rate", True, "choose_best=max")
    """
    words = set(re.findall(r"[a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", record).lower()))
    more, less = bool(words & MORE_IS_BETTER), bool(words & LESS_IS_BETTER)
    if more is less or less is lower:
        return
    taken, meant = ("lower", "higher") if lower else ("higher", "lower")
    told = CONTRADICTION.format(kind=kind, record=record, taken=taken, meant=meant, advice=advice)
    mention(logger, told)


def check_number(extension: object, record: str, value: object) -> None:
    """Raise `ExtensionError` if a record is not one number, and so is neither better nor worse."""
    size = getattr(value, "size", 1)
    if isinstance(value, (str, list, tuple, dict)) or (isinstance(size, int) and size != 1):
        raise ExtensionError(
            NOT_A_NUMBER.format(extension=extension, record=record, value=f"{value!r:.80}")
        )
