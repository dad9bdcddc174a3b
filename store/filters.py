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

The compiled SQL reads ``run AS r`` and what `Sources` joins to it: each param and metric once,
however often a filter and an order name it. It is made of fixed pieces only: whatever the user
typed becomes a parameter of a ``?``.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from store.filter_syntax import (
    Comparison,
    Field,
    Node,
    Not,
    Search,
    Value,
    fail,
    parse,
    parse_field,
    parse_order,
)
from store.schema import key_of

if TYPE_CHECKING:
    import pyarrow as pa

_JOIN_PARAM = "LEFT JOIN param AS {0} ON {0}.run_key = r.run_key AND {0}.key = ?"
_JOIN_METRIC = """LEFT JOIN (
    SELECT *, CASE goal WHEN 'max' THEN max_value WHEN 'min' THEN min_value END AS best_value,
        CASE goal WHEN 'max' THEN max_step WHEN 'min' THEN min_step END AS best_step
    FROM (SELECT *, (SELECT goal FROM metric WHERE metric_key = ?) AS goal
        FROM newest.series_base WHERE metric_key = ?)
) AS {0} ON {0}.run_key = r.run_key"""
_SEARCH = (
    "coalesce(contains(lower(concat_ws(chr(31), r.name, r.run_id, r.group_name, r.model,"
    " r.project, r.notes, array_to_string(r.tags, chr(31)))), lower(?)), FALSE)"
)
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """A piece of SQL and the values of its ``?``, in order.

    ``kind`` says how to read a compiled column: ``value`` from ``run AS r``, ``metric`` from
    ``series AS s``, ``param`` from ``param``, ``spark`` not from SQL at all; ``name`` is the
    param or metric.
    """

    sql: str
    params: list[Any]
    kind: Literal["condition", "order", "value", "metric", "param", "spark"] = "condition"
    name: str = ""


class Sources:
    """What has to be joined to ``run AS r``, for all pieces of one query together."""

    def __init__(self) -> None:
        self.params: list[Any] = []
        self._aliases: dict[tuple[str, str], str] = {}
        self._joins: list[str] = []

    @property
    def sql(self) -> str:
        """The joins; their values are `params`."""
        return "\n".join(self._joins)

    def bind(self, field: Field) -> Field:
        """Return the field with its column as this query calls it; of a param, the table."""
        if field.kind not in {"param", "metric"}:
            return field
        alias = self._aliases.get((field.kind, field.key))
        if alias is None:
            alias = self._aliases[field.kind, field.key] = f"{field.kind}_{len(self._aliases)}"
            is_param = field.kind == "param"
            self._joins.append((_JOIN_PARAM if is_param else _JOIN_METRIC).format(alias))
            self.params += [field.key] if is_param else [key_of(field.key)] * 2
        return replace(field, column=field.column.format(alias) or alias)


def compile_filter(text: str | None, sources: Sources, now: datetime | None = None) -> Compiled:
    """Return the condition over ``run AS r`` and `sources` that a filter means.

    Parameters
    ----------
    text
        The filter; blank or None lets every run through.
    sources
        Takes up what the condition reads.
    now
        The moment from which ages count; naive is UTC. The present by default.

    Raises
    ------
    FilterError
        The text is no filter; ``position`` says where the trouble starts.
    """
    node = parse(text or "")
    if node is None:
        return Compiled(sql="TRUE", params=[])
    writer = _Condition(sources, _micros(now))
    return Compiled(sql=writer.sql(node), params=writer.params)


def compile_columns(names: Iterable[str], now: datetime | None = None) -> list[Compiled]:
    """Return one scalar expression for each name, such as ``metrics.loss.min``.

    Raises
    ------
    FilterError
        A name is no field.
    """
    return [_column(name, _micros(now)) for name in names]


def compile_order(text: str | None, sources: Sources) -> Compiled:
    """Return what belongs behind ``ORDER BY`` over ``run AS r`` and `sources`.

    Missing values and NaN come last in both directions, and the run's id settles ties, so that
    pages never overlap. Newest first by default.

    Raises
    ------
    FilterError
        The text is no list of fields with ``asc`` or ``desc``.
    """
    keys = [
        f"{expression} {'DESC' if down else 'ASC'} NULLS LAST"
        for field, down in parse_order(text or "created desc")
        for expression in _sort_keys(sources.bind(field))
    ]
    return Compiled(sql=", ".join([*keys, "r.run_id"]), params=[], kind="order")


