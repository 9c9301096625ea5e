"""`AnnotatingList` is a list that calls its methods for all inserted and removed items."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.utils.containers import AnnotatingList


class Recorder(AnnotatingList):
    """List that records the calls of its hooks."""

    def __init__(self, items=None):
        self.calls = []
        super().__init__(items)

    def _setitem(self, key, value):
        if value is None:
            raise ValueError("None is refused")
        self.calls.append(("set", key, value))

    def _delitem(self, key):
        self.calls.append(("del", key, self[key]))


def recorder(items):
    made = Recorder(items)
    made.calls.clear()
    return made


@pytest.mark.parametrize(
    "change, calls",
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
def test_the_hooks_are_called_once_for_each_change(change, calls):
    items = recorder([4, 5, 6])
    change(items)
    assert items.calls == calls


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
        assert ours.calls == []
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
    assert len(ours.calls) == len(items) - len(plain)


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


def test_sums_and_copies_are_plain_lists():
    noted = recorder([1, 2])
    pairs = [
        (operator.add(noted, [3]), [1, 2, 3]),
        (operator.add([3], noted), [3, 1, 2]),
        (operator.add(noted, noted), [1, 2, 1, 2]),
        (noted.copy(), [1, 2]),
    ]
    for made, expected in pairs:
        assert type(made) is list and made == expected
    assert noted.calls == []
    with pytest.raises(TypeError):
        noted + 3
