"""The site as a program: tutorials from the notebooks, a reference from docstrings, checked links.

``make docs`` runs it. It gathers all pages in ``build/site/source``, lets Sphinx write the site to
``build/site/html``, and then follows every link within the site. Nothing is fetched.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGES = ("workbench", "extensions_live")

Places = dict[str, list[str]]


def public_modules() -> list[str]:
    """Return the modules that list their public names, and the module of all errors."""
    found = ["workbench.errors"]
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "node_modules" not in path.parts and "\n__all__ = " in path.read_text("utf-8"):
                parts = path.relative_to(ROOT).with_suffix("").parts
                found.append(".".join(parts).removesuffix(".__init__"))
    return found


def rank(module: str) -> tuple[bool, int, str]:
    """Return a key by which modules are sorted: the first that has a name documents it."""
    return module == "workbench", module.count("."), module


def public_names(module: ModuleType) -> list[str]:
    """Return the names that a module offers: those it lists, or the classes that it defines."""
    listed = getattr(module, "__all__", None)
    if listed is None:
        listed = [
            name
            for name, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module.__name__ and name[0] != "_"
        ]
    return [name for name in listed if not inspect.ismodule(getattr(module, name))]


def homes(modules: list[str]) -> tuple[Places, dict[str, dict[str, str]]]:
    """Return the names that each module documents, and those that another one documents.

    The second dictionary maps each module to names with their full paths elsewhere.
    """
    here: Places = {}
    elsewhere: dict[str, dict[str, str]] = {}
    seen: dict[int, str] = {}
    for name in sorted(modules, key=rank):
        module = importlib.import_module(name)
        here[name], elsewhere[name] = [], {}
        for one in public_names(module):
            value = getattr(module, one)
            if not callable(value) or id(value) not in seen:
                here[name].append(one)
                seen[id(value)] = f"{name}.{one}"
            else:
                elsewhere[name][one] = seen[id(value)]
    return here, elsewhere


def directive(path: str, value: object) -> list[str]:
    """Return the lines of reStructuredText that document a value."""
    if isinstance(value, type):
        kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
        return [f".. {kind}:: {path}", "   :members:", "   :show-inheritance:", ""]
    if inspect.isroutine(value):
        return [f".. autofunction:: {path}", ""]
    text = written_below(path.rpartition(".")[2], value)
    return [f".. py:data:: {path}", "", *(f"   {line}" for line in text), ""]


def written_below(name: str, value: object) -> list[str]:
    """Return the lines of the docstring below the assignment that made a value."""
    from sphinx.errors import PycodeError
    from sphinx.pycode import ModuleAnalyzer

    for module, loaded in sorted(sys.modules.items()):
        if module.startswith(PACKAGES) and vars(loaded).get(name) is value:
            try:
                docs = ModuleAnalyzer.for_module(module).find_attr_docs()
            except PycodeError:
                continue
            if ("", name) in docs:
                return docs["", name]
    if type(value).__module__ == "builtins":
        return []
    return (inspect.getdoc(value) or "").splitlines()


def page(name: str, here: list[str], elsewhere: dict[str, str]) -> str:
    """Return the page of a module as reStructuredText."""
    module = importlib.import_module(name)
    lines = [name, "=" * len(name), "", f".. automodule:: {name}", "   :no-members:", ""]
    for one in sorted(here, key=str.casefold):
        lines += directive(f"{name}.{one}", getattr(module, one))
    if elsewhere:
        lines += ["Also here", "---------", ""]
        lines += [f"- :py:obj:`{one} <{path}>`" for one, path in sorted(elsewhere.items())]
    return "\n".join([*lines, ""])


def write_reference(folder: Path) -> None:
    """Write a page for each public module, and a list of them."""
    folder.mkdir(parents=True)
    here, elsewhere = homes(public_modules())
    for name in here:
        (folder / f"{name}.rst").write_text(page(name, here[name], elsewhere[name]), "utf-8")
    entries = "\n".join(f"   {name}" for name in sorted(here))
    text = f"Reference\n=========\n\n.. toctree::\n   :maxdepth: 1\n\n{entries}\n"
    (folder / "index.rst").write_text(text, "utf-8")


def write_tutorials(folder: Path) -> None:
    """Copy all notebooks to a new folder, each with its preview below the first cell.

    The notebooks of the repository have no outputs, and the site does not run them by default.
    """
    previews = folder / "previews"
    previews.mkdir(parents=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        image = Path(shutil.copy(ROOT / "notebooks" / "previews" / f"{path.stem}.webp", previews))
        notebook = json.loads(path.read_text("utf-8"))
        text = f"![Some cells of this notebook after it was run](previews/{image.name})"
        cell = {"cell_type": "markdown", "id": "preview", "metadata": {}, "source": [text]}
        notebook["cells"].insert(1, cell)
        (folder / path.name).write_text(json.dumps(notebook), "utf-8")


def gather(source: Path) -> None:
    """Copy notebooks and pages to a new folder, and write the reference there."""
    shutil.rmtree(source, ignore_errors=True)
    for folder, files in {
        source: [*sorted(HERE.glob("*.md")), ROOT / "CHANGELOG.md"],
        source / "pages": sorted((ROOT / "notebooks" / "pages").glob("*.md")),
        source / "texts": sorted((ROOT / "tests" / "tutorials").glob("*.md")),
    }.items():
        folder.mkdir(parents=True, exist_ok=True)
        for path in files:
            shutil.copy(path, folder)
    shutil.copy(ROOT / "notebooks" / "live.gif", source)
    write_tutorials(source / "notebooks")
    write_reference(source / "reference")


def main(arguments: list[str] | None = None) -> int:
    """Build the site; return 0 if there was no warning and no broken link."""
    parser = argparse.ArgumentParser(description="Build the site and check its links.")
    parser.add_argument("--run", action="store_true", help="run the notebooks to get their outputs")
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "site")
    options = parser.parse_args(arguments)
    sys.path[:0] = [str(ROOT), str(HERE)]

    from links import broken
    from sphinx.cmd.build import build_main

    source, site = options.to / "source", options.to / "html"
    gather(source)
    shutil.rmtree(site, ignore_errors=True)
    settings = ["-D", "nb_execution_mode=force"] if options.run else []
    status = build_main(
        ["-q", "-W", "--keep-going", "-b", "html", "-d", str(options.to / "cache"), "-c", str(HERE),
         *settings, str(source), str(site)]
    )  # fmt: skip
    faults = broken(site)
    for fault in faults:
        print(fault, file=sys.stderr)
    if not status and not faults:
        print(f"The site is complete: {site / 'index.html'}")
    return int(bool(status or faults))


if __name__ == "__main__":
    sys.exit(main())
