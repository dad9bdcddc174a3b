"""Ways to train: averages, plateaus, accumulation, losses for rare classes, compilation, freezing."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch._dynamo.exc import BackendCompilerFailed
from torch.nn import functional as F

import store
from trainers.callbacks import LastCheckpoint
from trainers.checkpoints import load_model, read_checkpoint
from trainers.configs import LstmConfig, TrainingConfig
from trainers.data.dataset import TextInput
from trainers.data.targets import Target
from trainers.errors import SpecError
from trainers.fit import train
from trainers.models.lstm import Lstm
from trainers.models.schedule import Plateau
from trainers.spec import RunSpec, load_spec
from trainers.stopping import StopSwitch
from trainers.tasks.classes import ClassTask, classification_scores


def spec(texts: Path, **training: Any) -> RunSpec:
    settings = {"epochs": 3, "batch_size": 16, "lr": 1e-2, "log_every": 2, "threads": 1, **training}
    return load_spec(
        {
            "data": {"kind": "text_csv", "path": str(texts), "max_length": 16},
            "model": {"kind": "lstm", "embedding": 4, "hidden": 4},
            "training": settings,
        }
    )


def curve(home: Path, run_id: str, name: str) -> list[tuple[int, float]]:
    with store.open(home) as opened:
        points = opened.points(name, [run_id]).to_pylist()
    return [(point["step"], point["value"]) for point in points]


@pytest.mark.parametrize(
    "settings",
    [
        {"average": "ema", "ema_decay": 0.8},
        {"average": "swa", "swa_start": 0.3},
        {"accumulate": 2},
        {"schedule": "plateau", "warmup": 0.0},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_a_stop_changes_nothing_whatever_the_way(
    texts: Path, home: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    train(spec(texts, **settings), home=home, run_id="whole")
    switch = StopSwitch()
    count = iter(range(100))
    look = LastCheckpoint.on_train_batch_end

    def stop_in_the_ninth(self: LastCheckpoint, *arguments: Any, **named: Any) -> None:
        if next(count) == 8:
            switch._signal_number = signal.SIGTERM
        look(self, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(LastCheckpoint, "on_train_batch_end", stop_in_the_ninth)
        stopped = train(spec(texts, **settings), home=home, run_id="parts", stop=switch)
    assert stopped.status == "stopped"
    finished = train(spec(texts, **settings), home=home, run_id="parts", resume=True)

    assert finished.status == "finished", finished.message
    for name in ("train/loss", "lr", "val/loss", "test/loss"):
        assert curve(home, "parts", name) == curve(home, "whole", name), name


def test_the_best_checkpoint_of_an_average_holds_the_average(texts: Path, home: Path):
    train(spec(texts, average="ema"), home=home, run_id="ema")
    checkpoint = read_checkpoint(home / "runs" / "ema" / "checkpoints" / "last.ckpt")
    name = "head.weight"

    assert not torch.equal(checkpoint["state_dict"][name], checkpoint["raw_weights"][name])


def test_accumulated_batches_make_fewer_steps(texts: Path, home: Path):
    train(spec(texts, accumulate=3), home=home, run_id="few")

    last = read_checkpoint(home / "runs" / "few" / "checkpoints" / "last.ckpt")
    assert last["global_step"] == 3 * 2  # six batches of 84 examples an epoch


def test_a_plateau_halves_the_rate_after_two_epochs_without_a_better_one():
    plateau = Plateau()
    factors = []
    for value in (1.0, 0.9, 0.95, 0.95, 0.8, 0.81, 0.82):
        plateau.step(value)
        factors.append(plateau.factor)

    assert factors == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]


def test_a_penalty_on_absolute_weights_makes_them_smaller(texts: Path, home: Path):
    for name, l1 in (("free", 0.0), ("bound", 0.05)):
        train(spec(texts, l1=l1), home=home, run_id=name)
    sizes = {
        name: sum(
            p.abs().sum()
            for p in load_model(home / "runs" / name / "checkpoints" / "best.ckpt").parameters()
        )
        for name in ("free", "bound")
    }

    assert sizes["bound"] < sizes["free"]


def task(counts: tuple[int, int] = (90, 10), **training: Any) -> ClassTask:
    target = Target(kind="classes", classes=("no", "yes"), counts=counts)
    return ClassTask(target, TrainingConfig.model_validate(training))


def test_binary_cross_entropy_is_that_of_the_difference_of_two_logits():
    logits, labels = torch.randn(20, 2), torch.randint(0, 2, (20,))

    bce = task(loss="bce").loss(logits, labels)
    torch.testing.assert_close(bce, F.cross_entropy(logits, labels))


def test_the_focal_loss_looks_away_from_what_is_easy():
    easy, hard = torch.tensor([[4.0, -4.0]]), torch.tensor([[-1.0, 1.0]])
    label = torch.tensor([0])
    plain, focal = task(loss="bce"), task(loss="focal")

    assert focal.loss(easy, label) < 0.001 * plain.loss(easy, label)
    assert focal.loss(hard, label) > 0.5 * plain.loss(hard, label)


@pytest.mark.parametrize("loss", ["cross_entropy", "bce"])
def test_balanced_weights_let_rare_classes_count_alike(loss: str):
    logits = torch.zeros(100, 2)
    labels = torch.tensor([0] * 90 + [1] * 10)
    wrong_about_rare, wrong_about_usual = logits.clone(), logits.clone()
    wrong_about_rare[:, 0], wrong_about_usual[:, 1] = 1.0, 1.0
    balanced = task(loss=loss, class_weights="balanced")

    first, second = (
        balanced.loss(wrong_about_rare, labels),
        balanced.loss(wrong_about_usual, labels),
    )
    torch.testing.assert_close(first, second)


def test_areas_under_curves_agree_with_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    labels = (torch.rand(300, generator=generator) < 0.2).long()
    score = (torch.randn(300, generator=generator) + labels).round(decimals=1)  # many are equal
    found = classification_scores(torch.stack([torch.zeros(300), score], 1), labels)

    assert found["auc"] == pytest.approx(roc_auc_score(labels, score))
    assert found["ap"] == pytest.approx(average_precision_score(labels, score))


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"loss": "mse"}, "training.loss for classes; got mse"),
        ({"monitor": "val/mae"}, "Expected training.monitor to be auto or one of val/loss"),
    ],
)
def test_a_loss_or_metric_that_does_not_fit_is_refused(
    texts: Path, home: Path, training: dict[str, Any], words: str
):
    with pytest.raises(SpecError, match=words):
        train(spec(texts, **training), home=home)
    assert not home.exists()


def test_a_compilation_that_fails_is_told_and_done_without(
    text_input: TextInput, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: Any) -> None:
        raise BackendCompilerFailed(lambda: None, RuntimeError("no compiler here"), None)

    model = Lstm(LstmConfig(embedding=4, hidden=4), text_input, 2)
    monkeypatch.setattr(torch, "compile", lambda _: refuse)
    model.compile_network()
    tokens = torch.ones(2, 5, dtype=torch.int32)

    assert model.answer(tokens, torch.zeros(2)).shape == (2, 2)
    assert "The training goes on without it." in capsys.readouterr().out
    assert model._network is None


def test_memory_that_runs_out_names_the_batch_to_try(
    texts: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: Any) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 9 GiB")

    monkeypatch.setattr(Lstm, "forward", refuse)
    outcome = train(spec(texts, batch_size=48), home=home)

    assert "try 24, with training.accumulate 2" in outcome.message
