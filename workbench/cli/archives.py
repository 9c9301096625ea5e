"""Check of an archive's existence, for commands that read archives."""

from __future__ import annotations

import os

from workbench.errors import MissingDataError

NO_FILE = "there is no archive {path!r}; the working directory is {folder}"


def check_archive(path: str) -> None:
    """Raise an error if there is no file at the path.

    Raises
    ------
    MissingDataError
    """
    if not os.path.exists(path):
        raise MissingDataError(NO_FILE.format(path=path, folder=os.getcwd()))
