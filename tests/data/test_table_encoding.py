"""Columns that a model could not learn from, or would read wrongly, are refused."""

import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from workbench.data import table_columns
from workbench.data.table_columns import column_values
from workbench.data.table_encoding import learn_encoding
from workbench.errors import DataError

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
        ([f"id {i}" for i in range(ROWS)], "30 distinct text values in 30 rows, such as 'id 0'"),
        (
            [None] + [1.0] * (ROWS - 1),
            r"1 of 30 are missing .*dropna\(subset=\['x'\]\), .*fillna\(frame\['x'\].median\(\)",
        ),
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


GAPS = {
    "numbers": [1.5, 2.5],
    "whole numbers": pd.array([1, 2, None] * 10, "Int64"),
    "objects": pd.Series([1, 2, None] * 10, dtype=object),
    "text": ["a", "b"],
    "bools": [True, False],
    "nullable bools": pd.array([True, False, None] * 10, "boolean"),
    "categories": pd.Categorical(["a", "b", None] * 10),
    "categories of numbers": pd.Categorical([5, 1, None] * 10),
    "categories of intervals": pd.Categorical([*pd.cut([1, 2], 2), None] * 10),
}


@pytest.mark.parametrize("usual", [False, True], ids=["training", "predictions"])
@pytest.mark.parametrize("column", GAPS.values(), ids=GAPS.keys())
def test_the_advice_for_missing_values_can_be_followed(column, usual):
    table = frame([*column, None] * 10 if len(column) == 2 else column)
    complete = table.dropna()
    encoding = learn_encoding(complete, ["y"], np.arange(len(complete)))

    def encode():
        if usual:
            return encoding.features(table)
        return learn_encoding(table, ["y"], np.arange(ROWS)).features(table)

    with pytest.raises(DataError, match="10 of 30 are missing") as caught:
        encode()
    remove, fill = re.search(r"with (.*), or .*, as in (.*)$", str(caught.value)).groups()
    exec(remove, names := {"frame": table.copy()})
    assert len(names["frame"]) == 20
    exec(fill, names := {"frame": table})
    assert encode().shape[0] == ROWS


@pytest.mark.parametrize("kind", [float, object])
@pytest.mark.parametrize("column", [["a", "b"], [1.5, 2.5], [True, False], [1, 2]], ids=str)
def test_a_column_without_any_value_is_filled_with_a_value_of_the_training_data(column, kind):
    encoding = learn_encoding(frame(column * 15), ["y"], np.arange(ROWS))
    names = {"frame": frame(pd.Series([None] * ROWS, dtype=kind))}
    with pytest.raises(DataError, match="30 of 30 are missing") as caught:
        encoding.features(names["frame"])
    exec(str(caught.value).rpartition("as in ")[2], names)
    assert encoding.features(names["frame"])[0, 0] == (1 if column[0] == "a" else 0)


def test_missing_numbers_where_categories_were_can_be_filled():
    encoding = learn_encoding(frame(pd.Categorical([5, 1] * 15)), ["y"], np.arange(ROWS))
    names = {"frame": frame([np.nan, 5.0] * 15)}
    with pytest.raises(DataError, match="15 of 30 are missing") as caught:
        encoding.features(names["frame"])
    exec(str(caught.value).rpartition("as in ")[2], names)
    assert encoding.features(names["frame"])[:2].tolist() == [[1, 0], [0, 1]]


def test_a_column_without_any_value_is_removed():
    names = {"frame": frame([None] * ROWS).assign(z=1.0)}
    with pytest.raises(DataError, match="30 of 30 are missing") as caught:
        learn_encoding(names["frame"], ["y"], np.arange(ROWS))
    exec(str(caught.value).rpartition("with ")[2], names)
    assert learn_encoding(names["frame"], ["y"], np.arange(ROWS)).names == ("z",)


