"""Short sentences about faults, which a node shows instead of the whole error message.

An error message names the brick, states what was given and what is required, and says what to do.
The canvas already shows the brick and offers a fix, so the sentence only states what is wrong. A
click shows the whole message.
"""

from __future__ import annotations

import re

from workbench.builder.validation import Fault
from workbench.utils.texts import short

MOST = 110
"""Maximum number of characters in a sentence."""

SIZES = re.compile(
    r"(?P<input>\w+) has shape \((?:.*, )?(?P<found>\d+),?\), but (?P<setting>\w+) is "
    r"(?P<wanted>\d+), so its last dimension must be (?P=wanted)"
)
"""Regular expression for the first part of a message about an input of the wrong dimension."""

CALL = re.compile(r"\A\w+\(.*?\): (?=\w)")
"""Regular expression for the call at the beginning of an operation's message."""

SHAPE = re.compile(r"(?<=shape )\(([^()]*?),?\)")
END = re.compile(r"; |, that is, |, so |\. |: (?=\n)|\n")
"""Pattern that follows the part of a message that states what is wrong."""


def sentence(fault: Fault, title: str) -> str:
    """Return a short sentence that says what is wrong with the node called `title`.

    Examples
    --------
    >>> text = "mlp.apply: input_ has shape (?, 784), but input_dim is 700, so its last ..."
    >>> sentence(Fault(text, "calls/0"), "mlp")
    'mlp: input has shape ? × 784, but input_dim is 700'
    """
    place, text = _placed(fault, title)
    found = SIZES.match(text)
    if found is not None:
        given = "" if found["input"] == "input_" else f" for {found['input'].strip('_')}"
        return (
            f"{_name(place)} expects vectors of size {found['wanted']}{given}, but gets size "
            f"{found['found']}"
        )
    what = END.split(CALL.sub("", text), maxsplit=1)[0].rstrip(" ,.:")
    if what.endswith(")") and what.count(")") > what.count("("):  # as in some torch messages
        what = what[:-1]
    if re.match(r"[A-Z][a-z]+ ", what):
        what = what[0].lower() + what[1:]
    what = SHAPE.sub(lambda shape: shape[1].replace(", ", " × ") or "()", what)
    what = re.sub(r"\b([a-z]\w*?)_(?!\w)", r"\1", what)
    return short(f"{_name(place)}: {what}", MOST)


def _placed(fault: Fault, title: str) -> tuple[str, str]:
    """Return the brick or title at the start of a message, and the rest of the message."""
    for place in (fault.brick, title):
        if place:
            text = re.sub(rf"\A{re.escape(place)}(\.\w+)*: ", "", fault.text)
            if text != fault.text:
                return place, text
    return title, re.sub(r"\A[A-Z]\w*: ", "", fault.text)  # drop the class name


def _name(place: str) -> str:
    """Return the path of a brick as words, such as ``linear_0 in mlp``."""
    top, _, below = place.partition("/")
    return f"{below} in {top}" if below else top
