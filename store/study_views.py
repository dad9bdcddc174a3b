"""Studies and their trials as tables, over the ledger's items: for questions and for users' SQL."""

from typing import Final

_STUDY_BODY = """{"name": "VARCHAR", "state": "VARCHAR", "wanted": "VARCHAR", "error": "VARCHAR",
    "used": "DOUBLE", "deleted": "BOOLEAN", "spec": {"n_trials": "BIGINT", "workers": "BIGINT",
    "seeds": "BIGINT", "timeout_s": "DOUBLE", "notes": "VARCHAR",
    "base": {"project": "VARCHAR", "data": {"kind": "VARCHAR"}, "model": {"kind": "VARCHAR"}},
    "sampler": {"kind": "VARCHAR"}, "pruner": {"kind": "VARCHAR"},
    "objectives": [{"metric": "VARCHAR", "goal": "VARCHAR"}]}}"""

_TRIAL_BODY = """{"study": "VARCHAR", "number": "BIGINT", "state": "VARCHAR",
    "values": ["DOUBLE"], "spread": ["DOUBLE"], "params": "JSON", "excess": "JSON", "feasible": "BOOLEAN",
    "run_ids": ["VARCHAR"], "course": "JSON", "started": "DOUBLE", "ended": "DOUBLE",
    "reason": "VARCHAR", "by": "VARCHAR", "note": "VARCHAR"}"""

STUDY_VIEWS: Final = f"""
-- One row a search. The objective is the first one; `goal` says what is better of it.
CREATE OR REPLACE VIEW study AS
    SELECT id AS study, body.name, body.state, body.wanted, body.error,
        body.spec.base.project, body.spec.base.data.kind AS data, body.spec.base.model.kind AS model,
        body.spec.objectives[1].metric AS objective, body.spec.objectives[1].goal AS goal,
        len(body.spec.objectives) AS num_objectives, body.spec.n_trials, body.spec.workers,
        body.spec.seeds, body.spec.timeout_s, body.spec.sampler.kind AS sampler,
        body.spec.pruner.kind AS pruner, body.spec.notes, body.used AS used_s,
        created_us, changed_us
    FROM (SELECT id, created_us, changed_us, json_transform(body, '{_STUDY_BODY}') AS body
        FROM item WHERE kind = 'study')
    WHERE NOT coalesce(body.deleted, FALSE);

-- One row a trial. `value` is of the first objective; `excess` says by how much limits are broken.
CREATE OR REPLACE VIEW trial AS
    SELECT id, body.study, body.number, body.state, body."values"[1] AS "value",
        body."values" AS "values", body.spread, body.params, body.excess, body.run_ids, body.course,
        body.started, body.ended, body.ended - body.started AS duration_s, body.reason, body.by,
        body.note, coalesce(body.feasible, TRUE) AS is_feasible, changed_us
    FROM (SELECT id, json_transform(body, '{_TRIAL_BODY}') AS body, changed_us
        FROM item WHERE kind = 'trial');
"""  # noqa: S608  # fixed text
