"""The exceptions: their builtin base classes, and the drawing of their tree."""

import builtins
import re

import pytest

from workbench import errors

DRAWN = re.findall(r"([A-Z]\w+)\s+\(([\w, ]+)\)", errors.__doc__ or "")


@pytest.mark.parametrize(("name", "bases"), DRAWN, ids=[name for name, _ in DRAWN])
def test_an_exception_is_the_builtins_drawn_behind_it(name, bases):
    for base in bases.split(", "):
        assert issubclass(getattr(errors, name), getattr(builtins, base))


@pytest.mark.parametrize(
    "error",
    [
        errors.DtypeError,
        errors.SelectionError,
        errors.SignatureError,
        errors.ExtensionError,
        errors.EventError,
        errors.ExtensionLookupError,
    ],
)
def test_who_gives_a_wrong_dtype_selection_or_signature_can_catch_a_value_error(error):
    with pytest.raises(ValueError, match="why"):
        raise error("why")
