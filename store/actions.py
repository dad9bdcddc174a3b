"""What can be done to a store, apart from asking: one function for each action.

Each gets the owner and plain arguments, and returns plain values. `ACTIONS` names them; the hub
does the same for other processes.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from store import trash
from store.disk_usage import store_bytes
from store.errors import HomeNotWritableError
from store.events import EventLog
from store.liveness import touch

if TYPE_CHECKING:
    from store.owner import Owner


def state(owner: "Owner", *, max_age_s: float = 0.0) -> dict[str, Any]:
    """Return the store's version and shape, its counts, and what keeps new points out."""
    owner.refresh(max_age_s)
    return {
        "version": owner.version,
        "shape": owner.shape,
        "trouble": owner.trouble,
        **owner.count_runs(),
    }


def edit_run(owner: "Owner", *, run_id: str, **changes: Any) -> dict[str, Any]:
    """Write an edit into the run's own folder, from where it is taken in like any event."""
    files = owner.home.run(run_id)
    if not EventLog(files.events).append("edit", sync=True, **changes):
        raise HomeNotWritableError(
            f"Expected a file that can be written; got {files.events}. Is the disk full?"
        )
    touch(owner.home.runs)
    owner.refresh()
    return {}


def shrink(owner: "Owner") -> dict[str, Any]:
    """Give the space of what was deleted back to the disk; return the database's size in bytes."""
    before = store_bytes(owner.home)["database"]
    owner.shrink()
    return {"before_bytes": before, "after_bytes": store_bytes(owner.home)["database"]}


ACTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "drop": trash.drop,
    "edit_run": edit_run,
    "empty_trash": trash.delete,
    "restore": trash.bring_back,
    "shrink": shrink,
    "state": state,
    "trash": trash.put,
}
