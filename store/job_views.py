"""The queue's jobs as a table, over the ledger's items: for users' SQL."""

from typing import Final

_JOB_BODY = """{"job_kind": "VARCHAR", "name": "VARCHAR", "state": "VARCHAR", "run_id": "VARCHAR",
    "study_id": "VARCHAR", "priority": "BIGINT", "executor": "VARCHAR", "slot": "BIGINT",
    "started": "DOUBLE", "ended": "DOUBLE", "exit_code": "BIGINT", "error": "VARCHAR",
    "parent": "VARCHAR"}"""

JOB_VIEWS: Final = f"""
-- One row a job of the queue; `parent` is the job that it tries again or resumes.
CREATE OR REPLACE VIEW job AS
    SELECT id AS job, body.job_kind AS kind, body.name, body.state, body.run_id,
        body.study_id AS study, body.priority, body.executor, body.slot, body.started, body.ended,
        body.ended - body.started AS duration_s, body.exit_code, body.error, body.parent,
        created_us, changed_us
    FROM (SELECT id, created_us, changed_us, json_transform(body, '{_JOB_BODY}') AS body
        FROM item WHERE kind = 'job');
"""  # noqa: S608  # fixed text
