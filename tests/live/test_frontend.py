"""Scripts of the page: their unit tests pass, and the committed files are up to date."""

import subprocess

import pytest

from extensions_live.widget import ASSETS
from tests.support import frontend


@pytest.fixture(scope="module")
def workshop():
    """Return the module that runs the front end's scripts; skip if node or packages are missing."""
    reason = frontend.prepare()
    if reason is not None:
        (pytest.fail if frontend.required() else pytest.skip)(reason)
    return frontend


def test_the_unit_tests_of_the_page_pass(workshop):
    done = workshop.run("test")
    assert done.returncode == 0, done.stdout


def test_the_committed_scripts_are_what_the_sources_build(workshop, tmp_path):
    done = workshop.run("build", f"--outdir={tmp_path}")
    assert done.returncode == 0, done.stdout
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    scripts = {path.name for path in ASSETS.glob("*.js")}
    committed = {
        name: (ASSETS / name).read_bytes()
        for name in scripts | {*built}
        if (ASSETS / name).exists()
    }
    differ = sorted(name for name in built | committed if built.get(name) != committed.get(name))
    assert not differ, (
        f"{', '.join(differ)} in extensions_live/assets must be what extensions_live/frontend "
        "builds: run `make frontend` and commit what it changes"
    )


def test_the_licences_of_all_packages_in_the_editor_are_committed():
    text = (ASSETS / "editor.LICENSE").read_text(encoding="utf-8")
    _, *notices = text.split("-" * 78)
    names = {notice.split()[0] for notice in notices}
    assert names > {"react", "react-dom", "@xyflow/react", "@dagrejs/dagre", "zustand", "d3-zoom"}
    assert all("copyright" in notice.lower() for notice in notices)


def test_without_node_the_scripts_are_left_out(monkeypatch, capsys):
    monkeypatch.setattr(frontend, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("TESTS_REQUIRE_NODE", raising=False)
    assert frontend.main(["lint"]) == 0
    assert "LEFT OUT: lint of the front end: no node found" in capsys.readouterr().out


def test_without_packages_the_reason_is_printed_and_ci_fails(monkeypatch, capsys, tmp_path):
    refused = subprocess.CompletedProcess([], 1, stdout="no route to the registry\n")
    monkeypatch.setattr(frontend, "find", lambda: ["npm"])
    monkeypatch.setattr(frontend, "find_spec", lambda name: None)
    monkeypatch.setattr(frontend, "STAMP", tmp_path / "none")
    monkeypatch.setattr(frontend, "npm", lambda *arguments: refused)
    monkeypatch.setenv("TESTS_REQUIRE_NODE", "1")
    assert frontend.main(["lint"]) == 1
    assert "`npm ci` failed" in (out := capsys.readouterr().out)
    assert "no route to the registry\ninstall the `dev` extra" in out


def test_the_first_script_that_fails_ends_it(monkeypatch):
    ran = []

    def run(script):
        ran.append(script)
        return subprocess.CompletedProcess([], 3 if script == "types" else 0, stdout="")

    monkeypatch.setattr(frontend, "prepare", lambda: None)
    monkeypatch.setattr(frontend, "run", run)
    assert frontend.main(["lint", "types", "test"]) == 3
    assert ran == ["lint", "types"]
