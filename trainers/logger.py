"""A logger for Lightning: drop it into any ``Trainer`` and its runs are recorded in the store.

import lightning as L
from trainers.logger import BakeoffLogger

trainer = L.Trainer(logger=BakeoffLogger(project="digits"), max_epochs=3)
"""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities.exceptions import SIGTERMException

import store

_TALKERS = ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.rank_zero")
_ADVERTISED = ("litlogger", "litmodels")
_STOPS = (KeyboardInterrupt, SIGTERMException)


class BakeoffLogger(Logger):
    """Records metrics, hyper-parameters, checkpoints and the end of a Lightning training.

    Parameters
    ----------
    project, name, config, home
        As in :func:`store.init`; used when the first value is logged.
    run
        A run that exists already; then whoever made it also ends it.
    """

    def __init__(
        self,
        *,
        project: str | None = None,
        name: str | None = None,
        config: Mapping[str, Any] | None = None,
        run: store.Run | None = None,
        home: str | Path | None = None,
    ) -> None:
        super().__init__()
        self._settings: dict[str, Any] = {
            "project": project,
            "name": name,
            "config": config,
            "home": home,
        }
        self._run = run
        self._owns_run = run is None
        self._checkpoints: ModelCheckpoint | None = None

    @property
    @rank_zero_experiment
    def experiment(self) -> store.Run:
        """Return the run; it starts with the first use, and goes on after ``fit`` for ``test``."""
        if self._run is None:
            self._run = store.init(**self._settings)
        elif self._run.is_finished and self._owns_run:
            home = self._run.folder.parent.parent
            self._run = store.init(id=self._run.id, home=home, resume="must")
        return self._run

    @property
    def name(self) -> str:
        """Return nothing: Lightning would add it to ``save_dir``, which names the run already."""
        return ""

    @property
    def version(self) -> str:
        """Return nothing, like ``name``; the run's id is ``experiment.id``."""
        return ""

    @property
    def save_dir(self) -> str | None:
        """Return the run's folder, so that Lightning puts its checkpoints there."""
        return str(self.experiment.folder) if getattr(rank_zero_only, "rank", 0) == 0 else None

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Record metrics; Lightning's own key ``epoch`` is a position, not a metric."""
        values = dict(metrics)
        epoch = values.pop("epoch", None)
        if values:
            self.experiment.log(values, step=step, epoch=None if epoch is None else float(epoch))

    @rank_zero_only
    def log_hyperparams(
        self,
        params: Mapping[str, Any] | Namespace,
        *_args: Any,
        **_kwargs: Any,
    ) -> None:
        """Add what ``save_hyperparameters`` collected to the run's configuration."""
        values = vars(params) if isinstance(params, Namespace) else params
        if values:
            self.experiment.update_config(_as_plain(values))

    @rank_zero_only
    def after_save_checkpoint(self, checkpoint_callback: ModelCheckpoint) -> None:
        """Remember who saves; at the end the best and the last checkpoint become artifacts."""
        self._checkpoints = checkpoint_callback

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Say how the training ended: finished, stopped by a person or the system, or failed."""
        self._register_checkpoints()
        if not self._owns_run or self._run is None or self._run.is_finished:
            return
        error = sys.exception()
        if isinstance(error, _STOPS):
            self._run.finish("stopped")
        elif status == "success":
            self._run.finish("finished")
        else:
            text = f"{type(error).__name__}: {error}" if error else f"Lightning says {status!r}."
            self._run.finish("failed", error=text)

    def _register_checkpoints(self) -> None:
        """Register files that will not change any more, with their checksum; each once."""
        callback, self._checkpoints = self._checkpoints, None
        if callback is None:
            return
        last = callback.last_model_path or Path(callback.dirpath or "") / "last.ckpt"
        paths = {"best": callback.best_model_path, "last": last}
        for name, path in paths.items():
            if path and Path(path).is_file():
                self.experiment.log_artifact(path, name=name, kind="checkpoint")


def silence_adverts() -> None:
    """Drop Lightning's tips to buy its logger; everything else it says stays."""
    for name in _TALKERS:  # whichever was imported last speaks for both
        logging.getLogger(name).addFilter(_is_no_advert)


def _is_no_advert(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not any(word in message for word in _ADVERTISED)


def _as_plain(value: Any) -> Any:
    """Return something JSON can hold; what is neither plain nor a collection becomes its text."""
    if isinstance(value, Mapping):
        return {str(key): _as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_as_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


silence_adverts()
