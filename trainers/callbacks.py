"""What happens around the steps of a training: one line an epoch, the last checkpoint, a stop."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.utilities.exceptions import SIGTERMException

from trainers.randomness import random_state, restore_random_state
from trainers.stopping import StopSwitch

_SHOWN = ("loss", "acc", "f1", "ap", "mae", "r2", "perplexity", "ndcg@10")
_SAVE_EVERY_S = 600.0
_FIT = "fit_loop"
_VALIDATION = "epoch_loop.val_loop.batch_progress"


class Unprofiled(PassThroughProfiler):
    """No profiler; Lightning asks for one 75 times a step, so that it is one object each time."""

    _nothing: ClassVar[AbstractContextManager[None]] = nullcontext()

    def profile(self, action_name: str) -> Any:
        """Return what measures nothing."""
        del action_name
        return self._nothing


class EpochLines(L.Callback):
    """Prints one plain line per epoch; it lands in the run's output.log too."""

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Print where the training stands."""
        if not trainer.is_global_zero:
            return
        metrics = {**getattr(pl_module, "last_point", {}), **trainer.callback_metrics}
        words = [f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"]
        names = [f"{split}/{name}" for split in ("train", "val") for name in _SHOWN]
        words += [f"{name} {float(metrics[name]):.4f}" for name in names if name in metrics]
        if "epoch_s" in metrics:
            words.append(f"{float(metrics['epoch_s']):.1f} s")
            words.append(f"{float(metrics['examples_per_s']):,.0f} examples/s")
        say("  ".join(words))


class LastCheckpoint(Checkpoint):
    """Keeps ``last.ckpt``, from which a training goes on as if it had never been interrupted.

    It is written at the end of every epoch, every ten minutes in between, and when a stop is asked
    for: then the training also ends, after the step, with a checkpoint in front of whatever would
    have come next. A stop in the last step of an epoch or in the validation leaves the whole
    validation to whoever goes on; counting half of one is no point of a curve.
    """

    def __init__(self, stop: StopSwitch, path: Path) -> None:
        self._stop = stop
        self._path = path
        self._saved_at = time.monotonic()
        self._is_validating = False
        self._random: dict[str, Any] | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draw the same numbers as the training that is continued would have drawn."""
        del trainer, pl_module
        if self._random is not None:
            restore_random_state(self._random)

    def on_train_batch_end(self, trainer: L.Trainer, *_args: Any, **_kwargs: Any) -> None:
        """Stop between two training steps, or save where an epoch takes long."""
        epoch = trainer.fit_loop.epoch_loop
        if epoch._should_accumulate() or trainer.is_last_batch:  # noqa: SLF001 - nothing public says it
            return
        self._stop_if_asked(trainer)
        if trainer.world_size == 1 and time.monotonic() - self._saved_at > _SAVE_EVERY_S:
            self._save(trainer)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Know where a stop would find the training."""
        del trainer, pl_module
        self._is_validating = True

    def on_validation_batch_start(self, trainer: L.Trainer, *_args: Any, **_kwargs: Any) -> None:
        """Stop in front of a validation batch."""
        self._stop_if_asked(trainer)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Know that the validation is over."""
        del trainer, pl_module
        self._is_validating = False

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save once everybody else has judged the epoch."""
        del pl_module
        self._save(trainer)
        self._stop_if_asked(trainer, is_saved=True)

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Save as well where Lightning itself saw the SIGTERM first, just after our look."""
        del pl_module
        if isinstance(exception, SIGTERMException) and not self._is_validating:
            self._save(trainer)

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add what Lightning leaves out: random numbers, and a validation that is still to come."""
        del trainer, pl_module
        checkpoint["random"] = random_state()
        if self._is_validating:
            _leave_validation_to_come(checkpoint["loops"][_FIT])

    def on_load_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Remember the random numbers until the first step; building a loader draws some too."""
        del trainer, pl_module
        self._random = checkpoint["random"]

    def _stop_if_asked(self, trainer: L.Trainer, *, is_saved: bool = False) -> None:
        if trainer.world_size > 1:
            asked = trainer.strategy.reduce_boolean_decision(self._stop.requested, all=False)
        else:
            asked = self._stop.requested
        if asked:
            if not is_saved:
                self._save(trainer)
            self._stop.end()

    def _save(self, trainer: L.Trainer) -> None:
        trainer.save_checkpoint(self._path)
        self._saved_at = time.monotonic()


def _leave_validation_to_come(fit_loop: dict[str, Any]) -> None:
    """Write the counters as Lightning has them in the first validation batch: it starts there."""
    for counts in (fit_loop[_VALIDATION]["total"], fit_loop[_VALIDATION]["current"]):
        counts.update(ready=1, started=1, processed=0, completed=0)
    fit_loop[_VALIDATION]["is_last_batch"] = False


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