def param_values(number: "pa.Array", text: "pa.Array") -> "pa.Array":
    """Return the values of a param: doubles where every value is a number, else text."""
    import pyarrow as pa

    pairs = list(zip(number.to_pylist(), text.to_pylist(), strict=True))
    if all(value is not None or words is None for value, words in pairs):
        return number
    shown = [
        f"{value:.15g}" if words is None and value is not None else words for value, words in pairs
    ]
    return pa.array(shown, pa.string())


def _micros(moment: datetime | None) -> int:
    moment = datetime.now(UTC) if moment is None else moment
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


class _Condition:
    """Writes the SQL of a tree, never NULL, and its values in the order of the ``?``."""

    def __init__(self, sources: Sources, now_us: int) -> None:
        self.params: list[Any] = []
        self._sources = sources
        self._now_us = now_us

    def sql(self, node: Node) -> str:
        match node:
            case Comparison():
                return self._comparison(node)
            case Search():
                self.params.append(node.text)
                return _SEARCH
            case Not():
                return f"(NOT {self.sql(node.item)})"
        return f"({f' {node.joint} '.join(map(self.sql, node.items))})"

    def _comparison(self, node: Comparison) -> str:
        field = self._sources.bind(node.field)
        tests: list[str] = []
        for value in node.values:
            if value.value is None:
                if node.operator != "in":
                    fail("a value", "null", value.position)
                continue
            sql, bound = _TESTS[field.kind](field, node.operator, value, self._now_us)
            tests.append(sql)
            self.params.extend(bound)
        found = [f"coalesce({' OR '.join(tests)}, FALSE)"] if tests else []
        if len(tests) < len(node.values):
            found.append(f"NOT coalesce({_present(field)}, FALSE)")
        return f"({' OR '.join(found)})"


def _present(field: Field) -> str:
    if field.kind == "param":  # None is stored as null
        return f"({field.column}.number IS NOT NULL OR {field.column}.text <> 'null')"
    if field.kind == "tags":
        return "len(r.tags) > 0"
    return f"{field.column} IS NOT NULL"


_Test = tuple[str, list[Any]]


def _text_test(field: Field, operator: str, value: Value, _: int) -> _Test:
    return _text(field.column, operator, value.text)


def _text(column: str, operator: str, text: str) -> _Test:
    if operator == "~":
        return f"contains(lower({column}), lower(?))", [text]
    return f"{column} {'=' if operator == 'in' else operator} ?", [text]


def _number_test(field: Field, operator: str, value: Value, _: int) -> _Test:
    number = value.value
    if isinstance(number, bool | str) or number is None:
        fail(f"a number after {field.text}", repr(value.text), value.position)
    _refuse_contains(field, operator, value)
    return _number(field.column, operator, number)


def _number(column: str, operator: str, number: float) -> _Test:
    """Compare as IEEE 754 does (DuckDB alone takes NaN for the largest number)."""
    is_nan = f"isnan(CAST({column} AS DOUBLE))"
    if math.isnan(number):
        return (is_nan, []) if operator == "in" else ("FALSE", [])
    if operator in {">", ">="}:
        return f"({column} {operator} ? AND NOT {is_nan})", [number]
    return f"{column} {'=' if operator == 'in' else operator} ?", [number]


def _refuse_contains(field: Field, operator: str, value: Value) -> None:
    if operator == "~":
        fail(f"one of =, !=, <, <=, >, >= after {field.text}", "'~'", value.position)


def _seconds_test(field: Field, operator: str, value: Value, _: int) -> _Test:
    _refuse_contains(field, operator, value)
    return _number(field.column, operator, _seconds(field, value))


def _seconds(field: Field, value: Value) -> float:
    if isinstance(value.value, int | float) and not isinstance(value.value, bool):
        return value.value
    if not _SPAN.fullmatch(value.text):
        fail(
            f"a time such as 90s, 15m, 2h or 7d after {field.text}",
            repr(value.text),
            value.position,
        )
    parts = re.findall(r"([\d.]+)([smhdw])", value.text)
    return sum(float(amount) * _UNIT_SECONDS[unit] for amount, unit in parts)


