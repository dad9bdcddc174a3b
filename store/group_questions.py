"""Questions about groups: runs that share a configuration, folded into one row."""

from collections.abc import Callable, Sequence

import pyarrow as pa

from store import filters
from store.asked import Asked
from store.schema import key_of

_MOST_METRICS = 12


def groups(
    asked: Asked,
    *,
    filter: str | None,  # noqa: A002  # the contract's name
    metrics: Sequence[str],
    order_by: str | None,
    descending: bool,
    limit: int,
    offset: int,
) -> pa.Table:
    """Return one row a group, of the runs that a filter lets through; a run without one alone.

    Parameters
    ----------
    metrics
        For each: ``mean.N``, ``std.N`` (sample) and ``n.N`` of the runs' best (else last) values,
        N its place; NaN and infinity are left out.
    order_by
        One of `metrics`, by its mean; None: by the latest start.

    Returns
    -------
    pyarrow.Table
        project, group (null for a single run), run_ids (oldest first), names, model, statuses,
        num_runs, created_at (the latest), duration_s (the mean), and the metrics' columns.
    """
    sources = filters.Sources()
    chosen = filters.compile_filter(filter, sources)
    named = list(metrics)[:_MOST_METRICS]
    columns = "".join(
        f""", avg(v.value) FILTER (v.place = {place}) AS "mean.{place}",
        stddev_samp(v.value) FILTER (v.place = {place}) AS "std.{place}",
        count(v.value) FILTER (v.place = {place}) AS "n.{place}" """
        for place in range(len(named))
    )
    way = "DESC" if descending else "ASC"
    first = f'"mean.{named.index(order_by)}" {way} NULLS LAST,' if order_by in named else ""
    places = ", ".join(f"({place}, ?)" for place in range(len(named))) or "(-1, 0)"
    return asked.table(
        f"""WITH chosen AS (SELECT r.* REPLACE (nullif(r.group_name, '') AS group_name) FROM run AS r
            {sources.sql} WHERE {chosen.sql}),
        wanted(place, metric_key) AS (VALUES {places}),
        value AS (
            SELECT s.run_key, w.place, coalesce(s.best_value, s.last_value) AS value
            FROM newest.series AS s JOIN wanted AS w USING (metric_key)
            WHERE isfinite(coalesce(s.best_value, s.last_value))),
        folded AS (
            SELECT project, coalesce(group_name, run_id) AS id, group_name IS NULL AS is_single,
                list(run_id ORDER BY created_us, run_id) AS run_ids,
                list(name ORDER BY created_us, run_id) AS names,
                list(status ORDER BY created_us, run_id) AS statuses,
                any_value(model) AS model, count(*) AS num_runs, max(created_us) AS created_us,
                avg(duration_s) AS duration_s
            FROM chosen GROUP BY project, id, is_single),
        measured AS (
            SELECT c.project, coalesce(c.group_name, c.run_id) AS id,
                c.group_name IS NULL AS is_single {columns}
            FROM chosen AS c LEFT JOIN value AS v USING (run_key)
            GROUP BY c.project, id, is_single)
        SELECT f.project, CASE WHEN f.is_single THEN NULL ELSE f.id END AS "group", f.run_ids,
            f.names, f.statuses, f.model, f.num_runs, make_timestamp(f.created_us) AS created_at,
            f.duration_s, m.* EXCLUDE (project, id, is_single)
        FROM folded AS f JOIN measured AS m USING (project, id, is_single)
        ORDER BY {first} f.created_us {"DESC" if order_by or descending else "ASC"}, f.id
        LIMIT ? OFFSET ?""",  # noqa: S608  # compiled filter, our own names and places
        [*sources.params, *chosen.params, *(key_of(name) for name in named), limit, offset],
    )


def count_groups(asked: Asked, *, filter: str | None) -> pa.Table:  # noqa: A002
    """Return how many rows `groups` has, as ``n``."""
    sources = filters.Sources()
    chosen = filters.compile_filter(filter, sources)
    return asked.table(
        f"""SELECT count(DISTINCT (r.project, coalesce(nullif(r.group_name, ''), r.run_id),
        nullif(r.group_name, '') IS NULL)) AS n FROM run AS r {sources.sql}
        WHERE {chosen.sql}""",  # noqa: S608  # compiled
        [*sources.params, *chosen.params],
    )


ANSWERS: dict[str, Callable[..., pa.Table]] = {"count_groups": count_groups, "groups": groups}
