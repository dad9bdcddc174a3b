"""What happens around the steps of a training: one line an epoch, a stop between two steps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.utilities.exceptions import SIGTERMException

from trainers.stopping import StopSwitch

_SHOWN = ("train/loss", "train/acc", "val/loss", "val/acc", "val/f1")


class EpochLines(L.Callback):
    """Prints one plain line per epoch; it lands in the run's output.log too."""

    def on_train_epoch_end(self, trainer: L.Trainer, *_args: Any, **_kwargs: Any) -> None:
        """Print where the training stands."""
        metrics = {**trainer.logged_metrics, **trainer.callback_metrics}
        words = [f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"]
        words += [f"{name} {float(metrics[name]):.4f}" for name in _SHOWN if name in metrics]
        if "epoch_s" in metrics:
            words.append(f"{float(metrics['epoch_s']):.1f} s")
            words.append(f"{float(metrics['examples_per_s']):,.0f} examples/s")
        say("  ".join(words))


class StopAfterStep(L.Callback):
    """Ends the training after the step in which a stop was asked for, with a last checkpoint."""

    def __init__(self, stop: StopSwitch, last_checkpoint: Path) -> None:
        self._stop = stop
        self._last_checkpoint = last_checkpoint

    def on_train_batch_end(self, trainer: L.Trainer, *_args: Any, **_kwargs: Any) -> None:
        """Stop between two training steps."""
        self._save_and_stop(trainer)

    def on_validation_batch_end(self, trainer: L.Trainer, *_args: Any, **_kwargs: Any) -> None:
        """Stop between two validation batches."""
        self._save_and_stop(trainer)

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Save as well where Lightning itself saw the SIGTERM first, just after our look."""
        del pl_module
        if isinstance(exception, SIGTERMException):
            trainer.save_checkpoint(self._last_checkpoint)

    def _save_and_stop(self, trainer: L.Trainer) -> None:
        if self._stop.requested:
            trainer.save_checkpoint(self._last_checkpoint)
            self._stop.raise_if_requested()


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
