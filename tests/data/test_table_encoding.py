"""Columns that a model could not learn from, or would read wrongly, are refused."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from workbench.data.table_encoding import learn_encoding

ROWS = 30


def frame(column):
    return pd.DataFrame({"x": column, "y": np.arange(ROWS) % 2})


@pytest.mark.parametrize(
    "column, text",
    [
        (pd.date_range("2020", periods=ROWS), "has the type datetime64.*frame.drop"),
        ([str(i % 3) for i in range(ROWS)], "numbers that are written as text, such as '0'"),
        (
            ["NA", "?"] + [str(i / 7) for i in range(ROWS - 2)],
            "such as '0.0', and '[?]', which is no",
        ),
        (
            pd.date_range("2020", periods=ROWS, tz="Europe/Berlin"),
            r"\(frame\['x'\] - pandas.Timestamp\('2000-01-01', tz='UTC'\)\).dt.days",
        ),
        (pd.to_timedelta(range(ROWS), unit="h"), r"with frame\['x'\].dt.total_seconds\(\)"),
        (
            [f"2024-01-{i % 5 + 1:02}" for i in range(ROWS)],
            r"dates .* such as '2024-01-01'.*pandas.to_datetime\(frame\['x'\]\) - .*dt.days",
        ),
        ([f"{i % 9 + 1}.1.2024 12:00" for i in range(ROWS)], r"\(frame\['x'\], dayfirst=True\)"),
        ([f"{i % 4}.{i}00,5" for i in range(ROWS)], r"such as '0.000,5', .*decimal=','"),
        ([f"1,{i:03}" for i in range(ROWS)], r"with thousands=',' if it groups digits"),
        ([f"id {i}" for i in range(ROWS)], "30 different texts in 30 rows, such as 'id 0'"),
        (
            [None] + [1.0] * (ROWS - 1),
            r"1 of 30 are missing .*dropna\(subset=\['x'\]\), .*fillna\(frame\['x'\].median\(\)",
        ),
        ([None] + ["a"] * (ROWS - 1), r"\['x'\].fillna\('unknown'\)"),
        ([1 if i % 2 else "a" for i in range(ROWS)], "values of one type, not int and str"),
        ([np.inf] + [1.0] * (ROWS - 1), "must be finite, but is inf"),
        ([[1]] * ROWS, "values of the type list, but must contain only numbers, bools or text"),
        ([Decimal(1)] * ROWS, r"values of the type Decimal.*convert them, .*astype\(float\)"),
    ],
)
def test_columns_without_a_clear_meaning_are_refused(column, text):
    with pytest.raises(ValueError, match=text):
        learn_encoding(frame(column), ["y"], np.arange(ROWS))


def test_all_columns_that_cannot_be_used_are_named_at_once():
    table = frame([f"id {i}" for i in range(ROWS)]).assign(z=None)
    text = r"2 columns of the table .*\n- column 'x' has 30 .*\n- column 'z' .*30 of 30 are missing"
    with pytest.raises(ValueError, match=text):
        learn_encoding(table, ["y"], np.arange(ROWS))


def test_a_table_whose_cells_were_not_separated_is_refused():
    table = pd.DataFrame({"x;y": ["1,5;a"]})
    with pytest.raises(ValueError, match=r"only 'x;y'; .*read_csv\(path, sep=';'\), .*decimal=','"):
        learn_encoding(table, ["y"], np.arange(1))


@pytest.mark.parametrize("text", ["A1", "10.0.0.1", "1.5.2", "2024", "3-4"])
def test_codes_are_not_mistaken_for_dates(text):
    found = learn_encoding(frame([text, "other"] * (ROWS // 2)), ["y"], np.arange(ROWS))
    assert f"x={text}" in found.names


def test_dates_can_be_categories():
    days = pd.Categorical(["2024-01-01", "2024-01-02"] * (ROWS // 2))
    assert len(learn_encoding(frame(days), ["y"], np.arange(ROWS)).names) == 2


def test_categories_of_numbers_are_classes_and_keep_their_order():
    column = pd.Categorical([(5, 1)[i % 2] for i in range(ROWS)], [5, 9, 1])
    encoding = learn_encoding(frame(column), ["y"], np.arange(ROWS))
    assert encoding.names == ("x=5", "x=1")
    assert encoding.features(frame(column))[:2].tolist() == [[1, 0], [0, 1]]


def test_text_where_numbers_were_is_refused():
    encoding = learn_encoding(frame(np.arange(ROWS)), ["y"], np.arange(ROWS))
    with pytest.raises(ValueError, match="'x' must be numbers, as in the training data, not text"):
        encoding.features(frame(["a"] * ROWS))


def test_an_encoding_describes_its_columns():
    table = pd.DataFrame({"n": [1.0, 3.0], "t": ["a", "b"], "f": [True, False], "y": [0, 1]})
    assert learn_encoding(table, ["y"], np.arange(2)).describe() == [
        "n: standardised, mean 2, deviation 1",
        "t: one feature for each of 'a', 'b'",
        "f: as it is",
    ]


def test_one_text_of_a_row_can_be_a_number():
    table = frame([("1", "x", "y")[i % 3] for i in range(ROWS)])
    encoding = learn_encoding(table, ["y"], np.arange(ROWS))
    assert encoding.features(table.head(1)).tolist() == [[1, 0, 0]]


def test_columns_of_small_numbers_are_standardised():
    encoding = learn_encoding(frame(np.arange(ROWS) * 1e-20), ["y"], np.arange(ROWS))
    expected = (np.arange(ROWS) - 14.5) / np.arange(ROWS).std()
    np.testing.assert_allclose(
        encoding.features(frame(np.arange(ROWS) * 1e-20))[:, 0], expected, 1e-5
    )


def test_intervals_are_categories():
    table = frame(pd.cut(np.arange(ROWS), 3))
    encoding = learn_encoding(table, ["x"], np.arange(ROWS))
    assert encoding.targets(table).classes == tuple(map(str, table["x"].cat.categories))
    assert learn_encoding(table, ["y"], np.arange(ROWS)).features(table).sum(0).tolist() == [10] * 3
