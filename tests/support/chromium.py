"""Search for the Chromium of the browser tests; as a program, try to install it if it is missing.

``python -m tests.support.chromium`` never fails. Without a browser the tests are skipped with a
reason. They fail only if ``TESTS_REQUIRE_BROWSER=1``, as in CI (see the fixture `chromium` in
``tests/conftest.py``).
"""

from __future__ import annotations

import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-liberation")
ABSENT = (
    "no Chromium found: install the package `chromium`, or name a browser in the environment "
    "variable CHROMIUM"
)


def find() -> str | None:
    """Return the path of the browser in ``$CHROMIUM``, else of the first of `NAMES` that exists."""
    named = os.environ.get("CHROMIUM")
    paths = map(shutil.which, [named] if named else NAMES)
    return next((path for path in paths if path), None)


def required() -> bool:
    """Return True if browser tests must run here."""
    return os.environ.get("TESTS_REQUIRE_BROWSER", "") not in ("", "0")


def install() -> str:
    """Try to install Debian's package; return one line about the outcome."""
    if not shutil.which("apt-get"):
        return "cannot install Chromium: there is no apt-get here"
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if root and not shutil.which("sudo"):
        return "cannot install Chromium: neither root nor sudo"
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    packages = ["install", "--no-install-recommends", *PACKAGES]
    for arguments in (["update"], packages):
        done = subprocess.run(
            [*apt, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode:
            fault = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            return f"cannot install Chromium: {' '.join(fault)}"
    return f"installed {find()}"


if __name__ == "__main__":
    print(find() or install())
