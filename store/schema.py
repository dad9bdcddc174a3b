"""The tables of the store, and how an older store becomes a current one.

Ids are 63-bit numbers made from content, so no sequence and no coordination is needed. Times are
microseconds since 1970, UTC. There are no foreign keys: in DuckDB they turn updates into
deletions, and one process writes.
"""

import hashlib
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from store.errors import NewerStoreError
from store.job_views import JOB_VIEWS
from store.release_views import RELEASE_VIEWS
from store.study_views import STUDY_VIEWS

if TYPE_CHECKING:
    import duckdb

SCHEMA_VERSION: Final = 4

BLOCK_SIZE: Final = 64 << 10
"""Of a new database. In DuckDB's 256 KiB a young one is mostly empty, and float32 values, which
fill half as much of a block, share it with nothing: 6.4 bytes a point there, 5.3 here."""

_POINTS: Final = """run_key BIGINT, metric_key BIGINT, step BIGINT, epoch DOUBLE,
    wall_us BIGINT, elapsed_s DOUBLE, value DOUBLE, start_us BIGINT, single FLOAT"""
"""``start_us`` is the run's start by the wall clock: it hardly ever changes within a run, so it takes
no room; ``elapsed_s`` is what points have that were written before it was there. A value that
single precision holds to the last bit is in ``single``, for half the room, and not in ``value``.
Where both are NULL it is -0.0: DuckDB packs zeros as equal, and would lose the sign."""

HOT_COLUMNS: Final = """run_key BIGINT, metric_key BIGINT, step BIGINT, epoch DOUBLE, wall_us BIGINT,
    value DOUBLE, start_us BIGINT"""

_SERIES: Final = """run_key BIGINT, metric_key BIGINT, n BIGINT, first_step BIGINT,
    last_step BIGINT, last_us BIGINT, last_value DOUBLE, min_value DOUBLE, min_step BIGINT,
    max_value DOUBLE, max_step BIGINT, n_nan BIGINT, n_inf BIGINT, PRIMARY KEY(run_key, metric_key)"""

_SERIES_VIEW: Final = """CREATE OR REPLACE VIEW {name} AS
    SELECT s.*, m.name, m.goal, m.unit,
        CASE m.goal WHEN 'max' THEN max_value WHEN 'min' THEN min_value END AS best_value,
        CASE m.goal WHEN 'max' THEN max_step WHEN 'min' THEN min_step END AS best_step
    FROM {base} AS s JOIN {metric} AS m USING (metric_key);"""

_TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS meta(key VARCHAR PRIMARY KEY, value VARCHAR);

-- One row a run. `status` is what is true, `claimed` what the run said last. `record` is all of it.
CREATE TABLE IF NOT EXISTS run_base(
    run_key BIGINT NOT NULL, run_id VARCHAR NOT NULL, project VARCHAR NOT NULL, name VARCHAR,
    group_name VARCHAR, status VARCHAR NOT NULL, claimed VARCHAR, model VARCHAR, host VARCHAR,
    seed BIGINT, notes VARCHAR, tags VARCHAR[], error VARCHAR, created_us BIGINT NOT NULL,
    ended_us BIGINT, seen_us BIGINT, record VARCHAR NOT NULL, pinned BOOLEAN DEFAULT FALSE);

CREATE OR REPLACE VIEW run AS
    SELECT *, greatest(coalesce(ended_us, seen_us, created_us) - created_us, 0) / 1e6 AS duration_s
    FROM run_base;

-- Configuration, flattened: optimizer.lr. A number is in `number` and, as text, in `text`.
CREATE TABLE IF NOT EXISTS param(run_key BIGINT, key VARCHAR, number DOUBLE, text VARCHAR);

CREATE TABLE IF NOT EXISTS metric(
    metric_key BIGINT PRIMARY KEY, name VARCHAR NOT NULL, goal VARCHAR, unit VARCHAR,
    summary VARCHAR, alarm DOUBLE);

-- `points` consists of generations, each sorted by (run_key, metric_key, step), so that a curve
-- touches few row groups; `points_hot` holds the newest, in order of arrival.
CREATE TABLE IF NOT EXISTS points({_POINTS});
CREATE TABLE IF NOT EXISTS points_hot({HOT_COLUMNS});
CREATE OR REPLACE VIEW all_points AS
    SELECT run_key, metric_key, step, coalesce(epoch, 'nan') AS epoch, wall_us,
        coalesce((wall_us - start_us) / 1e6, elapsed_s) AS elapsed_s,
        coalesce(value, single::DOUBLE, '-0.0'::DOUBLE) AS value
    FROM (SELECT * FROM points UNION ALL BY NAME SELECT * FROM points_hot);

-- One row a run and metric, kept at ingest: tables never read points. Minimum and maximum are of
-- finite values.
CREATE TABLE IF NOT EXISTS series_base({_SERIES});

{_SERIES_VIEW.format(name="series", base="series_base", metric="metric")}

