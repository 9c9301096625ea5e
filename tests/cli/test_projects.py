"""New projects, JupyterLab, completion, and the commands of the live layer."""

import json
import sys

import nbformat
import pytest

import workbench.cli.lab as lab
from workbench.cli import main
from workbench.cli.new import notebook


def test_a_new_project_has_a_valid_notebook_without_outputs(tmp_path, capsys):
    assert main(["new", str(tmp_path / "digits")]) == 0
    path = tmp_path / "digits" / "digits.ipynb"
    assert f"workbench lab {path}" in capsys.readouterr().out
    nbformat.validate(nbformat.read(path, as_version=4))
    assert json.loads(path.read_text())["cells"][0]["source"].startswith("# digits\n")


def test_the_notebook_of_a_new_project_runs():
    code = [one["source"] for one in notebook("x")["cells"] if one["cell_type"] == "code"]
    names = {}
    exec("\n".join(code).replace("epochs=100", "epochs=20"), names)
    assert names["session"].log.epochs["validation_accuracy"].iloc[-1] > 0.7


def test_an_existing_folder_is_not_changed(tmp_path, capsys):
    assert main(["new", str(tmp_path)]) == 1
    assert "already exists, and nothing was changed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_lab_starts_on_this_machine_only(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(lab.subprocess, "call", lambda command: calls.append(command) or 0)
    assert main(["lab", str(tmp_path), "--port", "8890", "--no-browser"]) == 0
    (command,) = calls
    assert command[:4] == [sys.executable, "-m", "jupyterlab", str(tmp_path)]
    assert {"--ip=127.0.0.1", "--port=8890", "--no-browser"} <= set(command)


def test_lab_needs_an_existing_path(capsys):
    assert main(["lab", "nothing-here"]) == 1
    assert "no folder or notebook 'nothing-here'; create a project" in capsys.readouterr().err


def test_lab_names_what_is_not_installed(monkeypatch, capsys):
    monkeypatch.setattr(lab, "find_spec", lambda name: None)
    assert main(["lab"]) == 1
    assert "pip install 'workbench[live]'" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script(shell, capsys):
    assert main(["completion", shell]) == 0
    assert f"_WORKBENCH_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_words_are_completed(monkeypatch, capsys):
    monkeypatch.setenv("_WORKBENCH_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "workbench da")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert main([]) == 0
    assert capsys.readouterr().out.split() == ["plain,dashboard"]


def test_doctor_prints_versions(capsys):
    assert main(["doctor"]) == 0
    assert "torch" in capsys.readouterr().out


def test_a_dashboard_needs_a_database(tmp_path, capsys):
    assert main(["dashboard", str(tmp_path / "no.sqlite")]) == 1
    assert "no.sqlite" in capsys.readouterr().err
