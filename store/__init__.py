"""What happened: runs, their points, events and predictions.

Light to import: DuckDB and Arrow are loaded when a store is opened, not when a run is recorded.
"""

from store.errors import (
    FilterError,
    FormulaError,
    HomeNotWritableError,
    HubUnreachableError,
    NewerStoreError,
    PredictionsNotFoundError,
    QueryError,
    RunExistsError,
    RunNotFoundError,
    RunProtectedError,
    StoreBusyError,
    StoreError,
)
from store.layout import new_run_id
from store.opening import ensure_hub, open, open_through_hub, stop_hub  # noqa: A004  # contract
from store.reading import Store
from store.recording import Run
from store.starting import init

__all__ = [
    "FilterError",
    "FormulaError",
    "HomeNotWritableError",
    "HubUnreachableError",
    "NewerStoreError",
    "PredictionsNotFoundError",
    "QueryError",
    "Run",
    "RunExistsError",
    "RunNotFoundError",
    "RunProtectedError",
    "Store",
    "StoreBusyError",
    "StoreError",
    "ensure_hub",
    "init",
    "new_run_id",
    "open",
    "open_through_hub",
    "stop_hub",
]
