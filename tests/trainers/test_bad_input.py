"""Input that cannot be used is refused in one sentence, and nothing is written."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from trainers.checkpoints import load_model
from trainers.configs import ImageFolderConfig
from trainers.data.folder import read_image_folder
from trainers.data.preview import preview
from trainers.errors import DataError, SpecError
from trainers.fit import train
from trainers.models.weights import read_weights
from trainers.spec import load_spec


def refused(data: dict[str, Any], home: Path, model: str = "lstm", **training: Any) -> str:
    spec = {"data": data, "model": {"kind": model}, "training": {"epochs": 1, **training}}
    with pytest.raises((DataError, SpecError)) as caught:
        train(load_spec(spec), home=home)
    message = str(caught.value)
    assert message.startswith("Expected ")
    assert "\n" not in message
    assert not home.exists()
    return message


def csv_of(path: Path, rows: list[str]) -> str:
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return str(path)


def test_an_empty_class_folder_is_named(images: Path, home: Path):
    (images / "grey").mkdir()

    assert "none in grey" in refused({"kind": "image_folder", "path": str(images)}, home, "cnn")


def test_class_folders_of_splits_must_agree(tmp_path: Path, home: Path):
    for split in ("train", "val", "test"):
        for name in ("a", "b") if split != "val" else ("a", "c"):
            (tmp_path / "d" / split / name).mkdir(parents=True)
            Image.new("L", (8, 8)).save(tmp_path / "d" / split / name / "1.png")

    message = refused({"kind": "image_folder", "path": str(tmp_path / "d")}, home, "cnn")
    assert "class folders a, b" in message
    assert "got a, c" in message


def npz(path: Path, images: Any, labels: Any) -> dict[str, Any]:
    arrays = {
        f"{s}_{k}": v
        for s in ("train", "val", "test")
        for k, v in (("images", images), ("labels", labels))
    }
    np.savez(path, **arrays)
    return {"kind": "image_npz", "path": str(path)}


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((4, 8, 8, 5), np.uint8), np.zeros((4, 1), int), "1 or 3 channels"),
        (np.zeros((4, 8, 8), np.float32), np.zeros((4, 1), int), "of uint8 in shape"),
        (np.zeros((4, 8, 8), np.uint8), np.full((4, 1), -1), "from 0 on"),
        (np.zeros((4, 8, 8), np.uint8), np.zeros((3, 1), int), "Expected 4 whole numbers"),
        (np.zeros((4, 8, 8), np.uint8), np.zeros((4, 1)), "whole numbers in train_labels"),
        (np.array([{}, []], dtype=object), np.zeros((2, 1), int), "plain arrays"),
    ],
)
def test_an_archive_that_does_not_fit_is_told(
    tmp_path: Path, home: Path, images: Any, labels: Any, words: str
):
    assert words in refused(npz(tmp_path / "a.npz", images, labels), home, "cnn")


def test_a_single_class_is_told(tmp_path: Path, home: Path):
    rows = ["text,label", *(f"text {i},x" for i in range(30))]
    data = {"kind": "text_csv", "path": csv_of(tmp_path / "a.csv", rows)}

    assert "at least two classes" in refused(data, home)


def test_bad_rows_are_skipped_up_to_a_limit(tmp_path: Path, home: Path):
    rows = [json.dumps({"text": f"abc {i}", "label": "xy"[i % 2]}) for i in range(60)]
    rows[7], rows[9] = "{broken", '{"text": "no label"}'
    data = {"kind": "text_csv", "path": csv_of(tmp_path / "a.jsonl", rows)}
    message = refused({**data, "max_bad": 1}, home)

    assert "at most 1 unusable rows" in message
    assert "line 8: no JSON object" in message
    settings = {"epochs": 1, "threads": 1}
    spec = {"data": {**data, "max_bad": 2}, "model": {"kind": "lstm"}, "training": settings}
    assert train(load_spec(spec), home=home).status == "finished"


TEXTS = {
    "csv": (b"text,label\n", [b"caf\xc3\xa9 %d,%d\n" % (i, i % 2) for i in range(60)]),
    "jsonl": (b"", [b'{"text": "abc %d", "label": %d}\n' % (i, i % 2) for i in range(60)]),
}
FOREIGN = {
    "csv": b"caf\xe9,1\n",
    "jsonl": b'{"text": "\\ud83d", "label": 1}\n',
}


@pytest.mark.parametrize("ending", TEXTS)
def test_a_row_that_is_not_utf8_is_skipped_and_counted(tmp_path: Path, home: Path, ending: str):
    first, rows = TEXTS[ending]
    path = tmp_path / f"a.{ending}"
    path.write_bytes(first + b"".join([*rows[:30], FOREIGN[ending], *rows[30:]]))
    found = preview(str(path), {})

    assert found["examples"] == 60
    assert found["facts"]["incomplete_rows"] == 1
    message = refused({**found["data"], "max_bad": 0}, home)
    assert f"line {31 + len(first.splitlines())}: " in message
    assert ("0xe9 is not UTF-8" if ending == "csv" else "half a character, \\ud83d") in message


def test_column_names_that_are_not_utf8_are_told(tmp_path: Path, home: Path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\nabc,1\nabd,0\n", "utf-16")

    message = refused({"kind": "text_csv", "path": str(path)}, home)
    assert "column names in which the byte 0xff is not UTF-8. Save the file as UTF-8" in message


def test_lines_of_texts_that_are_not_utf8_are_skipped_and_counted(tmp_path: Path, home: Path):
    (tmp_path / "a.txt").write_bytes(b"\n".join([b"abcdefgh" * 9] * 40 + [b"\xe9", b"end"]))
    found = preview(str(tmp_path), {"kind": "text_files", "max_length": 8})

    assert found["facts"]["incomplete_examples"] == ["line 41: the byte 0xe9 is not UTF-8 (a.txt)"]
    assert "line 41" in refused({**found["data"], "max_bad": 0}, home, "gpt")


def test_a_curve_that_one_class_does_not_have_cannot_pick_the_best_epoch(
    tmp_path: Path, home: Path
):
    rng = np.random.default_rng(0)
    content: dict[str, Any] = {}
    for split in ("train", "val", "test"):
        content[f"{split}_images"] = rng.integers(0, 255, (6, 8, 8), dtype=np.uint8)
        labels = [0] * 6 if split == "val" else [0, 1] * 3
        content[f"{split}_labels"] = np.array(labels)[:, None]
    path = tmp_path / "rare.npz"
    np.savez(path, **content)

    data = {"kind": "image_npz", "path": str(path)}
    message = refused(data, home, "cnn", monitor="val/ap")
    assert "both classes in the 6 validation examples" in message


def test_a_forecast_of_too_short_a_series_is_told(tmp_path: Path, home: Path):
    rows = ["time,value", *(f"{i},{i}" for i in range(20))]
    data = {"kind": "series_csv", "path": csv_of(tmp_path / "a.csv", rows), "window": 28}

    assert "Lower data.window" in refused(data, home)


def test_a_label_that_is_no_number_is_a_bad_row(tmp_path: Path, home: Path):
    rows = ["a,label", *(f"{i},{i * 1.5}" for i in range(40)), "3,much"]
    data = {"kind": "table_csv", "path": csv_of(tmp_path / "a.csv", rows), "task": "numbers"}

    assert "'much' is no number" in refused({**data, "max_bad": 0}, home, "mlp")


class Attack:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("attacked"),))


@pytest.mark.parametrize("suffix", [".ckpt", ".pt"])
def test_a_checkpoint_with_code_in_it_is_refused_and_not_run(
    tmp_path: Path, home: Path, texts: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"evil{suffix}"
    torch.save({"state_dict": Attack()}, path)
    data = {"kind": "text_csv", "path": str(texts)}

    assert "could run code" in refused(data, home, start_from=str(path))
    path.write_bytes(pickle.dumps(Attack()))
    with pytest.raises(DataError):
        read_weights(path)
    assert not (tmp_path / "attacked").exists()


def test_damaged_and_foreign_checkpoints_are_told(tmp_path: Path):
    torn, foreign, broken = (
        tmp_path / name for name in ("torn.ckpt", "foreign.ckpt", "a.safetensors")
    )
    torn.write_bytes(b"PK\x03\x04 torn")
    torch.save({"weights": torch.zeros(2)}, foreign)
    broken.write_bytes(b"no")

    with pytest.raises(DataError, match=r"torn\.ckpt"):
        load_model(torn)
    with pytest.raises(DataError, match="that Bakeoff wrote"):
        load_model(foreign)
    with pytest.raises(DataError, match="weight file"):
        read_weights(broken)


def test_a_backbone_that_cannot_be_had_says_what_to_install(home: Path):
    spec = {"data": {"kind": "digits"}, "model": {"kind": "transfer", "backbone": "timm:resnet18"}}
    with pytest.raises(SpecError, match="Expected the package timm"):
        train(load_spec(spec), home=home)


def test_images_are_the_same_read_at_once_or_batch_by_batch(images: Path, home: Path):
    data = {"kind": "image_folder", "path": str(images), "augment": True}
    model = {"kind": "cnn", "channels": [4], "dense": 8}
    spec = {
        "data": {**data, "in_memory": False},
        "model": model,
        "training": {"epochs": 2, "threads": 1},
    }
    outcome = train(load_spec(spec), home=home)
    whole = read_image_folder(ImageFolderConfig(path=str(images)))
    files = read_image_folder(ImageFolderConfig(path=str(images), in_memory=False)).contents
    batches = list(files.stream(list(torch.arange(24).split(5))))

    assert outcome.status == "finished", outcome.message
    assert torch.equal(torch.cat(batches), torch.from_numpy(whole.contents))
