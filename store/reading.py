"""The read side: the same answers, whether this process owns the store or asks the hub."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from store.errors import HubUnreachableError, StoreError
from store.layout import Home, RunFolder

if TYPE_CHECKING:
    import pyarrow as pa

_PATIENCE_S = 20.0
_PAUSE_S = 0.05


class Backend(Protocol):
    """Whoever answers: an `Owner` in this process, or the hub."""

    def ask(self, question: str, **arguments: Any) -> "pa.Table":
        """Answer a question of `store.questions`."""
        ...

    def act(self, action: str, **arguments: Any) -> dict[str, Any]:
        """Do something to the store."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class Store:
    """A store to read from; made by `store.open`. Threads may share one.

    Tables are Arrow tables. Run ids may be shortened to a unique start only in `run`.
    """

    def __init__(self, home: Home, connect: Callable[[Home], Backend]) -> None:
        self._home = home
        self._connect = connect
        self._lock = threading.Lock()
        self._backend: Backend | None = connect(home)

    @property
    def home(self) -> Path:
        """The store's folder."""
        return self._home.path

    def runs(
        self,
        filter: str | None = None,  # noqa: A002  # the contract's name
        order_by: str | None = None,
        limit: int | None = None,
        *,
        offset: int = 0,
        columns: Sequence[str] = (),
    ) -> "pa.Table":
        """Return the run table.

        Parameters
        ----------
        filter
            For example ``metrics."val/acc" > 0.9 and params.model.lr < 0.01 and tag = "base"``.
        order_by
            For example ``metrics."val/acc" desc, name``; the newest first by default.
        limit, offset
            One page of the result.
        columns
            More columns, in the filter's own names: ``params.model.lr``, ``metrics."val/acc"``
            (the best by the metric's goal), ``metrics."val/acc".last``, ``spark."val/loss"``.

        Returns
        -------
        pyarrow.Table
            run_id, project, name, group, status, created_at, ended_at (UTC), duration_s, seen_at,
            seed, tags, notes, host, model, error, pinned, then `columns` under the names as asked.

        Raises
        ------
        FilterError
            If `filter`, `order_by` or one of `columns` cannot be understood.
        """
        return self.ask(
            "runs",
            filter=filter,
            order_by=order_by,
            limit=limit,
            offset=offset,
            columns=list(columns),
        )

    def count_runs(self, filter: str | None = None) -> int:  # noqa: A002
        """Return how many runs a filter lets through."""
        return self.ask("count_runs", filter=filter)["n"][0].as_py()

    def run(self, run_id: str) -> dict[str, Any]:
        """Return everything that is known of a run.

        Parameters
        ----------
        run_id
            Its id, or a start of it that no other run shares.

        Raises
        ------
        RunNotFoundError
            If none or several match.
        """
        from store.questions import parse_record
        from store.values import flatten

        record = parse_record(self.ask("run", run_id=run_id))
        files = self._home.run(record["run_id"])
        return {**record, "params": flatten(record["config"]), "folder": str(files.path)}

    def series(
        self, run_ids: Sequence[str] | None = None, project: str | None = None
    ) -> "pa.Table":
        """Return one row a run and metric.

        Returns
        -------
        pyarrow.Table
            run_id, metric, goal, unit, n, first_step, last_step, last, min, min_step, max,
            max_step, best, best_step (by the goal), n_nan, n_inf, last_at.
        """
        ids = None if run_ids is None else list(run_ids)
        return self.ask("series", run_ids=ids, project=project)

    def keys(self, project: str | None = None) -> "pa.Table":
        """Return kind (``param`` or ``metric``), key and num_runs of all that was recorded."""
        return self.ask("keys", project=project)

    def projects(self) -> "pa.Table":
        """Return project, num_runs and last_run_at, the most recently used first."""
        return self.ask("projects")

    def curves(
        self,
        metric: str,
        run_ids: Sequence[str],
        *,
        x: str = "step",
        lo: float | None = None,
        hi: float | None = None,
        width: int = 1000,
    ) -> "pa.Table":
        """Return what is needed to draw a metric's curves without losing a spike.

        First, minimum, maximum and last point of each of `width` pixel columns between `lo` and
        `hi`; every point as soon as they fit (M4: Jugel et al., VLDB 2014).

        Parameters
        ----------
        metric, run_ids
            What to draw.
        x
            ``step``, ``epoch``, ``elapsed`` (s since the run's start) or ``wall`` (s since 1970).
        lo, hi
            The visible part of x; all of each curve by default.
        width
            Pixel columns.

        Returns
        -------
        pyarrow.Table
            run_id (a dictionary), x, value (float64) and step (int64), in order of x within a run.
        """
        return self.ask(
            "curves", metric=metric, run_ids=list(run_ids), x=x, lo=lo, hi=hi, width=width
        )

    def points(self, metric: str, run_ids: Sequence[str]) -> "pa.Table":
        """Return all points as they were logged: run_id, step, epoch, wall, elapsed, value."""
        return self.ask("points", metric=metric, run_ids=list(run_ids))

    def bands(
        self,
        metric: str,
        groups: Mapping[str, Sequence[str]],
        *,
        x: str = "step",
        width: int = 1000,
        band: str = "ci95",
    ) -> "pa.Table":
        """Return the mean curve of each group of runs and a band around it, from all points.

        Parameters
        ----------
        metric
            What to draw.
        groups
            Group name -> ids of its runs.
        x, width
            As for `curves`.
        band
            ``std``, ``se``, ``ci95`` or ``minmax``.

        Returns
        -------
        pyarrow.Table
            group, x, mean, low, high, n (runs that have a value there).
        """
        named = {name: list(ids) for name, ids in groups.items()}
        return self.ask("bands", metric=metric, groups=named, x=x, width=width, band=band)

    def predictions(self, run_id: str, split: str) -> "pa.Table":
        """Return the predictions of one split; see `store.predictions.read`.

        Raises
        ------
        PredictionsNotFoundError
            If the run has none for that split.
        """
        from store import predictions

        return predictions.read(self._files(run_id), split)

    def splits(self, run_id: str) -> list[str]:
        """Return the splits for which a run has predictions."""
        from store import predictions

        return predictions.splits(self._files(run_id))

    def events(self, run_id: str, kinds: Sequence[str] | None = None) -> "pa.Table":
        """Return at, kind, name, step and body (JSON) of texts, alerts, artifacts and the like."""
        return self.ask("events", run_id=run_id, kinds=None if kinds is None else list(kinds))

    def folder(self, run_id: str) -> Path:
        """Return where a run's files lie: output.log, checkpoints, files, predictions."""
        return self._files(run_id).path

    def edit_run(
        self,
        run_id: str,
        *,
        name: str | None = None,
        notes: str | None = None,
        add_tags: Sequence[str] = (),
        remove_tags: Sequence[str] = (),
        pinned: bool | None = None,
    ) -> None:
        """Change what people say about a run; a pinned one is never deleted."""
        self.act(
            "edit_run",
            run_id=self.run(run_id)["run_id"],
            name=name,
            notes=notes,
            add_tags=list(add_tags),
            remove_tags=list(remove_tags),
            pinned=pinned,
        )

    def state(self, *, max_age_s: float = 0.0) -> dict[str, Any]:
        """Return version, shape, runs, running and trouble, as `max_age_s` ago or later.

        The version changes with anything visible, the shape with anything but more points of
        metrics that their runs had before; trouble says why new points cannot be taken in
        at the moment, and is None when they can.
        """
        return self.act("state", max_age_s=max_age_s)

    def sql(
        self,
        query: str,
        params: Sequence[Any] | None = None,
        *,
        max_rows: int = 10_000,
        timeout_s: float = 10.0,
    ) -> "pa.Table":
        """Return what a SELECT over the store's tables gives; nothing else is let through.

        Raises
        ------
        QueryError
            If it is refused, fails, or takes longer than `timeout_s`.
        """
        return self.ask(
            "sql",
            query=query,
            params=None if params is None else list(params),
            max_rows=max_rows,
            timeout_s=timeout_s,
        )

    def ask(self, question: str, **arguments: Any) -> "pa.Table":
        """Answer a question of `store.questions`, by its name.

        With ``max_age_s`` the answer may be as old; otherwise it holds all that was written before.
        """
        return self._keep_asking(lambda backend: backend.ask(question, **arguments))

    def act(self, action: str, **arguments: Any) -> dict[str, Any]:
        """Do something to the store: an action of `store.actions`, by its name."""
        return self._keep_asking(lambda backend: backend.act(action, **arguments))

    def close(self) -> None:
        """Let go of the store."""
        with self._lock:
            if self._backend is not None:
                self._backend.close()
            self._backend = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _files(self, run_id: str) -> RunFolder:
        return self._home.run(run_id)

    def _keep_asking(self, use: Callable[[Backend], Any]) -> Any:
        """Ask; if the hub has gone, find the next one (or become the owner) and ask again."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            backend = self._backend
            if backend is None:
                raise StoreError("Expected an open store; this one was closed.")
            try:
                return use(backend)
            except HubUnreachableError:
                if time.monotonic() > deadline:
                    raise
                self._reconnect(backend)

    def _reconnect(self, gone: Backend) -> None:
        """Replace a backend that is gone, unless another thread has done so already."""
        time.sleep(_PAUSE_S)  # a hub that was killed may look alive for a moment
        with self._lock:
            if self._backend is gone:
                gone.close()
                self._backend = self._connect(self._home)
