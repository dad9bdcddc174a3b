"""Final values of a run that are not curves."""

from typing import Any

from store.events import EventLog


class Summary(dict[str, Any]):
    """A dict of values; setting one records it.

    Parameters
    ----------
    events
        The run's event log.
    """

    def __init__(self, events: EventLog) -> None:
        super().__init__()
        self._events = events

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._events.append("summary", values={key: value})

    def update(self, *values: Any, **more: Any) -> None:
        """Record several at once."""
        changes = dict(*values, **more)
        super().update(changes)
        self._events.append("summary", values=changes)
