"""Text files, by words and by characters."""

from __future__ import annotations

import pickle

import pytest

from tests.data.support import plain
from workbench.data import (
    ConstantScheme,
    DataStream,
    NGrams,
    Padding,
    TextFile,
    make_dictionary,
)
from workbench.errors import DataError, DataFileError, MissingDataError

POEM = "A rose is\na rose\n\nis Öl"
WORDS = {"<S>": 0, "</S>": 1, "<UNK>": 2, "a": 3, "rose": 4, "is": 5, "Öl": 6}


@pytest.fixture
def poem(tmp_path):
    path = tmp_path / "poem.txt"
    path.write_text(POEM, encoding="utf-8")
    return path


def lines(dataset) -> list:
    return [line.tolist() for [line] in dataset.examples()]


def test_words_become_numbers(poem):
    dataset = TextFile(poem, WORDS)
    assert dataset.sources == ("features",)
    assert lines(dataset) == [[0, 2, 4, 5, 1], [0, 3, 4, 1], [0, 1], [0, 5, 6, 1]]
    assert next(dataset.examples())[0].dtype == "int64"


def test_tokens_can_be_omitted_and_lines_preprocessed(poem):
    dataset = TextFile([poem, poem], WORDS, None, None, preprocess=str.lower)
    assert lines(dataset)[:2] == [[3, 4, 5], [3, 4]]
    assert len(lines(dataset)) == 8


def test_characters_become_numbers(poem):
    dictionary = make_dictionary(poem, level="character", tokens=("<UNK>",))
    dataset = TextFile(poem, dictionary, None, None, level="character")
    back = {number: token for token, number in dictionary.items()}
    assert "\n".join("".join(back[n] for n in line) for line in lines(dataset)) == POEM


def test_a_dictionary_has_the_most_frequent_first(poem):
    dictionary = make_dictionary(poem, max_size=6)
    assert dictionary == {"<S>": 0, "</S>": 1, "<UNK>": 2, "is": 3, "rose": 4, "A": 5}
    assert list(make_dictionary(poem, tokens=(), preprocess=str.upper)) == ["A", "IS", "ROSE", "ÖL"]


def test_other_encodings_are_read(tmp_path):
    path = tmp_path / "poem.txt"
    path.write_text(POEM, encoding="utf-16")
    assert lines(TextFile(path, WORDS, encoding="utf-16"))[3] == [0, 5, 6, 1]


def test_the_data_of_a_language_model_resume(poem):
    stream = NGrams(DataStream(TextFile(poem, WORDS)), 2)
    whole = plain(stream.iterate(0))
    assert whole[0] == [[0, 2], 4]
    assert [plain(stream.iterate(0, k)) for k in range(5)] == [whole[k:] for k in range(5)]
    scheme = ConstantScheme(2)
    padded = Padding(
        DataStream(pickle.loads(pickle.dumps(TextFile(poem, WORDS))), iteration_scheme=scheme)
    )
    assert [batch.shape for batch, _ in padded.iterate(0)] == [(2, 5), (2, 4)]


def test_the_error_names_the_line_that_is_not_text(tmp_path):
    path = tmp_path / "poem.txt"
    path.write_bytes(b"a rose\n" * 3000 + b"\xff\xfe\n")
    with pytest.raises(DataFileError, match="utf-8 text after line"):
        list(TextFile(path, WORDS).examples())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda path: TextFile(path, {"<S>": 0, "</S>": 1}),
            "must contain unk_token, which is '<UNK>'; add it, or",
        ),
        (lambda path: TextFile(path, WORDS, bos_token="<B>"), "pass bos_token=None"),
        (
            lambda path: TextFile(path, WORDS, level="letter"),
            "level must be 'word' or 'character', not 'letter'",
        ),
        (lambda path: TextFile([], WORDS), "at least one path, but"),
        (
            lambda path: TextFile(path, WORDS, encoding="utf-88"),
            "encoding, such as 'utf-8', not 'utf-88'",
        ),
        (
            lambda path: lines(TextFile(path, WORDS, unk_token=None)),
            "'A' is not in the dictionary; add it, or pass unk_token",
        ),
    ],
)
def test_invalid_arguments_and_words_are_an_error(poem, make, message):
    with pytest.raises(DataError, match=message):
        make(poem)


def test_a_missing_file_is_a_file_not_found(tmp_path):
    with pytest.raises(MissingDataError, match="there is no text file"):
        TextFile(tmp_path / "none", WORDS)


def test_the_representation_shows_the_files(poem):
    assert repr(TextFile(poem, WORDS)) == f"TextFile({poem}, 7 words)"
