"""One training from a checked spec to a recorded end."""

from __future__ import annotations

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
from trainers.averaging import WeightAverage
from trainers.callbacks import EpochLines, LastCheckpoint, Unprofiled, say
from trainers.configs import TrainingConfig
from trainers.cost import TrainingCost
from trainers.data.module import ResidentData
from trainers.describing import describe
from trainers.errors import DataError, SpecError, TrainingFailedError
from trainers.evaluate import evaluate
from trainers.logger import BakeoffLogger
from trainers.preparing import Plan, is_helper, prepare
from trainers.resuming import LAST_CHECKPOINT
from trainers.spec import RunSpec
from trainers.stopping import StopSwitch, TrainingStopped

_HARMLESS_WARNINGS = (
    "The number of training batches",  # fewer than log_every: an epoch logs a point all the same
    ".*LeafSpec.* is deprecated",  # between Lightning and torch
    "Checkpoint directory .* exists",  # a run that goes on
    "Found .* module.* in eval mode",  # a frozen backbone
)
_NO_MEMORY = ("can't allocate memory", "out of memory")


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
    _prepare_torch(spec.training)
    plan = prepare(spec, stop or StopSwitch(), home=home, run_id=run_id, resume=resume)
    if is_helper():
        return _help(plan, home, run_id or os.environ["BAKEOFF_RUN_ID"])
    run = store.init(
        spec.project,
        name=spec.name,
        config=plan.spec.to_mapping(),
        group=spec.group,
        tags=spec.tags,
        notes=spec.notes,
        id=run_id,
        home=home,
        seed=spec.seed,
        parents=plan.parents.run_ids,
        resume="must" if resume else "never",
    )
    with run:
        outcome = _judged(run, plan)
        is_failed = outcome.status == "failed"
        say(f"failed: {outcome.message}" if is_failed else outcome.message)
        run.finish(outcome.status, error=outcome.message if is_failed else None)
    return outcome


def _judged(run: store.Run, plan: Plan) -> Outcome:
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


def _help(plan: Plan, home: str | Path | None, run_id: str) -> Outcome:
    """Train beside the process that keeps the record; only own points are written."""
    with store.init(id=run_id, home=home, resume="must") as run:
        plan.model.channel = run
        trainer, _ = _make_trainer(None, run.folder, plan)
        _fit(trainer, plan)
    return Outcome(run_id=run_id, status="finished", exit_code=0, message="")


def _train_and_evaluate(run: store.Run, plan: Plan) -> str:
    """Return the closing line."""
    started = time.perf_counter()
    config = plan.spec.training
    if config.devices > 1:
        os.environ["BAKEOFF_RUN_ID"] = run.id  # for the processes that Lightning starts
    trainer, checkpoints = _make_trainer(run, run.folder, plan)
    device = trainer.strategy.root_device
    describe(run, plan, device)
    cost = plan.model.meter = TrainingCost(device)
    with cost.measured():
        _fit(trainer, plan)
    run.summary["ended_by"] = _ended_by(trainer, config)
    evaluation = evaluate(run, Path(checkpoints.best_model_path), plan.data, device)
    run.describe(cost={**evaluation.cost, **cost.facts()})
    scores = ", ".join(f"test/{name} {value:.4f}" for name, value in evaluation.test.items())
    return (
        f"finished in {time.perf_counter() - started:.1f} s: {scores} "
        f"(epoch {evaluation.best_epoch}, {config.keep} {config.monitor})"
    )


def _fit(trainer: L.Trainer, plan: Plan) -> None:
    resident = ResidentData(plan.data, plan.spec.data, plan.spec.training, seed=plan.spec.seed)
    with plan.stop.deferred(), warnings.catch_warnings():
        for harmless in _HARMLESS_WARNINGS:
            warnings.filterwarnings("ignore", harmless)
        trainer.fit(plan.model, datamodule=resident, ckpt_path=plan.start, weights_only=True)


def _prepare_torch(config: TrainingConfig) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    if config.threads:
        torch.set_num_threads(config.threads)
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")


def _make_trainer(
    run: store.Run | None, folder: Path, plan: Plan
) -> tuple[L.Trainer, ModelCheckpoint]:
    config = plan.spec.training
    mode = plan.model.task.goals[config.monitor.removeprefix("val/")]
    checkpoint_folder = folder / "checkpoints"
    checkpoint_folder.mkdir(exist_ok=True)
    checkpoints = ModelCheckpoint(
        dirpath=checkpoint_folder,
        filename="best",  # in the name that everybody reads, whichever epoch it is
        monitor=config.monitor if config.keep == "best" else None,
        mode=mode,
        enable_version_counter=False,
    )
    callbacks: list[Callback] = [EpochLines()]
    if config.average != "none":
        callbacks.append(WeightAverage(config))
    if config.patience:
        callbacks.append(EarlyStopping(config.monitor, mode=mode, patience=config.patience))
    callbacks += [checkpoints, LastCheckpoint(plan.stop, checkpoint_folder / LAST_CHECKPOINT)]
    trainer = L.Trainer(
        accelerator="auto",
        devices=config.devices,
        strategy="auto" if config.devices == 1 else "ddp",
        use_distributed_sampler=False,  # our loader shares its batches out itself
        max_epochs=config.epochs,
        max_time=timedelta(seconds=config.max_seconds) if config.max_seconds else None,
        precision=config.precision,
        gradient_clip_val=config.grad_clip or None,
        accumulate_grad_batches=config.accumulate,
        deterministic=config.deterministic or None,
        log_every_n_steps=config.log_every,
        logger=BakeoffLogger(run=run) if run else False,
        callbacks=callbacks,
        profiler=Unprofiled(),
        default_root_dir=folder,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    return trainer, checkpoints


def _ended_by(trainer: L.Trainer, config: TrainingConfig) -> str:
    if trainer.current_epoch >= config.epochs:
        return "epochs"
    early = trainer.early_stopping_callback
    return "patience" if isinstance(early, EarlyStopping) and early.stopped_epoch else "max_seconds"


def _explain(error: Exception, config: TrainingConfig) -> str:
    """Return one sentence; the traceback of what nobody foresaw goes before it."""
    if isinstance(error, TrainingFailedError | SpecError | DataError):
        return str(error)
    first_line = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
        return f"Expected the training to fit into memory; got {first_line!r}. {_less(config)}"
    say(traceback.format_exc().rstrip())
    return f"{type(error).__name__}: {first_line}"


def _less(config: TrainingConfig) -> str:
    """Return what to try when memory ran out: half the batch, twice as often."""
    half = config.batch_size // 2
    if not half:
        return "Make the model smaller: a batch is one example already."
    return (
        f"Lower training.batch_size (now {config.batch_size}): try {half}, with "
        f"training.accumulate {config.accumulate * 2} for the same steps, or a smaller model."
    )
