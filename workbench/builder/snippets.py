"""Statements of code with the comments and blank lines around them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Snippet:
    """A statement at the top level, or several such statements on the same line.

    Attributes
    ----------
    statements : list of ast.stmt
    before : list of str
        The blank lines and comments before the statement, except the comments directly above it.
    comments : list of str
        The comments in the lines directly above the statement.
    lines : list of str
    after : list of str
        For the last snippet, all lines after it.
    """

    statements: list[ast.stmt]
    before: list[str]
    comments: list[str]
    lines: list[str]
    after: list[str] = field(default_factory=list)

    @property
    def bound(self) -> set[str]:
        """The names of the variables that the statement assigns."""
        nodes = [node for one in self.statements for node in ast.walk(one)]
        names = [node for node in nodes if isinstance(node, ast.Name)]
        return {node.id for node in names if isinstance(node.ctx, ast.Store)}

    @property
    def imports(self) -> bool:
        """True if one of the statements is an import."""
        return any(isinstance(one, (ast.Import, ast.ImportFrom)) for one in self.statements)

    def replaced(self, lines: Sequence[str]) -> list[str]:
        """Return new lines for the statement, keeping the comment at the end of its last line."""
        last = self.statements[-1]
        end = self.lines[-1].encode()[last.end_col_offset or 0 :].decode().strip(" ;")
        if not end.startswith("#"):
            return list(lines)
        if "\n" in lines[0]:
            return [end, *lines]
        return [f"{lines[0]}  {end}", *lines[1:]]


def snippets(text: str, statements: Sequence[ast.stmt]) -> list[Snippet]:
    r"""Divide code into snippets that together contain all of its lines.

    Examples
    --------
    >>> text = "# a model\n\n# the input\nx = 1  # one\n"
    >>> [found] = snippets(text, ast.parse(text).body)
    >>> found.before, found.comments, found.replaced(["x = 2", "y = 3"])
    (['# a model', ''], ['# the input'], ['x = 2  # one', 'y = 3'])
    """
    lines = text.split("\n")
    found: list[Snippet] = []
    end = 0
    for statement in statements:
        decorators = getattr(statement, "decorator_list", [])
        start = min(one.lineno for one in (statement, *decorators)) - 1
        last = statement.end_lineno or start + 1
        if found and start < end:  # two statements on one line
            found[-1].statements.append(statement)
            found[-1].lines += lines[end:last]
        else:
            above = start
            while above > end and lines[above - 1].lstrip().startswith("#"):
                above -= 1
            found.append(Snippet([statement], lines[end:above], lines[above:start],
                                 lines[start:last]))  # fmt: skip
        end = max(end, last)
    if found:
        found[-1].after = lines[end:]
    return found
