"""Releases and aliases as tables, over the ledger's items: for questions and for users' SQL."""

from typing import Final

_RELEASE_BODY = """{"line": "VARCHAR", "version": "BIGINT", "runs": ["VARCHAR"], "at": "VARCHAR",
    "who": "VARCHAR", "reason": "VARCHAR", "overridden": "BOOLEAN"}"""

_ALIAS_BODY = """{"line": "VARCHAR", "name": "VARCHAR", "version": "BIGINT"}"""

RELEASE_VIEWS: Final = f"""
-- One row a release; the first of its runs is the released checkpoint.
CREATE OR REPLACE VIEW release AS
    SELECT id AS release, body.line, body.version, body.runs, body.at::TIMESTAMP AS released_at,
        body.who, body.reason, coalesce(body.overridden, FALSE) AS is_overridden
    FROM (SELECT id, json_transform(body, '{_RELEASE_BODY}') AS body
        FROM item WHERE kind = 'release');

-- One row an alias that points somewhere.
CREATE OR REPLACE VIEW release_alias AS
    SELECT body.line, body.name, body.version, changed_us
    FROM (SELECT changed_us, json_transform(body, '{_ALIAS_BODY}') AS body
        FROM item WHERE kind = 'alias')
    WHERE body.version IS NOT NULL;
"""  # noqa: S608  # fixed text
