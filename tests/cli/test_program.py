"""The command line itself: its verbs, its help and its errors."""

import subprocess
import sys
from importlib.metadata import version

import click
import pytest

from workbench.cli import main
from workbench.cli.program import VERBS, program


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_command_that_explains_itself(verb, capsys):
    command = program.get_command(click.Context(program), verb)
    assert command.name == verb
    assert main([verb, "--help"]) == 0
    assert "Examples:" in capsys.readouterr().out


def test_help_lists_every_verb(capsys):
    assert main(["--help"]) == 0
    assert set(VERBS) <= set(capsys.readouterr().out.split())


def test_an_unknown_verb_suggests_the_nearest_one(capsys):
    assert main(["covert"]) == 2
    error = capsys.readouterr().err
    assert "there is no command 'covert'; " in error and "did you mean 'convert'?" in error


def test_a_failing_verb_ends_with_its_message_and_no_traceback(tmp_path, capsys):
    assert main(["convert", "csv", str(tmp_path / "o.h5"), f"all={tmp_path / 'no.csv'}"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert "Traceback" not in error


def test_the_package_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "--version"], capture_output=True, text=True, check=True
    )
    assert version("workbench") in done.stdout
