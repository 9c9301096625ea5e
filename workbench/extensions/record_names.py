"""Checks for records that no extension writes, and for record names that clash.

Extensions communicate through the log. Without these checks, an extension would wait forever for a
record with a misspelt name, and two extensions that use the same record name would overwrite each
other's records. `TrainingExtension.records` and `TrainingExtension.waiting_for` declare the names
that are known in advance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from workbench.errors import ExtensionError, nearest
from workbench.extensions.base import TrainingExtension
from workbench.extensions.composite import CompositeExtension

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

CLASH = (
    "{one} and {other} would both write the record {name!r} and overwrite each other's values; "
    "{advice}"
)
RENAME = (
    "rename one of the records, with prefix='valid' for a monitoring or timing extension, or with "
    "variable.copy(name='other') for a monitored variable"
)
NEVER_MADE = (
    "{extension!r} reads the record {name!r}, which no extension has written so far; the "
    "extension that writes it must come before this extension in the list of extensions{hint}"
)
TOO_EARLY = (
    "{extension!r} reads the record {name!r} before it is written; the extension that writes it "
    "must come before this extension in the list of extensions, and act on the same event or on an "
    "earlier event of the same batch"
)

OF_THE_LOOP = frozenset({
    "training_finish_requested", "training_finished", "training_error", "execution",
    "interventions", "epoch_interrupt_received", "batch_interrupt_received",
})  # fmt: skip
"""Names of the records that the main loop and its session write."""


def leaves(extensions: Iterable[object]) -> Iterator[TrainingExtension]:
    """Yield all extensions, including composite extensions and their sub-extensions."""
    for extension in extensions:
        if isinstance(extension, TrainingExtension):
            yield extension
        if isinstance(extension, CompositeExtension):
            yield from leaves(extension.sub_extensions)


def check_distinct(extensions: Iterable[object]) -> None:
    """Raise an `ExtensionError` if two extensions would overwrite each other's records.

    Records that several extensions may write, such as a request to finish, are ignored.
    """
    makers: dict[str, tuple[object, bool]] = dict.fromkeys(OF_THE_LOOP, ("the main loop", False))
    for extension in dict.fromkeys(leaves(extensions)):
        for name, alone in extension.records().items():
            other, others_alone = makers.setdefault(name, (extension, alone))
            if other is not extension and (alone or others_alone):
                first = other if isinstance(other, str) else repr(other)
                raise ExtensionError(
                    CLASH.format(one=first, other=repr(extension), name=name, advice=RENAME)
                )


def never_came(
    extensions: Iterable[object], log: TrainingLogBase, since: int
) -> Iterator[tuple[str, str]]:
    """Yield the name of each record that an extension did not find, and the text of a warning.

    Declared records that have not been written yet are skipped, since they may still be written.
    Records written before the iteration `since`, where this run was resumed, do not count,
    because the extensions of this run could not read them.
    """
    every = list(dict.fromkeys(leaves(extensions)))
    made = set(log.channels)
    known = [*made, *(name for extension in every for name in extension.records())]
    meant = [
        *made,
        *(
            name
            for extension in every
            if not extension.waiting_for()
            for name in extension.records()
        ),
    ]
    for extension in every:
        for name, looked in extension.waiting_for().items():
            if name in made and looked and _made_since(log, name, since):
                yield name, TOO_EARLY.format(extension=extension, name=name)
            elif name not in known:
                hint = nearest(name, meant)  # a similar name among written records
                yield name, NEVER_MADE.format(extension=extension, name=name, hint=hint)


def _made_since(log: TrainingLogBase, name: str, since: int) -> bool:
    iterations, _ = log.entries(name)
    return since == 0 or int(iterations[-1]) > since
