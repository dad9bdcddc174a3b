"""A store of which everything is read once: for one decision, which looks at each run many times."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import PredictionsNotFoundError
from store.reading import Store

if TYPE_CHECKING:
    import pyarrow as pa


class Kept:
    """What `experiments` reads from a `store.Store`, each thing once.

    Parameters
    ----------
    store
        The store; what is written to it from now on is not seen.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[str, dict[str, Any]] = {}
        self._predictions: dict[tuple[str, str], pa.Table | PredictionsNotFoundError] = {}

    @property
    def home(self) -> Path:
        """The store's folder."""
        return self._store.home

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a record."""
        if run_id not in self._runs:
            self._runs[run_id] = self._store.run(run_id)
        return self._runs[run_id]

    def predictions(self, run_id: str, split: str) -> "pa.Table":
        """Return predictions.

        Raises
        ------
        PredictionsNotFoundError
            If the run has none for that split.
        """
        key = run_id, split
        if key not in self._predictions:
            try:
                self._predictions[key] = self._store.predictions(run_id, split)
            except PredictionsNotFoundError as error:
                self._predictions[key] = error
        found = self._predictions[key]
        if isinstance(found, PredictionsNotFoundError):
            raise found
        return found

    def series(
        self, run_ids: Sequence[str] | None = None, project: str | None = None
    ) -> "pa.Table":
        """Return metrics."""
        return self._store.series(run_ids, project)

    def curves(self, metric: str, run_ids: Sequence[str], *, width: int = 1000) -> "pa.Table":
        """Return what draws curves."""
        return self._store.curves(metric, run_ids, width=width)

    def splits(self, run_id: str) -> list[str]:
        """Return the splits with predictions."""
        return self._store.splits(run_id)
