"""Commands that the targets of the Makefile would run to install packages, and with which tool."""

import os
import re
import subprocess

import pytest

from tests.support.tree import ROOT


def commands(target, *given):
    """Return the lines that a target would run in a new environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "-n", target, "VENV=build/none", *given],
        cwd=ROOT, env=kept, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def extras(lines):
    """Return the extras with which the project itself is installed, by each command."""
    return [found[1] for line in lines if (found := re.search(r'-e "\.\[(.+)\]"', line))]


def test_a_user_of_the_notebooks_installs_no_tools_of_development():
    assert extras(commands("lab")) == ["live,onnx"]


@pytest.mark.parametrize("target", ["install", "lint", "types", "notebooks"])
def test_every_other_command_installs_everything(target):
    assert extras(commands(target)) == ["live,test,dev"]


@pytest.mark.parametrize("target", ["lab", "install"])
@pytest.mark.parametrize("uv", ["", "none/uv"])
def test_uv_installs_if_it_is_there_else_pip(target, uv):
    lines = commands(target, f"UV={uv}")
    installs = [line for line in lines if "pip install" in line]
    start = "none/uv pip install" if uv else "build/none/bin/python -m pip install"
    assert len(installs) == 2
    assert [line for line in installs if not line.startswith(start)] == []
    assert [line for line in installs if "-c constraints.txt" not in line] == []


def test_the_two_commands_for_tests_run_every_test_once():
    lines = "\n".join([*commands("test"), *commands("thorough")])
    assert sorted(re.findall(r'-m "(.+?)"', lines)) == sorted(
        f"{browser} and {slow}"
        for browser in ("browser", "not browser")
        for slow in ("slow", "not slow")
    )


def test_the_browser_tests_of_a_first_use_exist():
    from tests.browser.conftest import FIRST_USE

    assert {path.stem for path in (ROOT / "tests" / "browser").glob("test_*.py")} > FIRST_USE


def test_each_step_of_an_installation_prints_one_line():
    printed = [line for line in commands("lab") if line.startswith('echo "[')]
    assert [re.search(r"\[(\d)/(\d)\]", line).groups() for line in printed] == [
        ("1", "2"), ("2", "2")
    ]  # fmt: skip


def test_the_benchmark_of_the_installation_shows_why_make_failed(tmp_path):
    """When ``make lab`` has ended, there is no process left to end."""
    from tests.benchmarks.install import served

    clone, scratch = tmp_path / "clone", tmp_path / "scratch"
    clone.mkdir()
    scratch.mkdir()
    (clone / "Makefile").write_text("lab:\n\t@echo no lab here; false\n")
    refused = pytest.raises(RuntimeError, match=r"(?s)JupyterLab ended with 2:\n.*no lab here")
    with refused, served(clone, "pip", scratch):
        pass
