"""Archives on the command line: what they contain, and how training goes on from them."""

import json

import pytest

import workbench as wb
from tests.support.runs import build
from workbench.cli import main
from workbench.serialization.checkpoint import read_state


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archives") / "run.tar"
    session = build(7).start(name="digits")
    session.wait()
    session.save(path).wait()
    return path


def test_an_archive_is_shown(archive, capsys):
    assert main(["show", str(archive)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("digits: 7 iterations, ")
    assert "\n  torch  " in shown and "float32 (" in shown


def test_json_has_the_parameters_and_the_latest_values(archive, capsys):
    assert main(["show", str(archive), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    parameters = read_state(archive, ["parameters"])["parameters"]
    assert facts["iterations_done"] == 7
    shapes = {name: one["shape"] for name, one in facts["parameters"].items()}
    assert shapes == {name: list(value.shape) for name, value in parameters.items()}
    assert type(facts["latest"]["cost"]) is float or "cost" not in facts["latest"]


@pytest.mark.parametrize("verb", ["show", "continue"])
def test_a_missing_archive_is_named(verb, capsys):
    assert main([verb, "no.tar"]) == 1
    assert "there is no archive 'no.tar'; the working directory is" in capsys.readouterr().err


def test_other_files_are_no_archives(tmp_path, capsys):
    (tmp_path / "x.tar").write_text("nothing")
    assert main(["show", str(tmp_path / "x.tar")]) == 1
    assert capsys.readouterr().err.startswith("Error: ")


def test_training_continues_from_an_archive(archive, tmp_path, capsys):
    more = tmp_path / "more.tar"
    before = read_state(archive, ["log"])["log"]["status"]["epochs_done"]
    assert main(["continue", str(archive), "--trusted", "--epochs", "1", "--save", str(more)]) == 0
    assert f"saved {more}" in capsys.readouterr().out
    status = read_state(more, ["log"])["log"]["status"]
    assert (status["epochs_done"], status["session_name"]) == (before + 1, "digits")


def test_values_of_the_last_batch_are_marked_after_those_of_epochs(tmp_path, capsys):
    run = wb.fit([wb.Linear()], ([[0.0], [1.0]] * 20, ["a", "b"] * 20), batch_size=8, epochs=2)
    run.wait(60)
    run.save(tmp_path / "run.tar").wait()
    assert main(["show", str(tmp_path / "run.tar")]) == 0
    shown = capsys.readouterr().out
    assert "cost (last batch)" in shown and "validation_cost (last" not in shown
    assert shown.index("validation_accuracy") < shown.index("  accuracy (last batch)")


def test_code_in_an_archive_is_executed_only_if_trusted(archive, capsys):
    assert main(["continue", str(archive)]) == 1
    assert "pass --trusted only if you trust its origin" in capsys.readouterr().err