CREATE TABLE IF NOT EXISTS event(
    run_key BIGINT, at_us BIGINT, kind VARCHAR, name VARCHAR, step BIGINT, body VARCHAR);

-- Things of the ledgers (jobs, studies, trials, releases), with all that was said of them as JSON.
CREATE TABLE IF NOT EXISTS item(
    kind VARCHAR, id VARCHAR, created_us BIGINT, changed_us BIGINT, body VARCHAR,
    PRIMARY KEY(kind, id));

-- How far each file of a run (or, with run_key 0, a ledger) has been taken in: written in the transaction of its content.
CREATE TABLE IF NOT EXISTS journal(
    file VARCHAR PRIMARY KEY, run_key BIGINT, consumed BIGINT, vocabulary VARCHAR, damaged BIGINT,
    closed BOOLEAN);
"""  # noqa: S608  # fixed text

_NEWEST: Final = f"""
ATTACH ':memory:' AS newest;
CREATE TABLE newest.changed AS SELECT * FROM {{0}}.main.series_base LIMIT 0;
CREATE VIEW newest.series_base AS
    SELECT * FROM {{0}}.main.series_base AS s
    ANTI JOIN newest.main.changed AS c USING (run_key, metric_key)
    UNION ALL SELECT * FROM newest.main.changed;
{_SERIES_VIEW.format(name="newest.series", base="newest.main.series_base", metric="{0}.main.metric")}
"""  # noqa: S608  # fixed text

_MIGRATIONS: Final = {
    1: "ALTER TABLE run_base ADD COLUMN IF NOT EXISTS pinned BOOLEAN DEFAULT FALSE",
    2: "ALTER TABLE points ADD COLUMN IF NOT EXISTS start_us BIGINT;"
    "ALTER TABLE points_hot ADD COLUMN IF NOT EXISTS start_us BIGINT",
    3: "INSERT INTO points BY NAME"
    " SELECT * FROM points_hot ORDER BY run_key, metric_key, step, wall_us;"
    "DROP TABLE points_hot;"
    "ALTER TABLE points ADD COLUMN IF NOT EXISTS single FLOAT",
}
"""Schema version -> what makes it the next one. Columns are only ever added, at the end."""

TABLES: Final = frozenset(
    {
        "all_points",
        "event",
        "item",
        "job",
        "journal",
        "meta",
        "metric",
        "param",
        "points",
        "points_hot",
        "release",
        "release_alias",
        "run",
        "run_base",
        "series",
        "series_base",
        "study",
        "trial",
    }
)
"""What users' own SQL may read."""


@lru_cache(10_000)
def key_of(text: str) -> int:
    """Return the 63-bit number under which a run id or a metric name is stored."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") & 0x7FFF_FFFF_FFFF_FFFF


def is_outdated(connection: "duckdb.DuckDBPyConnection") -> int | None:
    """Return the schema version of a store that an older Bakeoff made, else None."""
    has_meta = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'meta'"
    if not connection.execute(has_meta).fetchall()[0][0]:
        return None
    version = "SELECT value FROM meta WHERE key = 'schema_version'"
    found = connection.execute(version).fetchall()
    made_by = int(found[0][0]) if found else SCHEMA_VERSION
    return made_by if made_by < SCHEMA_VERSION else None


def attach_newest(connection: "duckdb.DuckDBPyConnection") -> None:
    """Give an instance a database in memory for series with points that wait: `store.waiting`."""
    [(name,)] = connection.execute("SELECT current_database()").fetchall()
    connection.execute(_NEWEST.format(name))


def prepare(connection: "duckdb.DuckDBPyConnection", version: str) -> None:
    """Create or bring up to date the tables of a store.

    Raises
    ------
    NewerStoreError
        If a newer Bakeoff wrote the store; nothing is changed then.
    """
    connection.execute("CREATE TABLE IF NOT EXISTS meta(key VARCHAR PRIMARY KEY, value VARCHAR)")
    found = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    made_by = int(found.get("schema_version") or SCHEMA_VERSION)
    if made_by > SCHEMA_VERSION:
        raise NewerStoreError(
            f"Expected a store of schema version {SCHEMA_VERSION} or older; got {made_by}, made by "
            f"Bakeoff {found.get('created_by', '?')}. Update Bakeoff (this is {version})."
        )
    connection.execute("BEGIN")
    for version_then in range(made_by, SCHEMA_VERSION):
        connection.execute(_MIGRATIONS[version_then])
    connection.execute(_TABLES)
    connection.execute(JOB_VIEWS)
    connection.execute(STUDY_VIEWS)
    connection.execute(RELEASE_VIEWS)
    facts = {
        "schema_version": str(SCHEMA_VERSION),
        "store_id": uuid.uuid4().hex,
        "created_by": version,
    }
    connection.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", list(facts.items()))
    connection.execute(
        "UPDATE meta SET value = ? WHERE key = 'schema_version' AND value <> ?",
        [str(SCHEMA_VERSION)] * 2,
    )
    connection.execute("COMMIT")
