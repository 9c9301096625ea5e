"""Tables from files, against pandas."""

import pandas as pd
import pytest

from workbench.data.table_files import read_frame


def test_columns_of_a_csv_file_are_numbers_or_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('whole,part,text,gap\n1,0.5,"a, b",2\n3,1e3,c,\n')
    frame = read_frame(path)
    expected = pd.read_csv(path)
    assert frame.to_dict("list").keys() == expected.to_dict("list").keys()
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False)
    assert frame["whole"].dtype == "int64" and frame["gap"].isna().tolist() == [False, True]


def test_columns_of_true_and_false_are_bools(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("flag,gap,upper,text\nTrue,False,TRUE,True\nFalse,,false,maybe\n")
    frame = read_frame(path)
    pd.testing.assert_frame_equal(frame[["flag", "upper"]], pd.read_csv(path)[["flag", "upper"]])
    assert frame["gap"].tolist() == [False, None] and frame["text"].tolist() == ["True", "maybe"]


@pytest.mark.parametrize(
    "known, kept", [(("false", "maybe", "true"), True), (("False", "True"), False), ((), False)]
)
def test_a_column_stays_text_if_its_cells_are_texts_of_the_training_data(tmp_path, known, kept):
    path = tmp_path / "a.csv"
    path.write_text("flag,code\ntrue,007\nfalse,010\n")
    frame = read_frame(path, {"flag": known, "code": ("007", "010", "x")})
    assert frame["flag"].to_list() == (["true", "false"] if kept else [True, False])
    assert frame["code"].to_list() == ["007", "010"]


def test_tabs_and_parquet(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    frame.to_csv(tmp_path / "a.tsv", sep="\t", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    for name in ("a.tsv", "a.parquet"):
        pd.testing.assert_frame_equal(read_frame(tmp_path / name), frame, check_dtype=False)


@pytest.mark.parametrize(
    "name, content, text",
    [
        ("a.csv", "a,b\n1\n", "a row must have 2 cells"),
        ("a.csv", "a;b\n1,5;2\n", r"named 'a;b', so .* by ';' instead of ','.*decimal=','"),
        ("a.tsv", "a,b\n1,2\n", r"separated by ',' instead of '\\t'; read the file with pandas"),
        ("a.parquet", "nothing", "is not a Parquet file, or is damaged"),
        ("a.xlsx", "", "must be a file whose name ends in .csv.*frame = pandas.read_excel"),
    ],
)
def test_damaged_and_other_files_are_refused(tmp_path, name, content, text):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=text):
        read_frame(tmp_path / name)


def test_another_encoding_is_read_with_pandas(tmp_path):
    (tmp_path / "a.csv").write_bytes("ort,b\nKöln,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"read it with pandas.read_csv\(path, encoding='latin-1"):
        read_frame(tmp_path / "a.csv")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.csv"):
        read_frame(tmp_path / "none.csv")
