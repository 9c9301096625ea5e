"""Detection of dates that are written as text in a column, with advice on converting them.

A year usually has four digits. Two digits are accepted only if all values in the column are such
dates, and only with slashes or with two digits for both day and month, as in 1/31/24 and 31.01.24.
Otherwise, version numbers and other codes would be mistaken for dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

DATE = re.compile(
    r"(\d{4}([-/.])(?P<month>\d\d?)\2(?P<day>\d\d?)"
    r"|(?P<one>\d\d?)(?P<sign>[-/.])(?P<other>\d\d?)(?P=sign)(?P<year>\d{4}|\d\d))"
    r"([ T]\d\d?:\d\d(:\d\d([.,]\d+)?)?( ?[AaPp][Mm])?(?P<zone> ?(Z|UTC|[+-]\d\d(:?\d\d)?))?)?"
)
"""Pattern of dates such as 2024-01-31, 31.1.2024 and 1/31/24 12:00."""
DATES_AS_TEXT = (
    "column {name!r} has dates that are written as text, such as {value!r}{odd}; convert it to "
    "numbers, such as days: (pandas.to_datetime(frame[{name!r}]{options}) - "
    "pandas.Timestamp('2000-01-01'{zone})).dt.days{remark}, keep it as categories with "
    "frame[{name!r}].astype('category'), or remove it with frame.drop(columns=[{name!r}])"
)
ODD_TEXT = ", and {value!r}, which is not a date"
EITHER_ORDER = " (with dayfirst=True in to_datetime if the day comes before the month)"


def fault_of_dates(texts: Sequence[str], name: str) -> str | None:
    """Return a message about dates written as text, or None if the strings are not dates.

    Parameters
    ----------
    texts : sequence of str
        The distinct strings of the column. They are dates if more than half of them are written as
        dates, and if all of these have possible days and months.
    name : str
        The name of the column.

    Examples
    --------
    >>> fault_of_dates(["3.11.12", "3.9.0"], "version")
    >>> fault_of_dates(["31.1.2024"], "day")[:60]
    "column 'day' has dates that are written as text, such as '31"
    """
    found = {text: match for text in texts if (match := DATE.fullmatch(text))}
    last = [match for match in found.values() if match["year"]]
    short = [match for match in last if len(match["year"]) == 2]
    if len(found) <= len(texts) / 2 or (short and not _are_years(short, len(texts))):
        return None
    first = [match for match in found.values() if not match["year"]]
    day_first = _possible((match["one"], match["other"]) for match in last)
    month_first = _possible((match["other"], match["one"]) for match in last)
    if not _possible((match["day"], match["month"]) for match in first):
        return None
    if not (day_first or month_first):
        return None
    options = remark = ""
    if last and day_first and (not month_first or last[0]["sign"] == "."):
        options = ", dayfirst=True"
    elif last and day_first:
        remark = EITHER_ORDER
    if short or len({re.sub(r"\d+", "0", text) for text in found}) > 1:
        options += ", format='mixed'"
    zone = any(match["zone"] for match in found.values())
    odd = next((text for text in texts if text not in found), None)
    options += ", utc=True" * zone + ", errors='coerce'" * (odd is not None)
    return DATES_AS_TEXT.format(
        name=name,
        value=next(iter(found)),
        odd="" if odd is None else ODD_TEXT.format(value=odd),
        options=options,
        zone=", tz='UTC'" * zone,
        remark=remark,
    )


def _are_years(short: Sequence[re.Match[str]], count: int) -> bool:
    """Return True if all `count` strings end in a two-digit year."""
    return len(short) == count and all(
        match["sign"] == "/" or len(match["one"]) == len(match["other"]) == 2 for match in short
    )


def _possible(dates: Iterable[tuple[str, str]]) -> bool:
    """Return True if each pair is a possible day and month."""
    return all(1 <= int(day) <= 31 and 1 <= int(month) <= 12 for day, month in dates)
