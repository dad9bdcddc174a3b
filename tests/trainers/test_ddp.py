"""Two processes train one model: each example once an epoch, one record, one curve."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import store
from trainers.data.dataset import Split
from trainers.data.loader import TensorLoader, ordered_loader


def numbers(count: int) -> Split:
    return Split(
        inputs=torch.arange(count)[:, None].float(),
        labels=torch.arange(count),
        ids=tuple(map(str, range(count))),
        slices={},
    )


def served(loader: TensorLoader) -> list[int]:
    return [label for _, labels in loader for label in labels.tolist()]


@pytest.mark.parametrize("count", [96, 97, 5])
def test_two_processes_share_every_batch(count: int):
    loaders = [
        TensorLoader(numbers(count), batch_size=8, seed=1, rank=rank, world=2) for rank in (0, 1)
    ]
    shares = [served(loader) for loader in loaders]

    assert len(loaders[0]) == len(loaders[1])
    assert len(shares[0]) == len(shares[1])
    assert set(shares[0]) | set(shares[1]) == set(range(count))
    assert len(shares[0]) + len(shares[1]) - count <= 1  # the last batch may repeat one


@pytest.mark.parametrize("count", [96, 97])
def test_two_processes_judge_every_example_once(count: int):
    loaders = [ordered_loader(numbers(count), batch_size=8, rank=rank, world=2) for rank in (0, 1)]

    assert sorted(served(loaders[0]) + served(loaders[1])) == list(range(count))
    assert [len(list(loader)) for loader in loaders] == [len(loader) for loader in loaders]


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_training_in_two_processes_is_one_run(tmp_path: Path, home: Path, texts: Path):
    spec = {
        "data": {"kind": "text_csv", "path": str(texts), "max_length": 16},
        "model": {"kind": "lstm", "embedding": 8, "hidden": 8},
        "training": {
            "epochs": 6,
            "batch_size": 8,
            "lr": 1e-2,
            "log_every": 2,
            "threads": 1,
            "devices": 2,
        },
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec), "utf-8")
    command = [sys.executable, "-m", "trainers", str(path), "--home", str(home), "--id", "both"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    with store.open(home) as opened:
        assert opened.run("both")["status"] == "finished"
        assert opened.runs().num_rows == 1
        names = {row["metric"] for row in opened.series(["both"]).to_pylist()}
        epochs = opened.points("val/loss", ["both"]).to_pylist()
        steps = [p["step"] for p in opened.points("train/loss", ["both"]).to_pylist()]
        predictions = opened.predictions("both", "test")
    assert len(epochs) == 6
    assert len(steps) == len(set(steps))
    assert {"train/loss", "rank1/train/loss", "test/acc"} <= names
    assert len(set(predictions["example_id"].to_pylist())) == predictions.num_rows
    assert done.stdout.count("epoch 1/6") == 1
