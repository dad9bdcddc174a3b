"""A training that was interrupted anywhere goes on as if it had not been."""

import signal
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch

import store
from trainers import fit
from trainers.callbacks import LastCheckpoint
from trainers.checkpoints import read_checkpoint
from trainers.errors import DataError, SpecError
from trainers.fit import Outcome, train
from trainers.spec import RunSpec, load_spec
from trainers.stopping import StopSwitch

TIMINGS = {"epoch_s", "examples_per_s"}
EPOCHS, STEPS, VALIDATIONS = 3, 4, 2


def lstm_spec(texts: Path, **training: Any) -> RunSpec:
    settings = {"epochs": EPOCHS, "batch_size": 24, "lr": 1e-2, "log_every": 3, "threads": 1}
    return load_spec(
        {
            "project": "tests",
            "seed": 3,
            "data": {"kind": "text_csv", "path": str(texts), "max_length": 16},
            "model": {"kind": "lstm", "embedding": 4, "hidden": 4, "dropout": 0.5},
            "training": {**settings, **training},
        }
    )


def cnn_spec(**training: Any) -> RunSpec:
    settings = {"epochs": EPOCHS, "batch_size": 64, "lr": 1e-2, "log_every": 3, "threads": 1}
    return load_spec(
        {
            "project": "tests",
            "data": {"kind": "digits", "max_examples": 350, "augment": True},
            "model": {"kind": "cnn", "channels": [4], "dense": 8},
            "training": {**settings, **training},
        }
    )


class StopAt(L.Callback):
    """Asks for a stop in the n-th thing that a training does, a step or a validation batch."""

    def __init__(self, switch: StopSwitch, at: int) -> None:
        self.switch, self.left = switch, at

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        self._count()

    def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
        self._count()

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.switch._signal_number = signal.SIGTERM


def train_until(
    monkeypatch: pytest.MonkeyPatch, spec: RunSpec, home: Path, at: int, run_id: str
) -> Outcome:
    switch = StopSwitch()
    make = fit._make_trainer

    def with_stop(*arguments: Any) -> Any:
        trainer, *rest = make(*arguments)
        trainer.callbacks.insert(0, StopAt(switch, at))  # pyright: ignore[reportAttributeAccessIssue]
        return trainer, *rest

    with monkeypatch.context() as patch:
        patch.setattr(fit, "_make_trainer", with_stop)
        return train(spec, home=home, run_id=run_id, stop=switch)


def curves(home: Path, run_id: str) -> dict[str, list[tuple[int, float]]]:
    with store.open(home) as opened:
        rows = opened.series([run_id]).to_pylist()
        names = {row["metric"] for row in rows if not row["metric"].startswith("system/")}
        return {
            name: [
                (point["step"], point["value"])
                for point in opened.points(name, [run_id]).to_pylist()
            ]
            for name in names - TIMINGS
        }


def weights(home: Path, run_id: str) -> dict[str, torch.Tensor]:
    return read_checkpoint(home / "runs" / run_id / "checkpoints" / "last.ckpt")["state_dict"]


def assert_same(home: Path, whole: str, parts: str, where: str) -> None:
    expected, found = curves(home, whole), curves(home, parts)
    assert {name: len(points) for name, points in found.items()} == {
        name: len(points) for name, points in expected.items()
    }, where
    assert found == expected, where
    first, second = weights(home, whole), weights(home, parts)
    assert all(torch.equal(first[name], second[name]) for name in first), where


def test_a_stop_anywhere_changes_no_point_and_no_weight(
    texts: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("trainers.data.module._EVALUATION_BATCH", 10)
    spec = lstm_spec(texts)
    train(spec, home=home, run_id="whole")
    for at in (2, STEPS, STEPS + 1, STEPS + VALIDATIONS, STEPS + VALIDATIONS + 1, 17):
        outcome = train_until(monkeypatch, spec, home, at, f"stop{at}")
        assert outcome.status == "stopped", at

        outcome = train(spec, home=home, run_id=f"stop{at}", resume=True)

        assert outcome.status == "finished", outcome.message
        assert_same(home, "whole", f"stop{at}", f"stopped at {at}")


def test_a_stop_with_augmentation_changes_no_point(home: Path, monkeypatch: pytest.MonkeyPatch):
    spec = cnn_spec(patience=5, schedule="cosine")
    train(spec, home=home, run_id="whole")
    for at in (2, 8):
        train_until(monkeypatch, spec, home, at, f"stop{at}")
        assert train(spec, home=home, run_id=f"stop{at}", resume=True).status == "finished"
        assert_same(home, "whole", f"stop{at}", f"stopped at {at}")


def test_a_run_can_be_stopped_and_resumed_more_than_once(
    texts: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    spec = lstm_spec(texts)
    train(spec, home=home, run_id="whole")
    train_until(monkeypatch, spec, home, 2, "parts")
    make, switch = fit._make_trainer, StopSwitch()

    def stop_again(*arguments: Any) -> Any:
        trainer, *rest = make(*arguments)
        trainer.callbacks.insert(0, StopAt(switch, 5))  # pyright: ignore[reportAttributeAccessIssue]
        return trainer, *rest

    with monkeypatch.context() as patch:
        patch.setattr(fit, "_make_trainer", stop_again)
        assert train(spec, home=home, run_id="parts", stop=switch, resume=True).status == "stopped"
    train(spec, home=home, run_id="parts", resume=True)

    assert_same(home, "whole", "parts", "twice")


def test_a_killed_run_goes_on_from_the_end_of_its_last_epoch(
    texts: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    spec = lstm_spec(texts)
    train(spec, home=home, run_id="whole")

    def die(self: LastCheckpoint, trainer: L.Trainer, *_: Any, **__: Any) -> None:
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LastCheckpoint, "on_train_batch_end", die)
        train(spec, home=home, run_id="killed")
    train(spec, home=home, run_id="killed", resume=True)

    assert_same(home, "whole", "killed", "killed")


def test_a_run_without_a_checkpoint_starts_anew(texts: Path, home: Path):
    spec = lstm_spec(texts)
    store.init("tests", id="early", home=home).finish("failed")

    assert train(spec, home=home, run_id="early", resume=True).status == "finished"


def test_another_spec_or_other_data_do_not_go_on(texts: Path, home: Path):
    train(lstm_spec(texts, epochs=1), home=home, run_id="first")

    with pytest.raises(SpecError, match="got another training"):
        train(lstm_spec(texts, epochs=2), home=home, run_id="first", resume=True)
    with texts.open("a", encoding="utf-8") as file:
        file.write("quite another text,late\n")
    with pytest.raises(DataError, match="another hash"):
        train(lstm_spec(texts, epochs=1), home=home, run_id="first", resume=True)


def test_a_run_that_does_not_exist_does_not_go_on(texts: Path, home: Path):
    with pytest.raises(store.RunNotFoundError):
        train(lstm_spec(texts), home=home, run_id="nobody", resume=True)
