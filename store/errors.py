"""Every error of the store, for the person who sees it.

::

    StoreError
    ├── HomeNotWritableError     the store's folder cannot be written
    ├── NewerStoreError          the store was made by a newer Bakeoff
    ├── StoreBusyError           another process holds the store and does not answer
    ├── HubUnreachableError      the hub went away in the middle of a question
    ├── RunExistsError           a new run was asked for under an id that is taken
    ├── RunNotFoundError         no run, or several, under that id
    ├── RunProtectedError        a run may not be deleted: it is running, released or pinned
    ├── PredictionsNotFoundError the run has no predictions for that split
    ├── FilterError              the filter text cannot be understood
    ├── FormulaError             the formula over metrics cannot be understood
    └── QueryError               the SQL is refused, failed or took too long
"""


class StoreError(Exception):
    """Base of everything that the store raises for its users."""


class HomeNotWritableError(StoreError):
    """The store's folder cannot be created or written."""


class NewerStoreError(StoreError):
    """The store was written by a newer version of Bakeoff."""


class StoreBusyError(StoreError):
    """Another process holds the store's database and no hub answers."""


class HubUnreachableError(StoreError):
    """The hub went away; asking again reaches the next one."""


class RunExistsError(StoreError):
    """A new run was asked for under an id that is already taken."""


class RunNotFoundError(StoreError):
    """No run, or more than one, goes by that id."""


class RunProtectedError(StoreError):
    """A run may not be deleted: it is running, a release needs it, or it is pinned."""


class PredictionsNotFoundError(StoreError):
    """The run has no stored predictions for that split."""


class FormulaError(StoreError):
    """A formula over metrics cannot be understood."""


class FilterError(StoreError):
    """The filter text cannot be understood.

    Attributes
    ----------
    position : int
        Where in the text the trouble starts, counted from 0.
    """

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class QueryError(StoreError):
    """The SQL is refused, failed, or took too long."""
