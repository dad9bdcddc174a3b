"""Questions about studies: aggregated here, so that a study of 10,000 trials stays usable."""

from collections.abc import Callable

import pyarrow as pa

from store.asked import Asked
from store.errors import QueryError

_ORDERS = {
    "number": "number DESC",
    "oldest": "number",
    "best": "is_feasible DESC, state <> 'complete', ? * value DESC NULLS LAST, number",
    "longest": "duration_s DESC NULLS LAST, number",
}


def studies(asked: Asked) -> pa.Table:
    """Return one row a study, the newest first: what it is, how far, the best value so far."""
    return asked.table(
        """SELECT s.* EXCLUDE (created_us, changed_us), make_timestamp(s.created_us) AS created_at,
            make_timestamp(greatest(s.changed_us, coalesce(t.changed_us, 0))) AS changed_at,
            coalesce(t.started, 0) AS started, coalesce(t.complete, 0) AS complete,
            coalesce(t.pruned, 0) AS pruned, coalesce(t.failed, 0) AS failed,
            coalesce(t.running, 0) AS running,
            CASE s.goal WHEN 'min' THEN t.low ELSE t.high END AS best,
            CASE s.goal WHEN 'min' THEN t.low_number ELSE t.high_number END AS best_number,
            CASE s.goal WHEN 'min' THEN t.low_run ELSE t.high_run END AS best_run
        FROM study AS s LEFT JOIN (
            SELECT study, count(*) AS started,
                count(*) FILTER (state = 'complete') AS complete,
                count(*) FILTER (state = 'pruned') AS pruned,
                count(*) FILTER (state IN ('failed', 'stopped')) AS failed,
                count(*) FILTER (state IN ('running', 'paused')) AS running,
                max(value) FILTER (state = 'complete' AND is_feasible) AS high,
                arg_max(number, value) FILTER (state = 'complete' AND is_feasible) AS high_number,
                arg_max(run_ids[1], value) FILTER (state = 'complete' AND is_feasible) AS high_run,
                min(value) FILTER (state = 'complete' AND is_feasible) AS low,
                arg_min(number, value) FILTER (state = 'complete' AND is_feasible) AS low_number,
                arg_min(run_ids[1], value) FILTER (state = 'complete' AND is_feasible) AS low_run,
                max(changed_us) AS changed_us
            FROM trial GROUP BY study) AS t USING (study)
        ORDER BY s.created_us DESC"""
    )


def study_progress(asked: Asked, *, study: str) -> pa.Table:
    """Return one row: counts by state, times of the trials that ended, and when it last changed."""
    return asked.table(
        """SELECT count(*) AS started, count(*) FILTER (state = 'complete') AS complete,
            count(*) FILTER (state = 'pruned') AS pruned,
            count(*) FILTER (state IN ('failed', 'stopped')) AS failed,
            count(*) FILTER (state = 'running') AS running,
            count(*) FILTER (state = 'paused') AS paused,
            count(*) FILTER (NOT is_feasible) AS infeasible,
            median(duration_s) FILTER (state = 'complete') AS median_s,
            avg(duration_s) FILTER (ended IS NOT NULL) AS mean_s,
            coalesce(max(changed_us), 0) AS changed_us
        FROM trial WHERE study = ?""",
        [study],
    )


def study_trials(
    asked: Asked, *, study: str, state: str | None, order: str, limit: int | None, offset: int
) -> pa.Table:
    """Return a page of a study's trials.

    Parameters
    ----------
    state
        Trials of this state only.
    order
        ``number`` (newest first), ``oldest``, ``best`` or ``longest``.

    Raises
    ------
    QueryError
        If there is no such order.
    """
    if order not in _ORDERS:
        raise QueryError(f"Expected an order of {', '.join(_ORDERS)}; got {order!r}.")
    signs = [_sign(asked, study)] if order == "best" else []
    most = 2**62 if limit is None else limit
    page = asked.table(
        f"""SELECT id FROM trial WHERE study = ? AND (? IS NULL OR state = ?)
        ORDER BY {_ORDERS[order]} LIMIT ? OFFSET ?""",  # noqa: S608  # fixed texts
        [study, state, state, *signs, most, offset],
    )["id"].to_pylist()
    # Only the page's trials are read whole, through the key.
    return asked.table(
        """SELECT t.* EXCLUDE (id, changed_us) FROM trial AS t
        JOIN (SELECT unnest(?::VARCHAR[]) AS id, generate_subscripts(?::VARCHAR[], 1) AS place) AS p USING (id)
        ORDER BY p.place""",
        [page, page],
    )


def study_history(asked: Asked, *, study: str, most: int) -> pa.Table:
    """Return number, value, state, is_feasible, best (so far) and run_id of trials with a value.

    Above `most` trials only the best and the worst of each of ``most / 2`` equal parts are
    returned, so the line of the best so far is off by less than a part.
    """
    return asked.table(
        """WITH seen AS (
            SELECT number, value, state, is_feasible, run_ids[1] AS run_id,
                CASE WHEN state = 'complete' AND is_feasible THEN value * $3 END AS gain
            FROM trial WHERE study = $1 AND value IS NOT NULL),
        told AS (
            SELECT *, max(gain) OVER (ORDER BY number) AS best_gain,
                (row_number() OVER (ORDER BY number) - 1) * greatest(1, $2 // 2)
                    // count(*) OVER () AS part, count(*) OVER () AS n
            FROM seen),
        marked AS (
            SELECT *, row_number() OVER (PARTITION BY part ORDER BY gain DESC NULLS LAST) AS high,
                row_number() OVER (PARTITION BY part ORDER BY gain NULLS FIRST) AS low
            FROM told)
        SELECT number, value, state, is_feasible, run_id, best_gain * $3 AS best, n
        FROM marked WHERE n <= $2 OR high = 1 OR low = 1 ORDER BY number""",
        [study, most, _sign(asked, study)],
    )


def _sign(asked: Asked, study: str) -> int:
    """Return -1 where less is better."""
    goals = asked.table("SELECT goal FROM study WHERE study = ?", [study])["goal"].to_pylist()
    return -1 if goals == ["min"] else 1


ANSWERS: dict[str, Callable[..., pa.Table]] = {
    answer.__name__: answer for answer in (studies, study_history, study_progress, study_trials)
}
