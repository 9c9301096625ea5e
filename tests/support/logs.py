"""The training logs that every test of what all logs do runs over."""

import pytest

from workbench.log import SQLiteLog, TrainingLog


def in_database():
    return SQLiteLog(":memory:")


every_backend = pytest.mark.parametrize("new", [TrainingLog, in_database], ids=["memory", "sqlite"])
