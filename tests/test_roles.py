"""Roles: hierarchy, identity, and adding roles to variables."""

import copy
import pickle

import cloudpickle
import pytest

from workbench import roles, tensor
from workbench.roles import (
    BIAS,
    INPUT,
    OUTPUT,
    PARAMETER,
    PERSISTENT,
    WEIGHT,
    VariableRole,
    add_role,
    has_roles,
)

ALL = [value for value in vars(roles).values() if isinstance(value, VariableRole)]


@pytest.mark.parametrize("role", ALL, ids=repr)
def test_a_role_is_the_one_instance_of_its_class(role):
    assert type(role)() is role
    assert copy.deepcopy(role) is copy.copy(role) is role
    assert pickle.loads(pickle.dumps(role)) is role
    assert getattr(roles, repr(role)) is role


def test_roles_are_hashable_and_distinct():
    assert len(set(ALL)) == len(ALL) == 25


def test_a_role_made_in_a_notebook_survives_cloudpickle():
    class CodeRole(VariableRole):
        pass

    assert cloudpickle.loads(cloudpickle.dumps(CodeRole())) is CodeRole()
    assert repr(CodeRole()) == "CODE"


@pytest.mark.parametrize(
    ("added", "kept"),
    [
        ([PARAMETER, WEIGHT], [WEIGHT]),
        ([WEIGHT, PARAMETER], [WEIGHT]),
        ([WEIGHT, WEIGHT], [WEIGHT]),
        ([WEIGHT, BIAS], [WEIGHT, BIAS]),
        ([INPUT, PERSISTENT, roles.FILTER], [INPUT, roles.FILTER]),
    ],
)
def test_the_most_specific_roles_remain(added, kept):
    x = tensor.matrix("x")
    for role in added:
        add_role(x, role)
    assert x.tag.roles == kept


def test_a_specific_role_counts_as_all_it_derives_from():
    x = tensor.matrix("x")
    add_role(x, WEIGHT)
    add_role(x, OUTPUT)
    assert has_roles(x, [PERSISTENT])
    assert not has_roles(x, [roles.FILTER])
    assert has_roles(x, [PARAMETER, OUTPUT], match_all=True)
    assert not has_roles(x, [PARAMETER, INPUT], match_all=True)


def test_copies_and_views_have_no_roles():
    x = tensor.matrix("x")
    add_role(x, WEIGHT)
    assert x.copy().tag.roles == (x + 1).tag.roles == []
