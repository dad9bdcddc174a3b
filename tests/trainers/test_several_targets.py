"""Several columns predicted at once: one network, a head each."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import store
from trainers.data.dataset import load_dataset
from trainers.errors import DataError, SpecError
from trainers.fit import train
from trainers.spec import load_spec


@pytest.fixture
def flats(tmp_path: Path) -> str:
    """Flats by size and age: a price, and whether they are to let."""
    rng = np.random.default_rng(0)
    lines = ["size,age,to let,price"]
    for _ in range(160):
        size, age = rng.uniform(20, 120), rng.uniform(0, 50)
        let = "yes" if size < 60 else "no"
        lines.append(f"{size:.1f},{age:.1f},{let},{3000 * size - 1000 * age:.0f}")
    path = tmp_path / "flats.csv"
    path.write_text("\n".join(lines), "utf-8")
    return str(path)


def spec_of(path: str, **training: Any) -> Any:
    data = {"kind": "table_csv", "path": path, "targets": ["price", "to let"]}
    settings = {"epochs": 30, "batch_size": 16, "lr": 1e-2, "threads": 1, **training}
    return load_spec({"data": data, "model": {"kind": "mlp", "widths": [16]}, "training": settings})


def test_one_network_learns_a_number_and_a_class(flats: str, home: Path):
    outcome = train(spec_of(flats, target_weights=[1.0, 0.5]), home=home)

    assert outcome.status == "finished", outcome.message
    with store.open(home) as opened:
        rows = {r["metric"]: r for r in opened.series([outcome.run_id]).to_pylist()}
        price = opened.predictions(outcome.run_id, "test")
        let = opened.predictions(outcome.run_id, "test_to-let")
    assert rows["test/price/r2"]["last"] > 0.8
    assert rows["test/to let/acc"]["last"] > 0.8
    assert rows["val/to let/acc"]["goal"] == "max"
    assert rows["val/loss"]["last"] == pytest.approx(
        rows["val/price/loss"]["last"] + 0.5 * rows["val/to let/loss"]["last"], rel=1e-5
    )
    assert price["example_id"].to_pylist() == let["example_id"].to_pylist()
    facts = [json.loads(table.schema.metadata[b"bakeoff"]) for table in (price, let)]
    assert [fact["task"] for fact in facts] == ["regression", "classification"]
    assert facts[1]["classes"] == ["no", "yes"]
    assert max(price["label"].to_pylist()) > 100_000


def test_targets_are_no_columns_to_read(flats: str):
    data = load_dataset(spec_of(flats).data)

    assert data.input.names == ("size", "age")  # pyright: ignore[reportAttributeAccessIssue]
    assert [head.kind for head in data.target.heads] == ["numbers", "classes"]


def test_texts_have_several_targets_too(tmp_path: Path, home: Path):
    lines = ["text,mood,stars"]
    for number in range(80):
        good = number % 2
        word = "abcab"[number % 5] * 3 if good else "xyzxy"[number % 5] * 3
        lines.append(f"{word}{number},{'good' if good else 'bad'},{number % 2 * 4 + 1}")
    path = tmp_path / "texts.csv"
    path.write_text("\n".join(lines), "utf-8")
    spec = load_spec(
        {
            "data": {"kind": "text_csv", "path": str(path), "targets": ["mood", "stars"]},
            "model": {"kind": "lstm", "embedding": 8, "hidden": 8},
            "training": {"epochs": 6, "batch_size": 8, "lr": 2e-2, "threads": 1},
        }
    )
    outcome = train(spec, home=home)

    assert outcome.status == "finished", outcome.message
    with store.open(home) as opened:
        rows = {r["metric"]: r["last"] for r in opened.series([outcome.run_id]).to_pylist()}
    assert rows["test/mood/acc"] > 0.8
    assert rows["test/stars/acc"] > 0.8


def test_settings_that_do_not_fit_several_targets_are_refused(flats: str, home: Path):
    with pytest.raises(SpecError, match=r"Expected 2 .*target_weights"):
        train(spec_of(flats, target_weights=[1.0]), home=home)
    with pytest.raises(SpecError, match="loss auto with several targets"):
        train(spec_of(flats, loss="mse"), home=home)
    with pytest.raises(SpecError, match="to name several columns, each once"):
        load_spec(
            {
                "data": {"kind": "table_csv", "path": flats, "targets": ["price", "price"]},
                "model": {"kind": "mlp"},
            }
        )


def test_a_row_without_one_of_the_targets_is_skipped_and_counted(flats: str):
    path = Path(flats)
    path.write_text(path.read_text("utf-8") + "\n50,3,,140000\n", "utf-8")
    data = load_dataset(spec_of(flats).data)

    assert data.facts["incomplete_rows"] == 1
    assert "no to let" in data.facts["incomplete_examples"][0]


def test_a_target_that_the_file_lacks_is_named(flats: str):
    data = {"kind": "table_csv", "path": flats, "targets": ["price", "weight"]}
    spec = load_spec({"data": data, "model": {"kind": "mlp"}})

    with pytest.raises(DataError, match="weight"):
        load_dataset(spec.data)
