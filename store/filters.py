"""The small language that filters the run table, orders it and names its extra columns.

::

    status = running and tag = baseline and created >= 2026-11-01
    metrics."val/acc" > 0.9 and params.model.lr < 1e-2      # best by the metric's goal, else last
    metrics.loss.min <= 0.2 or name ~ "lstm" or not (model in (cnn, lstm))
    transformer "two words"                                 # free words: name, id, group, tags, ...

Operators: ``= == != < <= > >= ~ !~`` (``~`` contains, ignoring case), ``in (...)``,
``not in (...)``, ``is null``, ``is not null``; ``not`` binds before ``and`` before ``or``; two
conditions side by side mean ``and``. Rules that are not obvious:

- A missing value fails every comparison, and ``!=``, ``!~``, ``not in`` are exactly the opposite
  of ``=``, ``~``, ``in``; so ``params.lr != 0.1`` keeps runs without ``lr``.
- NaN is neither less nor greater than anything, and ``= nan`` finds it.
- A day such as ``2026-11-01`` is the whole day in UTC; an age such as ``2h`` beside ``created`` or
  ``ended`` is the moment two hours ago, so ``created > 2h`` says the same as ``age < 2h``.
- For ``params``, an unquoted number compares with numbers and anything else with text.

The compiled SQL reads ``run AS r``, ``param``, ``series`` and ``metric``. It is made of fixed
pieces only: whatever the user typed becomes a parameter of a ``?``.
"""

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    pass

MAX_LENGTH = 4_000
MAX_DEPTH = 50
MAX_CONDITIONS = 100
STATUSES = ("running", "finished", "failed", "stopped", "crashed", "lost")
STATISTICS = ("last", "min", "max", "best", "best_step", "n")

_COLUMNS = {
    "id": ("r.run_id", "text"),
    "name": ("r.name", "text"),
    "project": ("r.project", "text"),
    "group": ("r.group_name", "text"),
    "status": ("r.status", "text"),
    "model": ("r.model", "text"),
    "host": ("r.host", "text"),
    "notes": ("r.notes", "text"),
    "seed": ("r.seed", "number"),
    "tag": ("r.tags", "tags"),
    "created": ("r.created_us", "time"),
    "ended": ("r.ended_us", "time"),
    "age": ("r.created_us", "age"),
    "duration": ("r.duration_s", "seconds"),
}
FIELDS = tuple(_COLUMNS)
_ALIASES = {
    "run_id": "id", "group_name": "group", "tags": "tag", "created_at": "created",
    "ended_at": "ended", "duration_s": "duration",
}  # fmt: skip
_STATISTIC_COLUMNS = {
    "": "coalesce(s.best_value, s.last_value)", "last": "s.last_value", "min": "s.min_value",
    "max": "s.max_value", "best": "s.best_value", "best_step": "s.best_step", "n": "s.n",
}  # fmt: skip
_OF_PARAM = "FROM param p WHERE p.run_key = r.run_key AND p.key = ?"
_OF_SERIES = (
    "FROM series s WHERE s.run_key = r.run_key"
    " AND s.metric_key = (SELECT k.metric_key FROM metric k WHERE k.name = ?)"
)
_SEARCHED = (
    "contains(lower(concat_ws(chr(31), r.name, r.run_id, r.group_name, r.model, r.project,"
    " r.notes, array_to_string(r.tags, chr(31)))), lower(?))"
)
_OPERATORS = {"=": "in", "==": "in", "!=": "in", "!~": "~"} | {
    s: s for s in ("~", "<", "<=", ">", ">=")
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
    r"""|(?P<sign>[=!<>]=|!~|[=<>~(),])|(?P<word>[^\s()"',=<>!~]+)""",
    re.DOTALL,
)
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)", re.IGNORECASE | re.ASCII
)
_SPAN = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+", re.ASCII)
_PLAIN_KEY = re.compile(r"[^\s()\"',=<>!~.]+(?:\.[^\s()\"',=<>!~.]+)*")

type_of_kind = Literal[
    "text", "number", "tags", "time", "age", "seconds", "param", "metric", "spark"
]
