"""The checks on a public forge: the same commands as here, on all versions that are promised."""

import re
import tomllib

import yaml

from tests.support.tree import ROOT

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text("utf-8"))
MATRIX = WORKFLOW["jobs"]["test"]["strategy"]["matrix"]
COMMANDS = [
    step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step
]


def test_every_command_is_a_target_of_the_makefile():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = [command.removeprefix("make ").split() for command in COMMANDS]
    assert all(command.startswith("make ") for command in COMMANDS)
    words = {word for words in called for word in words if "=" not in word}
    assert words <= targets
    assert {"install", "lint", "types", "test", "docs", "package"} <= words


def test_the_versions_of_python_are_those_of_the_metadata():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    prefix = "Programming Language :: Python :: 3."
    promised = [one.rpartition(" ")[2] for one in project["classifiers"] if one.startswith(prefix)]
    assert MATRIX["python"] == promised == ["3.11", "3.12", "3.13"]


def test_it_runs_what_ci_runs_here():
    script = (ROOT / ".ci" / "run").read_text()
    here = set(re.findall(r"^(?:make|check) ([a-z]+)", script, re.MULTILINE))
    words = {word for command in COMMANDS for word in command.split()}
    assert here - {"matrix"} <= words  # the matrix of windowing modes takes hours


def test_it_runs_on_linux_and_macos():
    assert {name.partition("-")[0] for name in MATRIX["os"]} == {"ubuntu", "macos"}


def test_binder_is_proven_only_when_a_person_starts_it():
    job = WORKFLOW["jobs"]["binder"]
    assert job["if"] == "github.event_name == 'workflow_dispatch'"
    assert "workflow_dispatch" in WORKFLOW[True]  # YAML reads the key `on` as a boolean
    assert job["steps"][-1]["run"].startswith("make binder")
