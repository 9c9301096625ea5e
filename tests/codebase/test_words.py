"""Words of docstrings, messages, comments, notebooks and pages: plain, and the field's own."""

import ast
import json
import re
from pathlib import Path

import pytest

from tests.support.tree import ROOT, modules, tracked

VERBS = frozenset((Path(__file__).parent / "verbs.txt").read_text().split())
"""Verbs with which the docstring of a function may open; add one that is missing."""

OPENINGS = re.compile(r"(?:what|whether|how|where|which|who|whose|of|that|if|so)\b", re.IGNORECASE)
"""Words with which no docstring opens: they begin a clause, not a sentence or a name."""

AVOIDED = {
    r"somebody|nobody|anybody|someone else's|whoever|whomever": "the user, the caller, code that",
    r"anew": "again, or: from the start",
    r"shall": "must, should or will",
    r"(?<!there )(?<!\) )(?:is|are) (?-i:none)": "is not one, or: there are no ...",
    r"is a moment|moments? of (?:a|the|one|each|every) loops?": "time step",
    r"(?:one|each|every|all|single|no) moments?": "time step",
    r"pictures?": "image, or plot",
    r"thereof|therein|thereby|whereof|hereby": "of it, in it, so",
    r"is an? [^.;:,]{1,60}, got\b": "must be ...",
}
"""Patterns, matched as whole words, and what to write in their place."""

HERE = "tests/codebase/test_words.py"
PAGES = (".md", ".ipynb", ".ts", ".html")
TEXTS = [name for name in tracked() if name.endswith((".py", ".toml", *PAGES)) and name != HERE]


def _documented(name):
    """Yield every node that has a docstring, with the docstring's first line."""
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node, text.splitlines()[0]


def _is_property(node):
    """Return True for a property, whose docstring names its value as a noun."""
    names = {
        part.id for d in node.decorator_list for part in ast.walk(d) if isinstance(part, ast.Name)
    }
    attributes = {
        part.attr
        for d in node.decorator_list
        for part in ast.walk(d)
        if isinstance(part, ast.Attribute)
    }
    return bool({"property", "cached_property"} & (names | attributes))


def _line(node, name, text):
    return f"{name}:{getattr(node, 'lineno', 1)}: {text}"


@pytest.mark.parametrize("name", [name for name in tracked() if name.endswith(".py")])
def test_a_docstring_opens_with_a_verb_or_a_noun(name):
    found = [_line(node, name, first) for node, first in _documented(name) if OPENINGS.match(first)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("module", modules())
def test_the_docstring_of_a_function_opens_with_a_verb(module):
    name = modules()[module].relative_to(ROOT).as_posix()
    found = [
        _line(node, name, first)
        for node, first in _documented(name)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not _is_property(node)
        and first.split()[0].rstrip(".,:;") not in VERBS
    ]
    assert not found, "begin with a verb (tests/codebase/verbs.txt):\n" + "\n".join(found)


@pytest.mark.parametrize("pattern", AVOIDED, ids=lambda pattern: pattern[:20])
def test_words_that_are_avoided(pattern):
    expression = re.compile(rf"\b(?:{pattern})\b(?!_)", re.IGNORECASE)
    found = [
        f"{name}:{number}: {line.strip()[:160]}"
        for name in TEXTS
        for number, line in enumerate(_prose(name), start=1)
        if expression.search(line)
    ]
    assert not found, f"write {AVOIDED[pattern]!r}:\n" + "\n".join(found)


def _prose(name):
    text = (ROOT / name).read_text()
    if name.endswith(".ipynb"):
        return [
            line
            for cell in json.loads(text)["cells"]
            for line in "".join(cell["source"]).splitlines()
        ]
    return text.splitlines()
