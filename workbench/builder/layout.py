"""Python expressions as small trees, and their formatting in lines of limited length.

Long expressions are broken at brackets, in the style of ``ruff format``: the content of the last
brackets goes on its own line. If that line is too long, each element goes on its own line, followed
by a comma.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 88
"""The maximum length of a line; the default of ``ruff format``."""

ATOM, POWER, UNARY, PRODUCT, SUM, COMPARISON = range(6)
"""The precedence levels of expressions, highest first."""

PRECEDENCE = {"**": POWER, "*": PRODUCT, "/": PRODUCT, "@": PRODUCT, "+": SUM, "-": SUM,
              "==": COMPARISON}  # fmt: skip


@dataclass(frozen=True)
class Code:
    """A part of an expression.

    Attributes
    ----------
    head : str
        The text before the brackets, or the whole text if there are no brackets.
    parts : tuple of Code or None
        The elements in brackets; None if there are no brackets.
    brackets : str
        An opening and a closing bracket.
    level : int
        The precedence of the expression.
    simple : bool
        True for names, attributes and numbers.
    """

    head: str
    parts: tuple[Code, ...] | None = None
    brackets: str = "()"
    level: int = ATOM
    simple: bool = False

    def flat(self) -> str:
        """Return the text on one line."""
        if self.parts is None:
            return self.head
        inside = ", ".join(part.flat() for part in self.parts)
        comma = "," if self.brackets == "()" and not self.head and len(self.parts) == 1 else ""
        return f"{self.head}{self.brackets[0]}{inside}{comma}{self.brackets[1]}"

    def lines(self, indent: int, before: int, after: int) -> str:
        """Return the text, on several lines if necessary.

        Parameters
        ----------
        indent : int
            The number of spaces before the statement.
        before, after : int
            The number of characters before the text on its first line, and after the text on its
            last line.
        """
        flat = self.flat()
        if before + len(flat) + after <= WIDTH or not self.parts:
            return flat
        inner = indent + 4
        start, end = f"{self.head}{self.brackets[0]}\n", f"\n{' ' * indent}{self.brackets[1]}"
        one = ", ".join(part.flat() for part in self.parts)
        lonely = self.brackets == "()" and not self.head and len(self.parts) == 1
        if inner + len(one) <= WIDTH and not lonely:
            return f"{start}{' ' * inner}{one}{end}"
        each = [f"{' ' * inner}{part.lines(inner, inner, 1)}," for part in self.parts]
        return start + "\n".join(each) + end


def name(text: str) -> Code:
    """Return a name, an attribute or a number."""
    return Code(text, simple=True)


def call(head: str, parts: Sequence[Code]) -> Code:
    """Return a call."""
    return Code(head, tuple(parts))


def keyword(key: str, value: Code) -> Code:
    """Return a keyword argument."""
    return Code(f"{key}={value.head}", value.parts, value.brackets)


def enclosed(code: Code, level: int, *, alike: bool = True) -> str:
    """Return the text of an operand, in parentheses if its precedence is too low."""
    loose = code.level > level or (code.level == level and not alike)
    return f"({code.flat()})" if loose else code.flat()


def binary(symbol: str, left: Code, right: Code) -> Code:
    """Return an operation on two expressions.

    Examples
    --------
    >>> binary("*", name("0.5"), binary("+", name("a"), name("b"))).flat()
    '0.5 * (a + b)'
    >>> binary("**", name("weights"), name("2")).flat()
    'weights**2'
    """
    level = PRECEDENCE[symbol]
    if symbol == "**":
        texts = enclosed(left, level, alike=False), enclosed(right, UNARY)
        between = "**" if left.simple and right.simple else " ** "
    else:
        compared = symbol == "=="
        texts = enclosed(left, level, alike=not compared), enclosed(right, level, alike=False)
        between = f" {symbol} "
    return Code(between.join(texts), level=level)


def negative(operand: Code) -> Code:
    """Return the negative of an expression."""
    return Code(f"-{enclosed(operand, UNARY)}", level=UNARY)


def method(owner: Code, text: str, parts: Sequence[Code]) -> Code:
    """Return a method call."""
    return Code(f"{enclosed(owner, ATOM)}.{text}", tuple(parts))
