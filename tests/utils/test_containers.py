"""`AnnotatingList` is a list, and tells of everything that comes and goes."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.utils.containers import AnnotatingList


class Recorder(AnnotatingList):
    """Keep what the hooks were told."""

    def __init__(self, items=None):
        self.told = []
        super().__init__(items)

    def _setitem(self, key, value):
        if value is None:
            raise ValueError("None is refused")
        self.told.append(("set", key, value))

    def _delitem(self, key):
        self.told.append(("del", key, self[key]))


def recorder(items):
    made = Recorder(items)
    made.told.clear()
    return made


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda x: x.append(9), [("set", 3, 9)]),
        (lambda x: x.insert(-1, 9), [("set", 2, 9)]),
        (lambda x: x.insert(99, 9), [("set", 3, 9)]),
        (lambda x: x.remove(5), [("del", 1, 5)]),
        (lambda x: x.pop(), [("del", 2, 6)]),
        (lambda x: x.__setitem__(-1, 9), [("del", 2, 6), ("set", 2, 9)]),
        (lambda x: x.__setitem__(slice(1, 1), [8, 9]), [("set", 1, 8), ("set", 2, 9)]),
        (lambda x: x.__delitem__(slice(None, None, 2)), [("del", 0, 4), ("del", 2, 6)]),
    ],
)
def test_every_change_is_told_once(change, told):
    items = recorder([4, 5, 6])
    change(items)
    assert items.told == told


indices = st.integers(-5, 5)
slices = st.builds(
    slice, indices | st.none(), indices | st.none(), st.sampled_from([None, 1, -1, 2])
)


@given(st.lists(st.integers(), max_size=4), indices | slices, st.lists(st.integers(), max_size=3))
def test_assignment_agrees_with_list(items, key, new):
    ours, plain = recorder(items), list(items)
    value = new if isinstance(key, slice) else 7
    try:
        plain[key] = value
    except (IndexError, ValueError) as error:
        with pytest.raises(type(error)):
            ours[key] = value
        assert ours.told == []
    else:
        ours[key] = value
    assert ours == plain


@given(st.lists(st.integers(), max_size=4), indices | slices)
def test_deletion_agrees_with_list(items, key):
    ours, plain = recorder(items), list(items)
    try:
        del plain[key]
    except IndexError:
        with pytest.raises(IndexError):
            del ours[key]
    else:
        del ours[key]
    assert ours == plain
    assert len(ours.told) == len(items) - len(plain)


def test_a_refused_item_changes_nothing():
    items = recorder([4, 5])
    with pytest.raises(ValueError, match="None is refused"):
        items[:] = [1, None]
    assert items == [4, 5]
    with pytest.raises(ValueError, match="None is refused"):
        items.append(None)
    assert items == [4, 5]


def test_equality_and_representation():
    items = AnnotatingList("ab")
    assert items == ["a", "b"]
    assert items == AnnotatingList(["a", "b"])
    assert items != ["a"]
    assert repr(items) == "['a', 'b']"
    assert items[1:] == ["b"]


def test_lists_are_joined_and_copied_as_plain_ones():
    noted = recorder([1, 2])
    pairs = [
        (operator.add(noted, [3]), [1, 2, 3]),
        (operator.add([3], noted), [3, 1, 2]),
        (operator.add(noted, noted), [1, 2, 1, 2]),
        (noted.copy(), [1, 2]),
    ]
    for made, expected in pairs:
        assert type(made) is list and made == expected
    assert noted.told == []
    with pytest.raises(TypeError):
        noted + 3