def _age_test(field: Field, operator: str, value: Value, now_us: int) -> _Test:
    _refuse_contains(field, operator, value)
    born = now_us - _seconds(field, value) * 1e6
    return _number(field.column, _MIRRORED.get(operator, operator), born)


def _time_test(field: Field, operator: str, value: Value, now_us: int) -> _Test:
    _refuse_contains(field, operator, value)
    first, after = _moment(field, value, now_us)
    column = field.column
    if operator == "in":
        return f"({column} >= ? AND {column} < ?)", [first, after]
    bound = after if operator in {">", "<="} else first
    return f"{column} {'>=' if operator in {'>', '>='} else '<'} ?", [bound]


def _moment(field: Field, value: Value, now_us: int) -> tuple[float, float]:
    """Return the first microsecond of a day or moment and the first one after it."""
    if _SPAN.fullmatch(value.text):
        start = now_us - _seconds(field, value) * 1e6
        return start, start + 1
    try:
        start = _micros(datetime.fromisoformat(value.text))
    except ValueError:
        example = "2026-11-01, 2026-11-01T12:30 or 2h (two hours ago)"
        fail(f"a time such as {example} after {field.text}", repr(value.text), value.position)
    is_day = re.fullmatch(r"[\dW-]+", value.text) is not None
    return start, start + (86_400_000_000 if is_day else 1)


def _tags_test(field: Field, operator: str, value: Value, _: int) -> _Test:
    if operator == "~":
        return _text("array_to_string(r.tags, chr(31))", "~", value.text)
    if operator != "in":
        fail(f"one of =, !=, ~, !~, in, is after {field.text}", repr(operator), value.position)
    return "list_contains(r.tags, ?)", [value.text]


def _flag_test(field: Field, operator: str, value: Value, _: int) -> _Test:
    if operator != "in" or not isinstance(value.value, bool):
        fail(f"= true or = false after {field.text}", repr(value.text), value.position)
    return f"{field.column} = ?", [value.value]


def _param_test(field: Field, operator: str, value: Value, _: int) -> _Test:
    number, text = f"{field.column}.number", f"{field.column}.text"
    if isinstance(value.value, bool) and operator == "in":
        sql = f"(lower({text}) = ? OR ({text} IS NULL AND {number} = ?))"
        return sql, [value.text.lower(), float(value.value)]
    if isinstance(value.value, int | float) and operator != "~":
        return _number(number, operator, value.value)
    return _text(f"coalesce({text}, CAST({number} AS VARCHAR))", operator, value.text)


_TESTS: dict[str, Callable[[Field, str, Value, int], _Test]] = {
    "text": _text_test,
    "number": _number_test,
    "metric": _number_test,
    "seconds": _seconds_test,
    "age": _age_test,
    "time": _time_test,
    "tags": _tags_test,
    "flag": _flag_test,
    "param": _param_test,
}


def _column(name: str, now_us: int) -> Compiled:
    field = parse_field(name)
    if field.kind == "spark":
        return Compiled(sql="NULL", params=[], kind="spark", name=field.key)
    if field.kind == "param":
        return Compiled(sql="", params=[], kind="param", name=field.key)
    if field.kind == "metric":
        return Compiled(sql=field.column.format("s"), params=[], kind="metric", name=field.key)
    if field.kind == "age":
        return Compiled(sql="((? - r.created_us) / 1e6)", params=[now_us], kind="value", name="age")
    sql = f"make_timestamp({field.column})" if field.kind == "time" else field.column
    return Compiled(sql=sql, params=[], kind="value", name=field.text)


def _sort_keys(field: Field) -> list[str]:
    if field.kind == "spark":
        fail("a field that can be ordered", "'spark'", field.position)
    if field.kind == "param":
        text = f"CASE WHEN {field.column}.number IS NULL THEN {field.column}.text END"
        return [_unless_nan(f"{field.column}.number"), text]
    if field.kind in {"seconds", "number", "metric"}:
        return [_unless_nan(field.column)]
    return ["(-r.created_us)" if field.kind == "age" else field.column]


def _unless_nan(column: str) -> str:
    return f"CASE WHEN NOT isnan(CAST({column} AS DOUBLE)) THEN {column} END"
