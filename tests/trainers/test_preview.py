"""What is understood of a path is said before any training."""

import json
from pathlib import Path

import numpy as np
import pytest

from trainers.data.guessing import guess
from trainers.data.preview import main, preview


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "header", "row", "kind"),
    [
        ("a.csv", "review,sentiment", "this is a rather long review,good", "text_csv"),
        ("a.csv", "source,target", "abc,cba", "pairs_csv"),
        ("a.csv", "user_id,item_id,rating", "1,2,3", "ratings_csv"),
        ("a.csv", "customer,time,amount,is_fraud", "1,2,3,0", "transactions_csv"),
        ("a.csv", "date,sales", "2024-01-01,3", "series_csv"),
        ("a.tsv", "width\theight\tclass", "1\t2\tx", "table_csv"),
    ],
)
def test_columns_say_what_a_file_is(tmp_path: Path, name: str, header: str, row: str, kind: str):
    assert guess(write(tmp_path / name, f"{header}\n{row}\n{row}\n"))["kind"] == kind


def test_a_folder_of_images_or_texts_is_known(images: Path, tmp_path: Path):
    (tmp_path / "books").mkdir()
    write(tmp_path / "books" / "one.txt", "once upon a time")

    assert guess(images)["kind"] == "image_folder"
    assert guess(tmp_path / "books")["kind"] == "text_files"


def test_classes_counts_examples_and_problems_are_shown(texts: Path):
    texts.write_text(texts.read_text("utf-8") + "abba,early\nabba,early\n,late\n", "utf-8")
    found = preview(str(texts), {"max_length": 8})

    assert found["data"]["kind"] == "text_csv"
    assert found["examples"] == 122
    assert sum(found["classes"]["early"].values()) == 61
    assert found["duplicates_dropped"] == 1
    assert len(found["shown"]) == 5
    assert any(
        "1 rows or files cannot be used; the first: line 124: no text" in p
        for p in found["problems"]
    )
    assert any("longer than data.max_length" in p for p in found["problems"])


def test_missing_and_constant_columns_are_problems(tmp_path: Path):
    rows = "\n".join(f"{i if i % 5 else ''},7,NaN,{'x' if i % 2 else 'y'}" for i in range(60))
    found = preview(str(write(tmp_path / "t.csv", f"a,b,c,label\n{rows}\n")), {})

    assert "Column 'a': 12 values are missing." in found["problems"]
    assert "Column 'b' is the same everywhere." in found["problems"]
    assert "Column 'c' holds nothing and is left out." in found["problems"]


def test_the_same_example_in_two_splits_is_told(tmp_path: Path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 8, 8), dtype=np.uint8)
    labels = (np.arange(30) % 2)[:, None]
    arrays = {}
    for name, part in (("train", slice(0, 20)), ("val", slice(20, 26)), ("test", slice(22, 30))):
        arrays[f"{name}_images"], arrays[f"{name}_labels"] = images[part], labels[part]
    np.savez(tmp_path / "leak.npz", **arrays)
    found = preview(str(tmp_path / "leak.npz"), {})

    assert found["leaks_dropped"] == 4
    assert found["sizes"] == {"train": 20, "val": 2, "test": 8}
    assert "in more than one split" in found["problems"][0]


def test_json_is_json_and_an_error_is_one_line(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([str(texts), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["hash"]) == 64
    assert main([str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_settings_win_over_the_look(texts: Path):
    found = preview(str(texts), {"tokens": "words"})

    assert found["data"]["tokens"] == "words"
