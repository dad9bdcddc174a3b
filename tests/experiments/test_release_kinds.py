"""Every kind of model, all the way: trained, exported, checked, and asked about the user's own file."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import store
from experiments.evaluating.predicted import Predicted
from experiments.releasing import bundle
from experiments.releasing.bulk_predict import predict_file
from experiments.releasing.bundle_models import open_folder, open_model
from experiments.releasing.exporting import export_run
from store.layout import Home

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]
WORDS = [
    "red",
    "blue",
    "green",
    "cat",
    "dog",
    "bird",
    "runs",
    "jumps",
    "flies",
    "fast",
    "slow",
    "high",
    "good",
    "bad",
    "fine",
]


def sentences(rng: np.random.Generator, count: int) -> list[str]:
    return [f"{' '.join(rng.choice(WORDS, 4))} {number}" for number in range(count)]


def ratings(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {"viewer": f"user{u}", "film": f"Film, {i} (19{50 + i})", "stars": 1 + (u * i) % 5}
        for u in range(30)
        for i in rng.choice(20, 10, replace=False)
    ]


def series(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {"day": at, "sales": 100 + 30 * math.sin(at) + rng.normal(), "note": "x"}
        for at in range(300)
    ]


def events(rng: np.random.Generator) -> list[dict[str, Any]]:
    rows = [
        {"card": f"c{c}", "t": 1000 * e + c, "amount": float(rng.exponential(50))}
        for c in range(60)
        for e in range(5)
    ]
    return [{**row, "is_fraud": int(row["amount"] > 100)} for row in rows]


def table(rng: np.random.Generator) -> list[dict[str, Any]]:
    rows = [
        {"id": f"k{n}", "age": rng.integers(18, 80), "job": rng.choice(["cook", "smith"])}
        for n in range(300)
    ]
    return [
        {**row, "old": "yes" if row["age"] > 45 else "no", "pay": row["age"] * 2.5} for row in rows
    ]


def texts(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [{"review": one, "mood": n % 2} for n, one in enumerate(sentences(rng, 200))]


def pairs(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [{"source": one[-8:], "target": one[:-9:-1]} for one in sentences(rng, 200)]


TEXT = {"kind": "text_csv", "text_column": "review", "label_column": "mood", "max_length": 24}
SMALL = {"embedding": 8, "layers": 1}
FORWARD = {**SMALL, "heads": 2, "feedforward": 16}
KINDS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "recommender": (ratings, {"kind": "ratings_csv", "user_column": "viewer", "item_column": "film", "rating_column": "stars"}, {"kind": "recommender", "factors": 4}),
    "forecast": (series, {"kind": "series_csv", "time_column": "day", "target_column": "sales", "window": 8, "horizon": 2}, {"kind": "lstm", "embedding": 4, "hidden": 8}),
    "cls": (series, {"kind": "series_csv", "time_column": "day", "target_column": "sales", "window": 8, "horizon": 1}, {"kind": "transformer", **FORWARD, "pool": "cls"}),
    "events": (events, {"kind": "transactions_csv", "customer_column": "card", "time_column": "t", "label_column": "is_fraud", "max_length": 3}, {"kind": "transformer", **FORWARD}),
    "table": (table, {"kind": "table_csv", "label_column": "old", "id_column": "id"}, {"kind": "mlp", "widths": [8]}),
    "several": (table, {"kind": "table_csv", "targets": ["old", "pay"], "id_column": "id"}, {"kind": "mlp", "widths": [8]}),
    "gpt": (texts, TEXT, {"kind": "gpt", **SMALL, "heads": 2}),
    "masked": (texts, {**TEXT, "tokens": "words"}, {"kind": "masked", **FORWARD}),
    "seq2seq": (pairs, {"kind": "pairs_csv", "max_length": 8}, {"kind": "seq2seq", **FORWARD}),
    "beams": (pairs, {"kind": "pairs_csv", "max_length": 8}, {"kind": "seq2seq", **FORWARD, "beams": 2}),
}  # fmt: skip

COMPARED = {
    "events": "score.fraud",
    "table": "score.yes",
    "several": "old.score.yes",
    "gpt": "loss",
}

QUANTISED = frozenset({"recommender", "table", "gpt", "masked", "beams"})


def written(make: Any, folder: Path) -> Path:
    """Write the rows that a kind's maker makes; return their file."""
    rows, source = make(np.random.default_rng(0)), folder / "own.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return source


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_goes_from_the_training_to_answers(kind: str, tmp_path: Path):
    from trainers.fit import train
    from trainers.int8 import quantise
    from trainers.spec import load_spec

    make, data, model = KINDS[kind]
    source, home = written(make, tmp_path), Home(tmp_path / "home").create()
    training = {"epochs": 1, "batch_size": 32, "lr": 1e-2, "threads": 1}
    spec = load_spec({"data": {**data, "path": str(source)}, "model": model, "training": training})
    run_id = train(spec, home=home.path).run_id
    variants = [quantise(home, (run_id,), name=None)[0]] if kind in QUANTISED else []

    for one in (run_id, *variants):
        found = export_run(home, one, tmp_path / one, split="test", tolerance=1e-3)
        assert found.matches, found.reason
        assert (
            json.loads((tmp_path / one / "config.json").read_text(encoding="utf-8"))["onnx"][
                "batch"
            ]
            is None
        )
    answers = predict_file(open_folder(tmp_path / run_id), source, tmp_path / "out.jsonl")

    assert answers.num_rows > 100
    if kind in COMPARED:
        check_against_the_record(home, run_id, answers.path, COMPARED[kind])


def check_against_the_record(home: Home, run_id: str, path: Path, column: str) -> None:
    """Examples go by the ids of the training, and answers are those that were recorded."""
    with store.open(home.path) as opened:
        recorded = Predicted.of(opened.predictions(run_id, "test"))
    scores = -recorded.quality if recorded.task == "tokens" else recorded.scores[:, -1]
    told = {
        row["id"]: row[column]
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    }
    for example, score in zip(recorded.example_id.to_pylist(), scores, strict=True):
        assert told[example] == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("how", ["average", "stack"])
@pytest.mark.parametrize(
    ("kind", "other"),
    [("table", {"kind": "mlp", "widths": [16]}), ("forecast", {"kind": "lstm", "hidden": 4})],
)
def test_an_ensemble_answers_what_was_recorded(
    kind: str, other: dict[str, Any], how: Any, tmp_path: Path
):
    from trainers.ensembles import combine
    from trainers.fit import train
    from trainers.spec import load_spec

    make, data, model = KINDS[kind]
    source, home = written(make, tmp_path), Home(tmp_path / "home").create()
    training = {"epochs": 1, "batch_size": 32, "lr": 1e-2, "threads": 1}
    ids = [
        train(
            load_spec(
                {
                    "data": {**data, "path": str(source)},
                    "model": one,
                    "training": training,
                }
            ),
            home=home.path,
        ).run_id
        for one in (model, {**model, **other})
    ]
    run_id, _ = combine(home, tuple(ids), how=how, name=None)

    found = export_run(home, run_id, tmp_path / "model", split="val", tolerance=1e-3)
    packed = bundle.pack(tmp_path / "model", tmp_path / "bundle.zip")
    opened = open_model(bundle.read(tmp_path / "bundle.zip", sha256=packed).files)
    answers = predict_file(opened, source, tmp_path / "out.jsonl")

    assert found.matches, found.reason
    assert answers.num_rows > 100
    if kind in COMPARED:
        check_against_the_record(home, run_id, answers.path, COMPARED[kind])
