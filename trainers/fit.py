"""One training run, from a checked spec to a recorded end."""

from __future__ import annotations

import json
import logging
import os
import time
import traceback
import warnings
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException

import store
from trainers.callbacks import EpochLines, LastCheckpoint, say
from trainers.checkpoints import build_model
from trainers.configs import TrainingConfig
from trainers.cost import TrainingCost
from trainers.data.dataset import Dataset, load_dataset
from trainers.data.module import ResidentData
from trainers.errors import TrainingFailedError
from trainers.evaluate import evaluate
from trainers.logger import BakeoffLogger
from trainers.models.classifier import Classifier
from trainers.resuming import LAST_CHECKPOINT, checkpoint_to_resume
from trainers.spec import RunSpec
from trainers.stopping import StopSwitch, TrainingStopped

_MAXIMISED = ("val/acc", "val/f1", "test/acc", "test/f1", "train/acc")
_MINIMISED = ("val/loss", "test/loss", "train/loss")
_HARMLESS_WARNINGS = (
    "The number of training batches",  # fewer than log_every: an epoch logs a point all the same
    ".*LeafSpec.* is deprecated",  # between Lightning and torch
    "Checkpoint directory .* exists",  # a run that goes on
)
_NO_MEMORY = ("can't allocate memory", "out of memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Everything that a training starts from."""

    spec: RunSpec
    data: Dataset
    model: Classifier
    stop: StopSwitch
    start: Path | None
    """The checkpoint to go on from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a training ended."""

    run_id: str
    status: Literal["finished", "failed", "stopped"]
    exit_code: int
    message: str
    """One line for a person."""


def train(
    spec: RunSpec,
    *,
    home: str | Path | None = None,
    run_id: str | None = None,
    stop: StopSwitch | None = None,
    resume: bool = False,
) -> Outcome:
    """Train, evaluate and record one run; what goes wrong in the training is in the outcome.

    Parameters
    ----------
    home
        Folder of the store; None: as :func:`store.init` finds it.
    run_id
        Chosen by a launcher; None: a new one.
    stop
        Says when to end early.
    resume
        Go on with the run `run_id` from its last checkpoint, exactly as if it had not been
        interrupted; from the start where it was interrupted before it had one.

    Raises
    ------
    SpecError
        If the model does not fit the data, or a run is to go on with another spec.
    DataError
        If the data cannot be had or used, or are not those that a run to go on has seen.
    store.StoreError
        If the run cannot be recorded.
    """
    stop = stop or StopSwitch()
    _prepare_torch(spec.training)
    data = load_dataset(spec.data)
    L.seed_everything(spec.seed, workers=True, verbose=False)
    model = build_model(spec, data.input, data.classes)
    model.card["data_hash"] = data.hash
    start = checkpoint_to_resume(spec, data, home=home, run_id=run_id) if resume else None
    run = store.init(
        spec.project,
        name=spec.name,
        config=spec.to_mapping(),
        group=spec.group,
        tags=spec.tags,
        notes=spec.notes,
        id=run_id,
        home=home,
        seed=spec.seed,
        resume="must" if resume else "never",
    )
    with run:
        plan = _Plan(spec=spec, data=data, model=model, stop=stop, start=start)
        outcome = _train_and_judge(run, plan)
        is_failed = outcome.status == "failed"
        say(f"failed: {outcome.message}" if is_failed else outcome.message)
        run.finish(outcome.status, error=outcome.message if is_failed else None)
    return outcome


def _train_and_judge(run: store.Run, plan: _Plan) -> Outcome:
    """Turn every way in which a training can end into an outcome."""
    try:
        message = _train_and_evaluate(run, plan)
    except TrainingStopped as error:
        return Outcome(
            run_id=run.id, status="stopped", exit_code=error.exit_code, message=str(error)
        )
    except SystemExit as error:  # Lightning's own answer to a signal that no switch caught
        code = 143 if isinstance(error, SIGTERMException) else 130
        return Outcome(run_id=run.id, status="stopped", exit_code=code, message="stopped")
    except Exception as error:  # noqa: BLE001 - the outermost frame of a training records it
        message = _explain(error, plan.spec.training)
        return Outcome(run_id=run.id, status="failed", exit_code=1, message=message)
    return Outcome(run_id=run.id, status="finished", exit_code=0, message=message)


def _train_and_evaluate(run: store.Run, plan: _Plan) -> str:
    """Return the closing line."""
    started = time.perf_counter()
    spec, data, model = plan.spec, plan.data, plan.model
    trainer, checkpoints = _make_trainer(run, spec.training, plan.stop)
    device = trainer.strategy.root_device
    _describe(run, spec, data, model, device)
    resident = ResidentData(data, spec.data, spec.training, seed=spec.seed)
    cost = model.meter = TrainingCost(device)
    with plan.stop.deferred(), warnings.catch_warnings():
        for harmless in _HARMLESS_WARNINGS:
            warnings.filterwarnings("ignore", harmless)
        with cost.measured():
            trainer.fit(model, datamodule=resident, ckpt_path=plan.start, weights_only=True)
    run.summary["ended_by"] = _ended_by(trainer, spec.training)
    evaluation = evaluate(run, Path(checkpoints.best_model_path), data, device)
    run.describe(cost={**evaluation.cost, **cost.facts()})
    scores = ", ".join(f"test/{name} {value:.4f}" for name, value in evaluation.test.items())
    return (
        f"finished in {time.perf_counter() - started:.1f} s: {scores} "
        f"(epoch {evaluation.best_epoch}, best {spec.training.monitor})"
    )


def _prepare_torch(config: TrainingConfig) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    if config.threads:
        torch.set_num_threads(config.threads)
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")


def _make_trainer(
    run: store.Run, config: TrainingConfig, stop: StopSwitch
) -> tuple[L.Trainer, ModelCheckpoint]:
    mode = "min" if config.monitor in _MINIMISED else "max"
    checkpoints = ModelCheckpoint(
        dirpath=run.checkpoints,
        filename="best",
        monitor=config.monitor,
        mode=mode,
        enable_version_counter=False,
    )
    last = LastCheckpoint(stop, run.checkpoints / LAST_CHECKPOINT)
    callbacks: list[Callback] = [EpochLines(), checkpoints, last]
    if config.patience:
        callbacks.append(EarlyStopping(config.monitor, mode=mode, patience=config.patience))
    trainer = L.Trainer(
        accelerator="auto",
        devices=1,  # the resident loader does not share its batches among several
        max_epochs=config.epochs,
        max_time=timedelta(seconds=config.max_seconds) if config.max_seconds else None,
        precision=config.precision,
        gradient_clip_val=config.grad_clip or None,
        deterministic=config.deterministic or None,
        log_every_n_steps=config.log_every,
        logger=BakeoffLogger(run=run),
        callbacks=callbacks,
        default_root_dir=run.folder,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    return trainer, checkpoints


def _describe(
    run: store.Run, spec: RunSpec, data: Dataset, model: Classifier, device: torch.device
) -> None:
    """Record what is known before the first step, and say it."""
    for goal, names in (("max", _MAXIMISED), ("min", _MINIMISED)):
        for name in names:
            run.define_metric(name, goal=goal, unit="nats" if name.endswith("loss") else None)
    run.define_metric("epoch_s", unit="s", summary="last")
    run.define_metric("examples_per_s", unit="1/s", summary="last")
    run.define_metric("lr", summary="last")
    if labels := os.environ.get("BAKEOFF_LABELS"):
        run.describe(labels=_labels(labels))
    num_parameters = sum(p.numel() for p in model.parameters())
    device_name = _device_name(device)
    run.describe(
        device=device_name,
        data_hash=data.hash,
        data=data.facts,
        classes=list(data.classes),
        parameters=num_parameters,
    )
    sizes = " + ".join(f"{size:,} {name}" for name, size in data.facts["sizes"].items())
    say(
        f"training {spec.model.kind} ({num_parameters:,} parameters) on {spec.data.kind} "
        f"({sizes} examples, {data.facts['duplicates_dropped']:,} duplicates dropped), {device_name}"
    )


def _labels(text: str) -> dict[str, str]:
    """Return what the queue wants written beside the run: a study and a trial, for example."""
    try:
        labels = json.loads(text)
    except ValueError:
        labels = None
    if not isinstance(labels, dict):
        say(f"Expected BAKEOFF_LABELS to be a JSON object; got {text[:60]!r}. It is ignored.")
        return {}
    return {str(key): str(value) for key, value in labels.items()}


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} {torch.cuda.get_device_name(device)}"
    threads = torch.get_num_threads()
    return f"{device}, {threads} thread{'s' if threads > 1 else ''}"


def _ended_by(trainer: L.Trainer, config: TrainingConfig) -> str:
    if trainer.current_epoch >= config.epochs:
        return "epochs"
    early = trainer.early_stopping_callback
    return "patience" if isinstance(early, EarlyStopping) and early.stopped_epoch else "max_seconds"


def _explain(error: Exception, config: TrainingConfig) -> str:
    """Return one sentence; the traceback of what nobody foresaw goes before it."""
    if isinstance(error, TrainingFailedError):
        return str(error)
    first_line = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
        return (
            f"Expected the training to fit into memory; got {first_line!r}. "
            f"Lower training.batch_size (now {config.batch_size}) or the size of the model."
        )
    say(traceback.format_exc().rstrip())
    return f"{type(error).__name__}: {first_line}"
