"""Every install is exact: each dependency has a pin, and each install command uses the pins."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.tree import ROOT

PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
WANTED = [*PROJECT["project"]["dependencies"], *EXTRAS["live"], *EXTRAS["test"], *EXTRAS["dev"]]
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


@pytest.mark.parametrize("name", INSTALLERS)
def test_every_install_command_uses_the_pins(name):
    """All but the one that makes them, which installs into ``build/pins``."""
    lines = (ROOT / name).read_text().splitlines()
    installs = [line for line in lines if re.search(r"(pip|\(PIP\)) install", line)]
    assert [
        line for line in installs if "-c constraints.txt" not in line and "build/pins" not in line
    ] == []
