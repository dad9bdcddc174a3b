"""Questions about things of the ledgers: jobs, studies, trials, releases."""

from collections.abc import Callable

import pyarrow as pa

from store.asked import Asked


def items(asked: Asked, *, kind: str) -> pa.Table:
    """Return id, created_at, changed_at and body (JSON) of all things of a kind, oldest first."""
    return asked.table(
        """SELECT id, make_timestamp(created_us) AS created_at,
            make_timestamp(changed_us) AS changed_at, body
        FROM item WHERE kind = ? ORDER BY created_us, id""",
        [kind],
    )


ANSWERS: dict[str, Callable[..., pa.Table]] = {"items": items}