def test_advice_is_made_only_for_columns_with_missing_values(monkeypatch):
    monkeypatch.setattr(table_columns, "_advice", None)
    assert column_values(pd.Series([1.5, 2.5]), "x").tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    "texts",
    [
        ["A1", "other"],
        ["10.0.0.1", "other"],
        ["1.5.2", "other"],
        ["2024", "other"],
        ["3-4", "other"],
        ["3.11.12", "3.10.14"],
        ["1.5.24", "1.6.24"],
        ["10-20-30", "10-40-30"],
        ["01.05.24", "other"],
        ["2024-13-01", "2024-12-01"],
        ["31.13.2024", "13.31.2024"],
        ["2024-01-01 items", "2024-01-02 items"],
    ],
    ids=" ".join,
)
def test_codes_are_not_mistaken_for_dates(texts):
    found = learn_encoding(frame(texts * (ROWS // 2)), ["y"], np.arange(ROWS))
    assert set(found.names) == {f"x={text}" for text in texts}


@pytest.mark.parametrize(
    ("texts", "day"),
    [
        (["2024-01-31", "2024-02-01"], 31),
        (["2024/1/31 5:00 PM", "2024/2/1 12:00 AM"], 31),
        (["31.1.2024", "1.2.2024"], 31),
        (["1.2.2024 12:00", "2.1.2024 12:00:30"], 1),
        (["31/1/2024", "1/2/2024"], 31),
        (["1/31/2024", "2/1/2024"], 31),
        (["1/31/24 12:00", "2/1/24 12:00"], 31),
        (["31.01.24", "01.02.24"], 31),
        (["10-11-2024", "10-12-2024"], 11),
        (["2024-01-31T12:00:00Z", "2024-02-01T12:00:00Z"], 31),
        (["2024-01-31 12:00+01:00", "2024-02-01 12:00-05:00", "2024-02-01"], 31),
        (["2024-01-31", "2024-02-01", "never"], 31),
    ],
    ids=str,
)
def test_the_advice_for_dates_can_be_followed(texts, day):
    names = {"frame": frame((texts * ROWS)[:ROWS]), "pandas": pd}
    with pytest.raises(DataError, match="dates that are written as text") as caught:
        learn_encoding(names["frame"], ["y"], np.arange(ROWS))
    text = str(caught.value)
    for advised in (r"days: (.*\.dt\.days)", r"with (frame\['x'\]\.astype\('category'\))"):
        column = eval(re.search(advised, text)[1], names)
        table = names["frame"].assign(x=column).dropna()
        assert learn_encoding(table, ["y"], np.arange(len(table))).columns == ("x",)
    days = eval(re.search(r"days: \((.*) - ", text)[1], names).dt.day
    assert days[0] == day


def test_the_order_of_day_and_month_is_asked_for_if_both_are_possible():
    text = r"\.dt\.days \(with dayfirst=True in to_datetime if the day comes before the month\)"
    with pytest.raises(DataError, match=text):
        learn_encoding(frame(["1/2/2024", "2/1/2024"] * 15), ["y"], np.arange(ROWS))


@pytest.mark.parametrize(
    ("cell", "values"), [("1,5", [1.5, 2.5]), ("1,500", [1500, 2500])], ids=["decimals", "groups"]
)
def test_the_advice_for_numbers_with_commas_can_be_followed(cell, values, tmp_path):
    table = frame([cell, cell.replace("1", "2")] * 15)
    with pytest.raises(DataError, match="numbers with a comma") as caught:
        learn_encoding(table, ["y"], np.arange(ROWS))
    text = str(caught.value)
    category = eval(re.search(r"frame\['x'\]\.astype\('category'\)", text)[0], {"frame": table})
    assert len(learn_encoding(table.assign(x=category), ["y"], np.arange(ROWS)).names) == 2
    table.to_csv(tmp_path / "table.csv", sep=";", index=False)
    read, groups = re.search(r"with (pandas.*?\)) if .* with (thousands=',')", text).groups()
    read = read if values == [1.5, 2.5] else read.replace("decimal=','", groups)
    found = eval(read, {"pandas": pd, "path": tmp_path / "table.csv"})
    assert found["x"].to_list()[:2] == values


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


@pytest.mark.parametrize("kind", ["date", "Period", "large"])
def test_advice_for_dates_and_large_numbers_can_be_followed(kind):
    days = pd.date_range("2020-01-01", periods=ROWS)
    values = {
        "date": list(days.date),
        "Period": days.to_period("D"),
        "large": 1e200 * np.arange(ROWS),
    }[kind]
    frame = pd.DataFrame({"d": values, "y": np.arange(ROWS) % 2})
    with pytest.raises(DataError, match="column 'd' has") as caught:
        learn_encoding(frame, ["y"], np.arange(ROWS))
    advice = str(caught.value).partition(" / " if kind == "large" else "days: ")[2]
    names = {"frame": frame, "pandas": pd}
    if kind == "large":
        frame["d"] = frame["d"] / float(advice)
    else:
        frame["d"] = eval(advice.partition(", or remove")[0], names)
    features = learn_encoding(frame, ["y"], np.arange(ROWS)).features(frame)
    expected = (np.arange(ROWS) - (ROWS - 1) / 2) / np.arange(ROWS).std()
    np.testing.assert_allclose(features[:, 0], expected, rtol=1e-5)
