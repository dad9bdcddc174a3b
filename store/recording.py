"""The write side: a training process records its run, and never waits for anybody."""

import atexit
import logging
import math
import operator
import os
import struct
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from store import liveness, provenance
from store.capture import Capture
from store.events import EventLog
from store.journal import INT64, SegmentWriter, check_name
from store.layout import RunFolder
from store.liveness import Status
from store.monitor import Monitor
from store.summary import Summary
from store.values import as_number

_log = logging.getLogger("bakeoff")
_NAN = math.nan


class Run:
    """One training, as it records itself. Made by `init`.

    Attributes
    ----------
    id : str
        The run's name in the store.
    folder : Path
        Where its files lie.
    config : dict
        What was asked for; change it with `update_config`.
    summary : Summary
        Final values that are not curves: ``run.summary["test/acc"] = 0.93``.
    """

    def __init__(
        self,
        files: RunFolder,
        header: dict[str, Any],
        *,
        clock_start: float,
        last_step: int = -1,
        channel: str = "0",
        events: EventLog | None = None,
        scratch: tempfile.TemporaryDirectory[str] | None = None,
    ) -> None:
        self.id: str = files.id
        self.name: str = header["name"]
        self.folder: Path = files.path
        self.config: dict[str, Any] = dict(header["config"])
        self.is_finished = False
        self._files = files
        self._events = events or EventLog(files.events)
        self.summary = Summary(self._events)
        self._start = clock_start
        self._complained: set[str] = set()
        self._writer = SegmentWriter(
            files.open_segment(channel),
            start=clock_start,
            last_step=last_step,
            on_trouble=self._log_what_is_good,
        )
        if type(self).log is Run.log:
            self.log = self._writer.log  # one call less a point; `log` below says what it does
        self._is_recovering = False
        self._monitor: Monitor | None = None
        self._capture: Capture | None = None
        self._scratch = scratch

    @property
    def checkpoints(self) -> Path:
        """Folder for model weights, made on first use."""
        self._files.checkpoints.mkdir(exist_ok=True)
        return self._files.checkpoints

    @property
    def files(self) -> Path:
        """Folder for everything else, made on first use."""
        self._files.files.mkdir(exist_ok=True)
        return self._files.files

    def log(
        self, metrics: Mapping[str, Any], step: int | None = None, epoch: float | None = None
    ) -> None:
        """Record the values of some metrics at a step.

        When this returns, the points survive the death of the process. It never raises into a
        training: a value that is no number is left out, with one warning a key (under pytest, or
        with ``BAKEOFF_STRICT=1``, it is a TypeError).

        Parameters
        ----------
        metrics
            Name -> number, 0-d array or one-element tensor. NaN and infinity are kept.
        step
            Training step, any 64-bit integer; the last step plus one by default. Steps may
            repeat and go backwards.
        epoch
            Position in epochs, if that is known.
        """
        self._writer.log(metrics, step, epoch)

    def define_metric(
        self,
        name: str,
        *,
        goal: str | None = None,
        unit: str | None = None,
        summary: str = "best",
        alarm: float | None = None,
    ) -> None:
        """Say what is good for a metric.

        Parameters
        ----------
        name
            The metric.
        goal
            ``"max"``, ``"min"`` or None for neither.
        unit
            What its values count, for axes and tables.
        summary
            Which value stands for the run: ``best``, ``last``, ``min`` or ``max``.
        alarm
            A value beyond which the metric is worth a look.

        Raises
        ------
        ValueError
            If `goal` or `summary` is none of these.
        """
        if goal not in {"max", "min", None}:
            raise ValueError(f"Expected goal 'max', 'min' or None; got {goal!r}.")
        if summary not in {"best", "last", "min", "max"}:
            raise ValueError(f"Expected summary 'best', 'last', 'min' or 'max'; got {summary!r}.")
        self._events.append("metric", name=name, goal=goal, unit=unit, summary=summary, alarm=alarm)

    def describe(self, **facts: Any) -> None:
        """Add facts that were learnt after the start: ``device``, ``data_hash``, ``classes``."""
        self._events.append("describe", facts=provenance.mask_secrets(facts))

    def update_config(self, changes: Mapping[str, Any]) -> None:
        """Change or add configuration values."""
        masked = provenance.mask_secrets(dict(changes))
        self.config.update(masked)
        self._events.append("config", config=masked)

    def log_text(self, name: str, text: str, step: int | None = None) -> None:
        """Keep a text, such as a generated sample."""
        self._events.append("text", name=name, text=str(text), step=step)

    def log_image(self, name: str, image: Any, step: int | None = None) -> None:
        """Keep an image: a Pillow image or an array (height, width[, 1, 3 or 4]), uint8 or 0-1."""
        from store import media

        self._keep(media.image, name, image, step)

    def log_audio(self, name: str, samples: Any, rate: int, step: int | None = None) -> None:
        """Keep a sound: (n,) or (n, channels), int16 or numbers in [-1, 1], `rate` samples a second."""
        from store import media

        self._keep(media.sound, name, samples, rate, step)

    def log_histogram(
        self, name: str, values: Any, step: int | None = None, bins: int = 64
    ) -> None:
        """Keep the distribution of some values."""
        from store import media

        self._keep(media.histogram, name, values, step, bins)

    def log_table(
        self, name: str, columns: Mapping[str, Iterable[Any]], step: int | None = None
    ) -> None:
        """Keep a table: column name -> values, all of one length."""
        from store import media

        self._keep(media.table, name, columns, step)

    def log_artifact(
        self, path: str | os.PathLike[str], name: str | None = None, kind: str = "file"
    ) -> None:
        """Register a file; what lies outside the run's folder is copied into it."""
        from store import media

        self._keep(media.artifact, path, name, kind)

    def log_predictions(
        self,
        split: str,
        example_id: Iterable[Any],
        label: Any,
        scores: Any,
        *,
        slices: Mapping[str, Iterable[Any]] | None = None,
        group: Iterable[Any] | None = None,
        classes: Iterable[str] | None = None,
        task: str = "classification",
    ) -> None:
        """Keep what the model says about each example of a split: what comparison needs.

        Parameters
        ----------
        split
            ``"val"``, ``"test"``, ...; a second call replaces the first.
        example_id : n identifiers, unique
            The same example has the same id in every run.
        label : shape (n,)
            Class index, or the true value; see `task` for the others.
        scores : shape (n, classes) or (n,)
            Probabilities, or predicted values; see `task` for the others.
        slices
            Column name -> n values by which results can be cut.
        group : n identifiers
            Examples that belong together (one customer, one patient).
        classes
            Names of the classes, in the order of the scores.
        task
            ``"classification"``, ``"regression"``, or what else an example can be. ``"texts"``: the
            label is the wanted text, the score what was written. ``"tokens"``: how many tokens of a
            text were judged, and their summed loss in nats, with the number said rightly beside it,
            shape (n, 2). ``"ranking"``: how many items a user likes, and 1 or 0 for each place of
            the user's list, shape (n, places).

        Raises
        ------
        ValueError
            If lengths differ, ids repeat or labels do not fit the scores.
        """
        from store import predictions

        facts = predictions.write(
            self._files,
            predictions.Predictions(
                split=split,
                example_id=[str(item) for item in example_id],
                label=label,
                scores=scores,
                slices={key: list(value) for key, value in (slices or {}).items()},
                group=None if group is None else [str(item) for item in group],
                classes=None if classes is None else [str(item) for item in classes],
                task=task,
            ),
        )
        self._events.append("predictions", sync=True, **facts)

    def alert(self, title: str, text: str = "", level: str = "warn") -> None:
        """Raise something to the attention of whoever watches: ``info``, ``warn`` or ``error``."""
        self._events.append("alert", name=title, text=text, level=level)

    def finish(self, status: str = "finished", error: str | None = None) -> None:
        """End the run: ``finished``, ``failed`` or ``stopped``. A second call does nothing.

        Raises
        ------
        ValueError
            If `status` is not a way to end.
        """
        if not Status(status).is_final:
            raise ValueError(f"Expected 'finished', 'failed' or 'stopped'; got {status!r}.")
        if self.is_finished:
            return
        self.is_finished = True
        atexit.unregister(self._finish_at_exit)
        if self._monitor is not None:
            self._monitor.stop()
        self._writer.close()
        if self._writer.dropped or self._writer.waiting:
            lost = f"{self._writer.dropped} calls dropped, {self._writer.waiting} bytes unwritten"
            self._complain("disk", f"The disk stayed full until the end: {lost}.")
        self._events.append("status", sync=True, status=status, error=error)
        if self._capture is not None:
            self._capture.stop()
        if self._scratch is not None:
            self._scratch.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.finish()
        elif isinstance(error, KeyboardInterrupt):
            self.finish("stopped", error="Stopped from the keyboard.")
        elif isinstance(error, SystemExit) and not error.code:
            self.finish()
        else:
            self.finish("failed", error=f"{type(error).__name__}: {error}")

    def begin(self, *, fsync_s: float, capture: bool, monitor: bool) -> None:
        """Announce the run and start what accompanies it; `store.init` calls this."""
        liveness.touch(self._files.heartbeat)
        self._events.append(
            "status", sync=True, status="running", process=liveness.describe_process(beats=monitor)
        )
        liveness.touch(self._files.path.parent)  # tells the hub to look for runs
        atexit.register(self._finish_at_exit)
        if capture:
            self._capture = Capture(self._files.output)
        if monitor:
            self._monitor = Monitor(
                self._files,
                self._events,
                self._writer,
                self._start,
                fsync_s=fsync_s,
                slow_facts=lambda: {"packages": provenance.packages()},
                warn=self._complain,
            )

    def _finish_at_exit(self) -> None:
        """End a run that the program left open: failed if an exception ended the program."""
        error = getattr(sys, "last_value", None)
        if error is None:
            self.finish()
        else:
            self.finish("failed", error=f"{type(error).__name__}: {error}")

    def _keep(self, write: Any, *arguments: Any) -> None:
        """Write a file and its event; trouble with either is a warning, not an exception."""
        try:
            kind, fields = write(self._files, *arguments)
            self._events.append(kind, **fields)
        except Exception as error:  # nothing may reach the training loop
            if _is_strict():
                raise
            self._complain(
                f"{write.__name__}:{arguments[0]}", f"{arguments[0]!r} is not kept: {error}"
            )

    def _log_what_is_good(self, metrics: Any, step: Any, epoch: Any, error: Exception) -> None:
        """Convert what could not be written as it was; say once what is wrong with the rest."""
        if not isinstance(metrics, Mapping):
            self._refuse("metrics", f"Expected names and numbers; got {metrics!r:.80}.", error)
            return
        good: dict[str, float] = {}
        for key, value in metrics.items():
            try:
                check_name(key)
                good[key] = as_number(value)
            except Exception as reason:  # noqa: BLE001  # e.g. a tensor on a device that died
                self._refuse(str(key), f"Metric {key!r:.80} is not logged: {reason}", reason)
        try:
            at_epoch = _NAN if epoch is None else as_number(epoch)
        except TypeError as reason:
            self._refuse("epoch", f"The epoch is left out: {reason}", reason)
            at_epoch = _NAN
        try:
            at = self._writer.last_step + 1 if step is None else operator.index(step)
            INT64.pack(at)
        except (TypeError, struct.error) as reason:
            self._refuse("step", f"Expected a whole step of 64 bits; got {step!r:.80}.", reason)
            return
        if self._is_recovering:
            self._refuse("log", f"A call of log() failed: {error!r:.200}.", error)
        elif good:
            self._is_recovering = True
            self._writer.log(good, at, at_epoch)
            self._is_recovering = False

    def _refuse(self, key: str, message: str, reason: Exception) -> None:
        """Warn once a key; in tests, raise."""
        if _is_strict():
            raise TypeError(message) from reason
        self._complain(key, message)

    def _complain(self, key: str, message: str) -> None:
        if key not in self._complained:
            self._complained.add(key)
            _log.warning("bakeoff: %s", message)


def _is_strict() -> bool:
    """Whether bad values raise: asked for, or in a test."""
    asked = os.environ.get("BAKEOFF_STRICT")
    return asked != "0" if asked else "pytest" in sys.modules
