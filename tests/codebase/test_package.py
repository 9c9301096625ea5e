"""Wheel and sdist: what they contain, what they say about themselves, and how large they are."""

import email
import tarfile
import zipfile

import pytest

from tests.support import package
from tests.support.tree import PACKAGES, tracked

LARGEST = 5_000_000
SOURCES = "extensions_live/frontend/"
NEEDED = {
    name for name in tracked() if name.startswith(PACKAGES) and not name.startswith(SOURCES)
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("package")


@pytest.fixture(scope="module")
def wheel(folder):
    with zipfile.ZipFile(package.build("wheel", folder)) as wheel:
        yield wheel


@pytest.fixture(scope="module")
def sdist(folder):
    with tarfile.open(package.build("sdist", folder)) as sdist:
        yield sdist


@pytest.fixture(scope="module")
def metadata(wheel):
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return email.message_from_bytes(wheel.read(name))


def test_the_wheel_contains_both_packages_and_nothing_else(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == NEEDED
    assert {f"{package}/py.typed" for package in PACKAGES} <= names


def test_the_sdist_contains_what_the_wheel_is_built_from(sdist):
    names = {name.partition("/")[2] for name in sdist.getnames()}
    assert names >= NEEDED | {"pyproject.toml", "README.md", "LICENSE"}
    outside = {name.split("/")[0] for name in names if "/" in name} - set(PACKAGES)
    assert outside == {"workbench.egg-info"}


def test_the_sdist_builds_the_same_wheel(sdist, wheel, folder):
    sdist.extractall(folder / "unpacked", filter="data")
    [source] = (folder / "unpacked").iterdir()
    (folder / "again").mkdir()
    with zipfile.ZipFile(package.build_in(source, "wheel", folder / "again")) as again:
        sizes = [{one.filename: one.CRC for one in built.infolist()} for built in (wheel, again)]
    assert sizes[0] == sizes[1]


def test_they_are_small(wheel, sdist, folder):
    built = [path for path in folder.iterdir() if path.suffix in (".whl", ".gz")]
    sizes = {path.name: path.stat().st_size for path in built}
    assert len(sizes) == 2
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}


def test_the_metadata_is_complete(metadata):
    for field in ("Name", "Version", "Summary", "Author", "Keywords", "Requires-Python"):
        assert metadata[field], field
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload().startswith("# workbench")
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    development = {"test", "bench", "docs", "dev"}
    assert set(metadata.get_all("Provides-Extra")) == {*package.EXTRAS, *development}


def test_the_wheel_installs_the_command(wheel):
    [name] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert wheel.read(name).decode().split() == [
        "[console_scripts]", "workbench", "=", "workbench.cli:main"
    ]  # fmt: skip
