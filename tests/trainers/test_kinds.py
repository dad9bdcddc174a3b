"""Every kind of data of the user's own trains every kind of model that reads it, and is recorded."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import store
from trainers.errors import SpecError
from trainers.fit import Outcome, train
from trainers.spec import load_spec

WORDS = ("red", "green", "blue", "grey", "pink", "gold")


def write_csv(path: Path, rows: list[dict[str, Any]]) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def table(folder: Path, *, numbers: bool) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    rows = []
    for index in range(90):
        a, b, colour = rng.normal(), rng.normal(), WORDS[index % 3]
        value = 3 * a - b + 5 * (colour == "red")
        label = round(value, 3) if numbers else ("high" if value > 1 else "low")
        rows.append({"a": a if index % 9 else "", "b": b, "colour": colour, "label": label})
    return {"kind": "table_csv", "path": write_csv(folder / "table.csv", rows)}


def transactions(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    rows = []
    for index in range(240):
        is_odd = rng.random() < 0.2
        rows.append(
            {
                "customer": f"c{index % 30}",
                "time": f"2024-01-{index // 30 + 1:02d}T{int(rng.integers(24)):02d}:00:00",
                "amount": rng.normal(9 if is_odd else 1),
                "label": int(is_odd),
            }
        )
    path = write_csv(folder / "events.csv", rows)
    return {"kind": "transactions_csv", "path": path, "max_length": 4}


def series(folder: Path) -> dict[str, Any]:
    rows = [{"time": day, "value": math.sin(day / 3) * 10, "other": day % 7} for day in range(160)]
    path = write_csv(folder / "series.csv", rows)
    return {"kind": "series_csv", "path": path, "window": 12, "horizon": 3}


def ratings(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    rows = [
        {"user": f"u{u}", "item": f"i{i}", "rating": int(rng.integers(1, 6)), "time": u * 50 + i}
        for u in range(15)
        for i in range(20)
        if rng.random() < 0.7
    ]
    path = write_csv(folder / "ratings.csv", rows)
    return {"kind": "ratings_csv", "path": path, "time_column": "time"}


def pairs(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(150):
        text = "".join(rng.choice(list("abcd"), size=4))
        rows.append({"source": text, "target": text[::-1]})
    path = write_csv(folder / "pairs.csv", rows)
    return {"kind": "pairs_csv", "path": path, "max_length": 6}


def corpus(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    (folder / "corpus").mkdir()
    for name in "ab":
        text = " ".join(rng.choice(WORDS, size=300))
        (folder / "corpus" / f"{name}.txt").write_text(text, "utf-8")
    return {"kind": "text_files", "path": str(folder / "corpus"), "max_length": 24}


SMALL = {"embedding": 8, "heads": 2, "layers": 1}
CASES: dict[str, tuple[Any, dict[str, Any], set[str]]] = {
    "classes": (lambda f: table(f, numbers=False), {"kind": "mlp", "widths": [16]}, {"acc", "ap"}),
    "numbers": (lambda f: table(f, numbers=True), {"kind": "mlp", "widths": [16]}, {"mae", "r2"}),
    "fraud": (
        transactions,
        {"kind": "lstm", "embedding": 4, "hidden": 8, "pool": "last"},
        {"auc", "ap"},
    ),
    "forecast lstm": (series, {"kind": "lstm", "embedding": 4, "hidden": 8}, {"mae", "rmse"}),
    "forecast transformer": (
        series,
        {"kind": "transformer", **SMALL, "feedforward": 8},
        {"mae", "rmse"},
    ),
    "mf": (ratings, {"kind": "recommender", "factors": 4}, {"rmse", "ndcg@10", "hit@10"}),
    "neural": (
        ratings,
        {"kind": "recommender", "variant": "neural", "factors": 4, "hidden": 8},
        {"rmse", "ndcg@10"},
    ),
    "seq2seq": (pairs, {"kind": "seq2seq", **SMALL, "feedforward": 16}, {"exact", "similarity"}),
    "beams": (pairs, {"kind": "seq2seq", **SMALL, "beams": 3}, {"exact", "similarity"}),
    "gpt": (corpus, {"kind": "gpt", **SMALL, "num_samples": 2}, {"perplexity", "acc"}),
    "masked": (corpus, {"kind": "masked", **SMALL, "feedforward": 16}, {"perplexity", "acc"}),
}


def run(data: dict[str, Any], model: dict[str, Any], home: Path, **training: Any) -> Outcome:
    settings = {"epochs": 2, "batch_size": 16, "lr": 1e-2, "log_every": 2, "threads": 1, **training}
    return train(load_spec({"data": data, "model": model, "training": settings}), home=home)


@pytest.mark.parametrize("case", CASES)
def test_a_kind_trains_and_is_recorded(case: str, tmp_path: Path, home: Path):
    make, model, scores = CASES[case]
    outcome = run(make(tmp_path), model, home)

    assert outcome.status == "finished", outcome.message
    with store.open(home) as opened:
        record = opened.run(outcome.run_id)
        rows = {row["metric"]: row for row in opened.series([outcome.run_id]).to_pylist()}
        predictions = opened.predictions(outcome.run_id, "test")
    assert {f"test/{name}" for name in scores} <= set(rows)
    assert all(math.isfinite(row["last"]) for row in rows.values())
    assert all(rows[f"test/{name}"]["goal"] in {"max", "min"} for name in scores)
    assert record["cost"]["latency_p50_ms"] > 0
    assert record["config"]["training"]["monitor"] != "auto"
    facts = json.loads(predictions.schema.metadata[b"bakeoff"])
    told = "tokens" if {"perplexity", "exact"} & set(scores) else "regression"
    assert facts["task"] == ("classification" if record["classes"] else told)
    assert np.isfinite(np.array(predictions["scores"].to_pylist())).all()


def test_customers_are_in_one_split_only_and_their_events_in_order(tmp_path: Path, home: Path):
    outcome = run(transactions(tmp_path), {"kind": "lstm", "embedding": 4, "hidden": 4}, home)
    with store.open(home) as opened:
        groups = {
            s: set(opened.predictions(outcome.run_id, s)["group"].to_pylist())
            for s in ("val", "test")
        }

    assert groups["val"]
    assert groups["test"]
    assert not groups["val"] & groups["test"]


def test_a_forecast_says_each_step_of_the_last_part_in_time(tmp_path: Path, home: Path):
    outcome = run(series(tmp_path), {"kind": "lstm", "embedding": 4, "hidden": 8}, home)
    with store.open(home) as opened:
        val, test = (opened.predictions(outcome.run_id, name) for name in ("val", "test"))

    assert set(test["slice.output"].to_pylist()) == {"+1", "+2", "+3"}
    assert max(val["example_id"].to_pylist()) < min(test["example_id"].to_pylist())
    last_true = math.sin(159 / 3) * 10
    assert test["label"].to_pylist()[-1] == pytest.approx(last_true, abs=1e-4)


def test_what_a_model_writes_is_in_its_run(tmp_path: Path, home: Path):
    gpt = run(corpus(tmp_path), CASES["gpt"][1], home)
    pair = run(pairs(tmp_path), CASES["seq2seq"][1], home)
    with store.open(home) as opened:
        samples = opened.events(gpt.run_id, ["text"]).to_pylist()
        tables = opened.events(pair.run_id, ["table"]).to_pylist()
        written = opened.predictions(pair.run_id, "test_written")

    assert [row["name"] for row in samples] == ["sample/1", "sample/2"]
    assert [row["name"] for row in tables] == ["written"]
    assert json.loads(written.schema.metadata[b"bakeoff"])["task"] == "texts"
    assert all(isinstance(text, str) for text in written["scores"].to_pylist())


def test_a_text_to_text_model_learns_to_turn_words_round(tmp_path: Path, home: Path):
    model = {"kind": "seq2seq", "embedding": 32, "heads": 4, "layers": 1, "dropout": 0.0}
    outcome = run(pairs(tmp_path), model, home, epochs=40, lr=5e-3)
    with store.open(home) as opened:
        rows = {row["metric"]: row["last"] for row in opened.series([outcome.run_id]).to_pylist()}

    assert rows["test/similarity"] > 0.6


def test_texts_without_labels_need_a_model_that_needs_none(tmp_path: Path):
    with pytest.raises(SpecError, match="reads corpus data"):
        load_spec({"data": corpus(tmp_path), "model": {"kind": "lstm"}})


def test_encoder_fine_tuning_begins_with_what_was_learnt(tmp_path: Path, home: Path, texts: Path):
    data = {"kind": "text_csv", "path": str(texts), "max_length": 16}
    encoder = {**SMALL, "feedforward": 16}
    spec = {"name": "pretrained", "data": data, "model": {"kind": "masked", **encoder}}
    first = train(load_spec({**spec, "training": {"epochs": 1, "threads": 1}}), home=home)
    tuned = run(data, {"kind": "transformer", **encoder}, home, start_from="pretrained", epochs=1)

    assert tuned.status == "finished", tuned.message
    with store.open(home) as opened:
        assert opened.run(tuned.run_id)["parents"] == [first.run_id]
    with pytest.raises(SpecError, match="same architecture"):
        run(
            data, {"kind": "transformer", **encoder, "embedding": 16}, home, start_from="pretrained"
        )
    with pytest.raises(SpecError, match="got 'nobody'"):
        run(data, {"kind": "transformer", **encoder}, home, start_from="nobody")


def test_a_student_names_its_teacher(home: Path, texts: Path):
    data = {"kind": "text_csv", "path": str(texts), "max_length": 16}
    teacher = run(data, {"kind": "lstm", "embedding": 8, "hidden": 8}, home, epochs=4)
    student = run(
        data, {"kind": "lstm", "embedding": 4, "hidden": 4}, home, distil_from=teacher.run_id
    )

    assert student.status == "finished", student.message
    with store.open(home) as opened:
        assert opened.run(student.run_id)["parents"] == [teacher.run_id]
