"""Committed files: small, notebooks without outputs, no private paths, a docstring everywhere."""

import ast
import json
import re
import subprocess
import tomllib
from fnmatch import fnmatch

import pytest

from tests.support.tree import PACKAGES, ROOT, modules, tracked

LARGEST = 3_000_000
LARGEST_IMAGE = 2_000_000
IMAGES = (".gif", ".ico", ".jpeg", ".jpg", ".png", ".svg", ".webp")
CLONE = 30_000_000
"""Bytes that a clone may transfer, with the whole history."""
# Folders that exist on one machine only. Standard places such as /usr/bin are allowed.
OWN_PATHS = re.compile(r"(?<![\w.~}$])/(?:home|root|Users|opt|work|mnt|srv)/[\w.]")
# Split into two parts, so that this file does not contain the names.
HOSTS = [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"),
         ("yarnpkg", "com"), ("debian", "org"), ("anaconda", "org"), ("crates", "io")]  # fmt: skip
REGISTRIES = re.compile("|".join(rf"{name}\.{domain}\b" for name, domain in HOSTS))


def texts():
    """Yield path, number and text of every line of every tracked file that is text."""
    for name in tracked():
        content = (ROOT / name).read_bytes()
        if b"\0" not in content:
            for number, line in enumerate(content.decode("utf-8").splitlines(), start=1):
                yield name, number, line


@pytest.mark.parametrize("pattern", [OWN_PATHS, REGISTRIES], ids=["own paths", "registries"])
def test_no_line_names_one_machine_or_a_registry(pattern):
    found = [
        f"{name}:{number}: {line[:200]}" for name, number, line in texts() if pattern.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line, found",
    [
        ("cd /home" + "/me/data", True),
        ("folder: '/opt" + "/tools'", True),
        ("/usr/bin/chromium", False),
        ("path/to/work/file", False),
        ("https://example.com/home/page", False),
        ("~/work/data", False),
    ],
)
def test_what_counts_as_an_own_path(line, found):
    assert bool(OWN_PATHS.search(line)) is found


def test_no_tracked_file_is_large():
    sizes = {name: (ROOT / name).stat().st_size for name in tracked()}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}


def test_no_image_is_large():
    images = {
        name: (ROOT / name).stat().st_size for name in tracked() if name.lower().endswith(IMAGES)
    }
    assert "notebooks/live.gif" in images
    assert {name: size for name, size in images.items() if size > LARGEST_IMAGE} == {}


def git(*command, given=""):
    """Return the output of a git command in the repository."""
    done = subprocess.run(
        ["git", *command], cwd=ROOT, check=True, capture_output=True, input=given.encode()
    )
    return done.stdout


def test_a_clone_with_the_whole_history_is_small():
    """Objects without a pack are stored whole, so the space on disk is at least what a clone needs.

    Only if that is too much, the pack that a clone would receive is made, which takes longer.
    """
    if git("rev-parse", "--is-shallow-repository").strip() == b"true":
        pytest.skip("this clone is shallow, so the size of the whole history is unknown")
    stored = int(git("rev-list", "--disk-usage", "--objects", "HEAD"))
    pack = ("pack-objects", "--revs", "--stdout", "--delta-base-offset", "-q")
    assert stored <= CLONE or len(git(*pack, given="HEAD\n")) <= CLONE


@pytest.mark.parametrize("name", [name for name in tracked() if name.endswith(".ipynb")])
def test_notebooks_are_committed_without_outputs(name):
    """The file in the index counts: a notebook that was just run can have outputs."""
    for cell in json.loads(git("show", f":{name}"))["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None, cell["source"]


@pytest.mark.parametrize("name", sorted(modules()))
def test_every_module_opens_with_a_docstring(name):
    docstring = ast.get_docstring(ast.parse(modules()[name].read_text(encoding="utf-8")))
    assert docstring and docstring.splitlines()[0].endswith(".")


def test_every_data_file_of_a_package_is_installed_with_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    sources = project["tool"]["setuptools"]["packages"]["find"]["exclude"]
    data = [name for name in tracked() if name.startswith(PACKAGES) and not name.endswith(".py")]
    assert data
    for name in data:
        if any(fnmatch(name.replace("/", "."), pattern) for pattern in sources):
            continue
        assert any(fnmatch(name.rsplit("/", 1)[-1], pattern) for pattern in patterns), name
