"""Ensembles and pruned models are runs that name their parents and can be compared."""

from pathlib import Path

import numpy as np
import pytest

import store
from store.layout import Home
from trainers.checkpoints import load_model
from trainers.derive import main
from trainers.ensembles import stack_weights
from trainers.fit import train
from trainers.spec import load_spec


@pytest.fixture
def two(texts: Path, home: Path) -> tuple[str, str]:
    spec = {
        "data": {"kind": "text_csv", "path": str(texts), "max_length": 16},
        "model": {"kind": "lstm", "embedding": 8, "hidden": 8},
        "training": {"epochs": 4, "batch_size": 16, "lr": 1e-2, "threads": 1},
    }
    ids = [train(load_spec({**spec, "seed": seed}), home=home).run_id for seed in (1, 2)]
    return ids[0], ids[1]


def newest(home: Path, tag: str) -> str:
    with store.open(home) as opened:
        rows = opened.runs().to_pylist()
    return next(row["run_id"] for row in rows if tag in row["tags"])


@pytest.mark.parametrize("how", ["average", "stack"])
def test_an_ensemble_is_a_run_with_parents_and_predictions(
    how: str, two: tuple[str, str], home: Path
):
    assert main([how, *two, "--home", str(home)]) == 0

    run_id = newest(home, "ensemble")
    with store.open(home) as opened:
        record = opened.run(run_id)
        parts = [opened.predictions(one, "test") for one in two]
        whole = opened.predictions(run_id, "test")
        costs = [opened.run(one)["cost"]["parameters"] for one in two]
    assert record["parents"] == list(two)
    assert record["cost"]["parameters"] == sum(costs)
    scores = np.array(whole["scores"].to_pylist())
    np.testing.assert_allclose(scores.sum(1), 1.0, atol=1e-9)
    if how == "average":
        mean = np.mean([np.array(part["scores"].to_pylist()) for part in parts], axis=0)
        np.testing.assert_allclose(scores, mean)
        return
    learnt = stack_weights(Home.locate(home), two)
    known = np.log([np.array(part["scores"].to_pylist()) for part in parts])
    logits = np.concatenate(list(known), axis=1) @ np.array(learnt["weights"]).T
    odds = np.exp(logits + learnt["offsets"])
    np.testing.assert_allclose(scores, odds / odds.sum(1, keepdims=True), atol=1e-9)


def test_a_pruned_model_has_zeros_and_its_own_predictions(two: tuple[str, str], home: Path):
    assert main(["prune", two[0], "--share", "0.6", "--home", str(home), "--name", "thin"]) == 0

    run_id = newest(home, "pruned")
    model = load_model(home / "runs" / run_id / "checkpoints" / "best.ckpt")
    weights = np.concatenate(
        [p.detach().numpy().ravel() for p in model.parameters() if p.dim() > 1]
    )
    with store.open(home) as opened:
        record = opened.run(run_id)
        assert (
            opened.predictions(run_id, "test").num_rows
            == opened.predictions(two[0], "test").num_rows
        )
    assert (weights == 0).mean() == pytest.approx(0.6, abs=0.01)
    assert record["name"] == "thin"
    assert record["parents"] == [two[0]]


def test_runs_that_cannot_be_combined_are_told(
    two: tuple[str, str], home: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["average", two[0], "--home", str(home)]) == 2
    assert main(["average", two[0], "nobody", "--home", str(home)]) == 2
    assert main(["prune", two[0], "--share", "2", "--home", str(home)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("Expected ") for line in lines)
    assert len(lines) == 3
