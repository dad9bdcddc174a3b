"""A user's text file is read, or refused in one sentence."""

from pathlib import Path

import pytest

from trainers.configs import TextCsvConfig
from trainers.data.rows import tidy
from trainers.data.texts import read_text_file
from trainers.errors import DataError


def write(path: Path, content: str | bytes) -> TextCsvConfig:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return TextCsvConfig(path=str(path))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,label\n"one, two",x\nthree,y\n'),
        ("a.tsv", "label\ttext\nx\tone, two\ny\tthree\n"),
        ("a.jsonl", '{"text": "one, two", "label": "x"}\n\n{"label": "y", "text": "three"}\n'),
        ("bom.csv", '\ufefftext,label\n"one, two",x\nthree,y\n'),
    ],
)
def test_each_format_gives_the_same_texts(tmp_path: Path, name: str, content: str):
    raw = read_text_file(write(tmp_path / name, content))

    assert list(raw.contents) == ["one, two", "three"]
    assert raw.classes == ("x", "y")
    assert raw.labels.tolist() == [0, 1]


def test_rows_without_text_or_label_are_counted(tmp_path: Path):
    raw = read_text_file(write(tmp_path / "a.csv", "text,label\na,x\n ,y\nb,\nc,y\n"))

    assert raw.facts["incomplete_rows"] == 2
    assert list(raw.ids) == ["line-2", "line-5"]


def test_white_space_is_put_in_order():
    assert tidy("  a\u3000b \n\t c ") == "a b c"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "", ["the file is empty"]),
        ("a.csv", "text,label\n", ["Expected rows with a text and a label", "got none"]),
        ("a.csv", "txt,label\na,x\n", ["the column 'text'", "txt, label", "Did you mean 'txt'?"]),
        (
            "a.csv",
            b"text,label\n\xb2\xe2,x\n",
            ["got 1 that cannot be used", "line 2: the byte 0xb2 is not UTF-8"],
        ),
        ("a.csv", 'text,label\n"open,x\n', ["well-formed", "in line 2"]),
        ("a.jsonl", '{"text": "a"\n', ["line 1: no JSON object"]),
        ("a.jsonl", '["a"]\n', ["line 1: no JSON object but '[\"a\"]'"]),
        ("a.xlsx", "PK", [".csv, .tsv or .jsonl"]),
    ],
)
def test_a_bad_file_is_one_clear_sentence(
    tmp_path: Path, name: str, content: str | bytes, words: list[str]
):
    with pytest.raises(DataError) as caught:
        read_text_file(write(tmp_path / name, content))

    message = str(caught.value)
    assert message.startswith("Expected ")
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"no\.csv .*does not exist"):
        read_text_file(TextCsvConfig(path=str(tmp_path / "no.csv")))
