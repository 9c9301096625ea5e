"""The tool that reports missing names."""

import sys
from types import ModuleType

import pytest

from tests.support.api_report import NAMES, main, read, report


class Base:
    """A class with an argument and an attribute."""

    def __init__(self, dim, **kwargs):
        self.output_dim = dim


class Brick(Base):
    """A class that inherits both."""

    width: int

    def __init__(self, name, **kwargs):
        super().__init__(**kwargs)

    def apply(self):
        """Do nothing."""


@pytest.fixture
def module(monkeypatch):
    made = ModuleType("made_up")
    made.Brick, made.Base, made.ROLE, made.mean = Brick, Base, 3, lambda numerator: numerator
    monkeypatch.setitem(sys.modules, "made_up", made)
    return made


def test_existing_names_are_not_reported(module):
    text = "[made_up]\nBrick(name, dim): apply, output_dim, width\nROLE\nmean(numerator)\n"
    assert report(read(text)) == (["made_up: 3 of 3 present", "all: 3 of 3 present"], 0)


def test_each_kind_of_absence_is_reported(module):
    text = "[made_up]\nBrick(seed): apply, allocate\nROLE()\nLinear\n[nowhere]\nA\nB(x)\n"
    lines, missing = report(read(text))
    assert missing == 5
    assert lines == [
        "made_up: 0 of 3 present",
        "    missing: Linear",
        "    Brick: no argument seed, no member allocate",
        "    ROLE: cannot be called",
        "nowhere: 0 of 2 present",
        "    missing: A, B",
        "all: 0 of 5 present",
    ]


def test_the_list_holds_every_module_once():
    entries = read(NAMES.read_text())
    assert len(entries) == len({(entry.module, entry.name) for entry in entries})
    assert {"workbench.algorithms", "workbench.bricks", "workbench.utils"} <= {
        entry.module for entry in entries
    }


def test_present_names_exit_with_zero(capsys):
    assert main(["workbench.config"]) == 0
    assert "workbench.config: 2 of 2 present" in capsys.readouterr().out
