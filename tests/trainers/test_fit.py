"""Real tiny trainings: what is recorded, what repeats, what is said when it goes wrong."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import store
from trainers.checkpoints import load_model, read_checkpoint
from trainers.configs import TrainingConfig
from trainers.data.dataset import load_dataset
from trainers.errors import DataError, SpecError
from trainers.evaluate import predict
from trainers.fit import Outcome, train
from trainers.models.cnn import Cnn
from trainers.spec import load_spec

TINY = {"epochs": 2, "batch_size": 32, "lr": 1e-2, "log_every": 5, "threads": 1}


def mapping(kind: str, texts: Path, **training: Any) -> dict[str, Any]:
    text_data = {"kind": "text_csv", "path": str(texts), "max_length": 16}
    data = {"kind": "digits", "max_examples": 300, "augment": True} if kind == "cnn" else text_data
    sizes = {
        "cnn": {"channels": [8, 16], "dense": 16},
        "lstm": {"embedding": 8, "hidden": 8},
        "transformer": {"embedding": 8, "heads": 2, "layers": 1, "feedforward": 16},
    }
    return {
        "project": "tests",
        "name": kind,
        "tags": ["tiny"],
        "seed": 3,
        "data": data,
        "model": {"kind": kind, **sizes[kind]},
        "training": {**TINY, **training},
    }


def run(kind: str, texts: Path, home: Path, **training: Any) -> Outcome:
    return train(load_spec(mapping(kind, texts, **training)), home=home)


@pytest.mark.parametrize("kind", ["cnn", "lstm", "transformer"])
def test_a_training_of_each_kind_is_recorded_whole(kind: str, texts: Path, home: Path):
    outcome = run(kind, texts, home)

    assert (outcome.status, outcome.exit_code) == ("finished", 0)
    with store.open(home) as opened:
        record = opened.run(outcome.run_id)
        series = opened.series([outcome.run_id]).to_pylist()
        splits = {name: opened.predictions(outcome.run_id, name) for name in ("val", "test")}
        artifacts = opened.events(outcome.run_id, ["artifact"]).to_pylist()
        epochs = opened.points("val/loss", [outcome.run_id]).to_pylist()
    assert record["status"] == "finished"
    assert record["project"] == "tests"
    assert record["seed"] == 3
    assert record["config"]["model"]["kind"] == kind
    assert len(record["data_hash"]) == 64
    assert record["device"].startswith("cpu")
    metrics = {row["metric"]: row for row in series if not row["metric"].startswith("system/")}
    expected = {"train/loss", "train/acc", "lr", "epoch_s", "examples_per_s"}
    expected |= {f"{split}/{name}" for split in ("val", "test") for name in ("loss", "acc", "f1")}
    if kind != "cnn":  # two classes
        expected |= {f"{split}/{name}" for split in ("val", "test") for name in ("auc", "ap")}
    assert set(metrics) == expected
    assert all(math.isfinite(row["last"]) for row in metrics.values())
    assert metrics["val/f1"]["goal"] == "max"
    assert metrics["val/loss"]["goal"] == "min"
    assert metrics["val/loss"]["n"] == 2
    assert [round(point["epoch"], 2) for point in epochs] == [1.0, 2.0]
    assert {row["name"] for row in artifacts} == {"best", "last"}
    for name, table in splits.items():
        assert table.num_rows == record["data"]["sizes"][name]
        sums = np.array(table["scores"].to_pylist()).sum(1)
        np.testing.assert_allclose(sums, 1.0, atol=1e-6)
    assert (home / "runs" / outcome.run_id / "output.log").read_text("utf-8").count("epoch ") >= 2


def test_what_a_training_costs_and_its_labels_are_recorded(
    texts: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BAKEOFF_LABELS", '{"study": "s1", "trial": 12}')
    outcome = run("transformer", texts, home)
    with store.open(home) as opened:
        record = opened.run(outcome.run_id)

    assert record["labels"] == {"study": "s1", "trial": "12"}
    cost = record["cost"]
    checkpoint = home / "runs" / outcome.run_id / "checkpoints" / "best.ckpt"
    assert cost["checkpoint_bytes"] == checkpoint.stat().st_size
    assert cost["parameters"] == record["parameters"]
    assert 0 < cost["latency_p50_ms"] <= cost["latency_p95_ms"]
    assert cost["flops"] > 2 * 16 * 8  # the head alone does so many
    assert cost["peak_memory_bytes"] > 1_000_000
    assert 0 < cost["train_seconds"] < 60
    assert cost["energy_j"] is None or torch.cuda.is_available()


def test_the_output_is_one_line_an_epoch(
    texts: Path, home: Path, capsys: pytest.CaptureFixture[str]
):
    run("lstm", texts, home)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("training lstm (")
    assert [line[:9] for line in lines[1:3]] == ["epoch 1/2", "epoch 2/2"]
    assert lines[3].startswith("finished in ")
    assert len(lines) == 4


def weights(home: Path, run_id: str) -> dict[str, torch.Tensor]:
    return read_checkpoint(home / "runs" / run_id / "checkpoints" / "last.ckpt")["state_dict"]


def test_equal_seeds_give_equal_weights_and_others_do_not(texts: Path, home: Path):
    first, second = (weights(home, run("lstm", texts, home).run_id) for _ in range(2))
    other = train(load_spec({**mapping("lstm", texts), "seed": 4}), home=home)

    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[n], w) for n, w in weights(home, other.run_id).items())


def test_a_checkpoint_is_usable_without_anything_beside_it(texts: Path, home: Path):
    spec = load_spec(mapping("transformer", texts))
    outcome = train(spec, home=home)
    model = load_model(home / "runs" / outcome.run_id / "checkpoints" / "best.ckpt")
    data = load_dataset(spec.data)
    with store.open(home) as opened:
        recorded = opened.predictions(outcome.run_id, "test")

    probabilities = predict(model, data.test).double().softmax(1)

    assert recorded["example_id"].to_pylist() == list(data.test.ids)
    np.testing.assert_allclose(np.array(recorded["scores"].to_pylist()), probabilities, atol=1e-6)
    assert model.card["classes"] == ["early", "late"]


def test_what_can_be_learnt_is_learnt(texts: Path, home: Path):
    outcome = run("lstm", texts, home, epochs=8)
    with store.open(home) as opened:
        rows = opened.series([outcome.run_id]).to_pylist()

    assert next(row["last"] for row in rows if row["metric"] == "test/acc") > 0.9


def test_a_loss_that_is_no_number_ends_the_run_as_failed(
    texts: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    calm = Cnn.forward
    monkeypatch.setattr(Cnn, "forward", lambda self, images: calm(self, images) * math.nan)
    outcome = run("cnn", texts, home)

    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert outcome.message.startswith("Expected train/loss to stay finite; got nan at step 5.")
    with store.open(home) as opened:
        assert opened.run(outcome.run_id)["error"] == outcome.message


def test_too_little_memory_says_what_to_lower(
    texts: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 TB\nmore")

    monkeypatch.setattr(Cnn, "forward", refuse)
    outcome = run("cnn", texts, home)

    assert outcome.exit_code == 1
    assert "Lower training.batch_size (now 32)" in outcome.message
    assert "\n" not in outcome.message


def test_patience_and_time_limits_end_a_training_early(texts: Path, home: Path):
    ended = {}
    for name, settings in {
        "patience": {"patience": 1, "lr": 1e-6, "epochs": 30},
        "max_seconds": {"max_seconds": 0.5, "epochs": 10_000},
    }.items():
        outcome = run("lstm", texts, home, **settings)
        assert outcome.status == "finished", outcome.message
        events = (home / "runs" / outcome.run_id / "events.jsonl").read_text("utf-8").splitlines()
        values = [json.loads(line).get("values", {}) for line in events]
        ended[name] = next(value["ended_by"] for value in values if "ended_by" in value)

    assert ended == {"patience": "patience", "max_seconds": "max_seconds"}


def test_the_last_epoch_is_kept_where_that_is_asked_for(texts: Path, home: Path):
    outcome = run("lstm", texts, home, epochs=3, lr=0.9, keep="last")

    assert "(epoch 3, last val/f1)" in outcome.message


def test_bf16_runs_where_it_is_asked_for(texts: Path, home: Path):
    assert run("transformer", texts, home, precision="bf16-mixed").status == "finished"


def test_deterministic_runs_too(texts: Path, home: Path):
    assert run("lstm", texts, home, deterministic=True, optimizer="sgd").status == "finished"


def test_bad_data_and_misfits_make_no_run(texts: Path, home: Path):
    missing = mapping("lstm", texts.parent / "none.csv")
    deep = mapping("cnn", texts)
    deep["model"]["channels"] = [2, 2, 2, 2]

    with pytest.raises(DataError, match=r"none\.csv"):
        train(load_spec(missing), home=home)
    with pytest.raises(SpecError, match="at most 3 blocks"):
        train(load_spec(deep), home=home)
    assert not home.exists()


def test_a_cut_short_epoch_still_has_a_training_point(texts: Path, home: Path):
    outcome = run("lstm", texts, home, log_every=1000)
    with store.open(home) as opened:
        rows = opened.series([outcome.run_id]).to_pylist()

    assert next(row["n"] for row in rows if row["metric"] == "train/loss") == 2
    assert TrainingConfig().log_every < 1000
