"""Every install is exact: each dependency has a pin, and each install command uses the pins."""

import ast
import re
import shlex
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.notebooks import code_of, paths
from tests.support.tree import PACKAGES, ROOT, imports, modules

PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
WANTED = [
    *PROJECT["project"]["dependencies"],
    *(
        text
        for name in ("live", "images", "parquet", "ray", "test", "dev")
        for text in EXTRAS[name]
    ),
]
OPTIONAL = {"ipdb", "onnx", "PIL", "ray"}  # used if they are installed, else a message names them
INSTALLERS = [".ci/run", "Makefile", "README.md", "CONTRIBUTING.md", "binder/postBuild"]


@pytest.mark.parametrize("text", [*WANTED, *PROJECT["build-system"]["requires"]])
def test_every_dependency_has_a_pin_above_its_floor(text):
    wanted = Requirement(text)
    assert wanted.specifier.contains(PINS[canonicalize_name(wanted.name)])


def test_every_line_is_a_pin_without_build_tag():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert len(PINS) == len([line for line in lines if not line.startswith("#")])
    assert [version for version in PINS.values() if "+" in version] == []


def test_binder_installs_the_pinned_torch_for_cpus():
    lines = (ROOT / "binder" / "requirements.txt").read_text().splitlines()
    assert f"torch=={PINS['torch']}+cpu" in lines
    assert "-c ../constraints.txt" in lines


providers = cache(packages_distributions)


def installed_by_binder():
    """Return the libraries that the install command of ``binder/postBuild`` names, with extras."""
    text = (ROOT / "binder" / "postBuild").read_text()
    [command] = re.findall(r"^python -m pip install .*", text, re.MULTILINE)
    _, _, words = command.partition(" -e ")
    project, *others = shlex.split(words)
    extras = re.fullmatch(r"\.\[(.+)\]", project)[1].split(",")
    texts = [*PROJECT["project"]["dependencies"], *(one for name in extras for one in EXTRAS[name])]
    return {canonicalize_name(Requirement(one).name) for one in [*texts, *others]}


def imported_by(code):
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_binder_installs_what_the_notebook_needs(path):
    code = "\n".join(code_of(path))
    needed = imported_by(code) - sys.stdlib_module_names - set(PACKAGES)
    for library in needed:
        known = {canonicalize_name(name) for name in providers()[library]}
        assert known & installed_by_binder(), library
    assert "onnx" in installed_by_binder() or "onnx" not in code


@pytest.mark.parametrize("name", INSTALLERS)
def test_every_install_command_uses_the_pins(name):
    """All except the command that makes the pins, which installs into ``build/pins``."""
    lines = (ROOT / name).read_text().splitlines()
    installs = [line for line in lines if re.search(r"pip install", line)]
    assert [
        line for line in installs if "-c constraints.txt" not in line and "build/pins" not in line
    ] == []


@pytest.mark.parametrize("package, extras", [("workbench", []), ("extensions_live", ["live"])])
def test_every_library_that_is_imported_is_a_declared_dependency(package, extras):
    texts = [*PROJECT["project"]["dependencies"], *(text for one in extras for text in EXTRAS[one])]
    declared = {canonicalize_name(Requirement(text).name) for text in texts}
    imported = {
        target.split(".")[0]
        for name, path in modules().items()
        if name.split(".")[0] == package
        for target in imports(path)
    }
    for library in imported - sys.stdlib_module_names - {*PACKAGES, *OPTIONAL}:
        assert declared & {canonicalize_name(name) for name in providers()[library]}, library
