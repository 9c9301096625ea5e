"""Warnings about records that an extension reads but that were never written."""

from __future__ import annotations

import logging

from workbench.extensions import record_names
from workbench.log import TrainingLogBase
from workbench.main_loop.ending import Owner

logger = logging.getLogger(__name__)


class MissingRecords:
    """Detector of records that extensions of a main loop read but that were never written.

    Parameters
    ----------
    main_loop : Owner
    """

    def __init__(self, main_loop: Owner) -> None:
        self._main_loop = main_loop
        self._warned: set[str] = set()

    def warn(self) -> None:
        """Log one warning for each record that has not been written since training started."""
        main_loop = self._main_loop
        log: object = main_loop.log
        if not isinstance(log, TrainingLogBase):
            return  # a log of another class may be unable to list its channels
        since = main_loop.started_at["iterations_done"]
        for name, text in record_names.never_came(main_loop.extensions, log, since):
            if name not in self._warned:
                logger.warning(text)
            self._warned.add(name)
