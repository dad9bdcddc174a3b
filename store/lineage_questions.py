"""Questions about how runs descend from each other, and what went before a run."""

from collections.abc import Callable

import pyarrow as pa

from store.asked import Asked
from store.schema import key_of

_COLUMNS = """r.run_id, r.name, r.status, r.model, r.seed, r.group_name AS "group",
    make_timestamp(r.created_us) AS created_at"""


def children(asked: Asked, *, run_id: str) -> pa.Table:
    """Return the runs that were cloned from a run or name it as a parent, oldest first.

    ``relation`` is ``clone`` or ``child``. `run_id` is a whole id.
    """
    return asked.table(
        f"""SELECT {_COLUMNS},
            CASE WHEN list_contains(
                from_json(coalesce(json_extract(r.record, '$.parents'), '[]'), '["VARCHAR"]'), ?)
            THEN 'child' ELSE 'clone' END AS relation
        FROM run AS r
        WHERE contains(r.record, ?) AND r.run_id <> ? AND (
            json_extract_string(r.record, '$.labels.cloned_from') = ? OR list_contains(
                from_json(coalesce(json_extract(r.record, '$.parents'), '[]'), '["VARCHAR"]'), ?))
        ORDER BY r.created_us, r.run_id LIMIT 500""",  # noqa: S608  # our names
        [run_id] * 5,
    )


def previous(asked: Asked, *, run_id: str) -> pa.Table:
    """Return the run before a run in the same experiment: project, model and data alike.

    Runs of its own group, which differ in the seed only, are passed over.
    """
    return asked.table(
        f"""SELECT {_COLUMNS}
        FROM run AS r JOIN run AS mine ON mine.run_key = ?
        WHERE r.project = mine.project AND r.model IS NOT DISTINCT FROM mine.model
            AND json_extract_string(r.record, '$.config.data.kind')
                IS NOT DISTINCT FROM json_extract_string(mine.record, '$.config.data.kind')
            AND r.created_us < mine.created_us
            AND (nullif(mine.group_name, '') IS NULL OR r.group_name IS DISTINCT FROM mine.group_name)
        ORDER BY r.created_us DESC, r.run_id LIMIT 1""",  # noqa: S608  # our names
        [key_of(run_id)],
    )


ANSWERS: dict[str, Callable[..., pa.Table]] = {"children": children, "previous": previous}
