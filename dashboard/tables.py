"""Tables as frames with described columns. Pure: Arrow in, pandas out; the views draw them."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pandas as pd

from dashboard import formats, theme
from dashboard.comparing import IDENTITY

MOST_PARAMS: Final = 4
MOST_METRICS: Final = 3
_CANDIDATES: Final = 40
_PLAIN: Final = re.compile(r"[\w-]+(\.[\w-]+)*")
_SPLIT_RANK: Final = {"val": 0, "valid": 0, "validation": 0, "test": 1}
_HIDDEN_PARAMS: Final = IDENTITY | {"seed", "model.kind"}

Kind = Literal["open", "status", "text", "tags", "number", "delta", "time", "spark"]

FIXED: Final[dict[str, tuple[str, Kind]]] = {
    "status": ("Status", "status"),
    "model": ("Model", "text"),
    "duration": ("Duration", "text"),
    "created_at": ("Started", "time"),
    "group": ("Group", "text"),
    "tags": ("Tags", "tags"),
    "notes": ("Notes", "text"),
    "seed": ("Seed", "number"),
    "project": ("Project", "text"),
}
"""Columns that every run has, by the name that the address uses."""
_WIDTHS: Final = {"model": 104}
_TINY_WIDTH: Final = 116
"""Of a column with numbers such as 0.00005719: Streamlit would cut them."""
COURSE: Final = "curve"
"""The small curve, among the columns."""
PIN_SIGN: Final = "◆"
BASELINE_SIGN: Final = "⚑"
GATES: Final = "gates"
"""How a run stands to the gates, among the columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the run table."""

    key: str
    label: str
    kind: Kind
    help: str | None = None
    decimals: int | None = None
    goal: str | None = None
    """Of a difference: which way is better."""
    width: int | None = None
    """In pixels; None for as wide as its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMetric:
    """A metric that is shown with its best value."""

    name: str
    goal: str | None

    @property
    def label(self) -> str:
        """Name, direction, and which value it is: `val/acc ↑ best`."""
        arrow = {"max": " ↑ best", "min": " ↓ best"}.get(self.goal or "", " last")
        return f"{self.name}{arrow}"

    @property
    def order(self) -> str:
        """Ordering that puts the best run first."""
        return f"{metric_column(self.name)} {'asc' if self.goal == 'min' else 'desc'}"


def param_column(key: str) -> str:
    """Return a parameter in the filter language."""
    return f"params.{key}" if _PLAIN.fullmatch(key) else f"params.{json.dumps(key)}"


def metric_column(name: str) -> str:
    """Return a metric's best value in the filter language."""
    return f'metrics."{name}"'


def spark_column(name: str) -> str:
    """Return a metric's course in the filter language."""
    return f'spark."{name}"'


def delta_column(name: str) -> str:
    """Return the name of a metric's difference to the baseline."""
    return f"delta.{name}"


def candidates(keys: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the parameters that may earn a column, the most used first."""
    params = [k for k in keys if k["kind"] == "param" and k["key"] not in _HIDDEN_PARAMS]
    params.sort(key=lambda k: (-k["num_runs"], k["key"]))
    return [k["key"] for k in params[:_CANDIDATES]]


def differing(rows: Mapping[str, Sequence[Any]], most: int = MOST_PARAMS) -> list[str]:
    """Return the parameters that tell the shown runs apart, those with most values set first.

    Parameters
    ----------
    rows
        The values of each parameter, one for each shown run.
    """
    found = []
    for place, (key, values) in enumerate(rows.items()):
        known = [repr(v) for v in values if v is not None]
        if len(set(known)) > 1:
            found.append((-len(known), place, key))
    return [key for _, _, key in sorted(found)[:most]]


def key_metrics(series: Sequence[Mapping[str, Any]], most: int = MOST_METRICS) -> list[KeyMetric]:
    """Return the metrics worth a column: validation before test, those with a goal only."""
    goals: dict[str, str | None] = {}
    counts: dict[str, int] = {}
    for row in series:
        name = row["metric"]
        counts[name] = counts.get(name, 0) + 1
        goals[name] = goals.get(name) or row["goal"]
    ranked = sorted(
        (name for name in goals if goals[name] and not name.startswith(("system/", "train/"))),
        key=lambda name: (
            _SPLIT_RANK.get(name.split("/")[0], 2),
            -counts[name],
            goals[name] == "min",
            name,
        ),
    )
    if not ranked:
        ranked = sorted(name for name in goals if name.startswith("train/"))
    return [KeyMetric(name=name, goal=goals[name]) for name in ranked[:most]]


def metrics_named(series: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[KeyMetric]:
    """Return metrics that somebody chose, in that order."""
    goals = {row["metric"]: row["goal"] for row in series if row["goal"]}
    known = {row["metric"] for row in series}
    return [KeyMetric(name=name, goal=goals.get(name)) for name in names if name in known]


def spark_metric(series: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the metric whose course is drawn in the table: the validation loss, if there is one."""
    names = {row["metric"] for row in series}
    for name in ("val/loss", "valid/loss", "validation/loss", "train/loss", "loss"):
        if name in names:
            return name
    return min((n for n in names if not n.startswith("system/")), default=None)


def run_columns(
    params: Sequence[str],
    metrics: Sequence[KeyMetric],
    spark: str | None,
    frame: pd.DataFrame,
    wanted: Sequence[str] = (),
) -> list[Column]:
    """Return the columns of the run table, in order, for a frame of `run_frame`.

    Parameters
    ----------
    wanted
        What somebody chose, in that order: names of `FIXED`, parameters, metrics; all that tell
        the runs apart if empty.
    """
    measured = {m.name: _metric_columns(m, frame) for m in metrics}
    chosen = {p: [_param(p, params, frame)] for p in params}
    fixed = {
        key: [Column(key=key, label=label, kind=kind, width=_WIDTHS.get(key))]
        for key, (label, kind) in FIXED.items()
    }
    name = Column(key="name", label="Run", kind="open", help="Opens the run.")
    course = [Column(key=spark_column(spark), label=spark, kind="spark")] if spark else []
    if wanted:
        known = {**chosen, **measured, **fixed, COURSE: course}
        return [name, *(column for key in wanted for column in known.get(key, ()))]
    columns = [name, *fixed["status"], *fixed["model"]]
    columns += [column for found in measured.values() for column in found]
    columns += course
    columns += [column for found in chosen.values() for column in found]
    columns += [*fixed["duration"], *fixed["created_at"]]
    return columns + [c for key in ("group", "tags") if any(frame[key]) for c in fixed[key]]


def _metric_columns(metric: KeyMetric, frame: pd.DataFrame) -> list[Column]:
    key = metric_column(metric.name)
    help_text = None if metric.goal else "No goal is known for this metric: the last value."
    decimals = formats.decimals(frame[key])
    columns = [
        Column(key=key, label=metric.label, kind="number", help=help_text, decimals=decimals)
    ]
    delta = delta_column(metric.name)
    if delta in frame:
        text = "Difference to the baseline. Blue is better, orange is worse."
        columns.append(
            Column(
                key=delta, label="Δ", kind="delta", help=text, decimals=decimals, goal=metric.goal
            )
        )
    return columns


def _param(param: str, among: Sequence[str], frame: pd.DataFrame) -> Column:
    column = param_column(param)
    label = short_param(param, among)
    if not pd.api.types.is_numeric_dtype(frame[column]):
        return Column(key=column, label=label, kind="text", help=param)
    sizes = frame[column].abs()
    is_tiny = bool(((sizes > 0) & (sizes < 1e-4)).any())
    width = _TINY_WIDTH if is_tiny else None
    return Column(key=column, label=label, kind="number", help=param, width=width)


def add_deltas(
    frame: pd.DataFrame, metrics: Sequence[KeyMetric], baseline: Mapping[str, float | None]
) -> None:
    """Add the difference of each metric to the baseline's value, in place."""
    for metric in metrics:
        value = baseline.get(metric.name)
        if value is not None:
            frame[delta_column(metric.name)] = frame[metric_column(metric.name)] - value


def delta_words(value: float, decimals: int | None) -> str:
    """Return a difference with its arrow: `▲ +0.0120`; empty where there is none."""
    if value is None or not math.isfinite(value):
        return ""
    if value == 0:
        return "="
    text = formats.signed(value) if decimals is None else f"{value:+.{decimals}f}"
    return f"{'▲' if value > 0 else '▼'} {text.replace('-', formats.MINUS)}"


def delta_verdict(value: float, goal: str | None) -> Literal["better", "worse", "neutral"]:
    """Return whether a difference is one for the better."""
    if goal is None or value is None or not math.isfinite(value) or value == 0:
        return "neutral"
    return "better" if (value > 0) == (goal == "max") else "worse"


def run_frame(
    rows: Mapping[str, Sequence[Any]], params: Sequence[str], metrics: Sequence[KeyMetric]
) -> pd.DataFrame:
    """Return the run table's frame from the store's columns."""
    frame = pd.DataFrame(
        {
            "name": [n or i for n, i in zip(rows["name"], rows["run_id"], strict=True)],
            "status": [[theme.status(word).label] for word in rows["status"]],
            "model": rows["model"],
            "duration": [formats.duration(s) for s in rows["duration_s"]],
            "created_at": pd.to_datetime(pd.Series(rows["created_at"]), utc=True),
            "group": rows["group"],
            "tags": [list(tags or []) for tags in rows["tags"]],
            "notes": rows["notes"],
            "seed": pd.array(rows["seed"], dtype="Int64"),
            "project": rows["project"],
        }
    )
    for metric in metrics:
        key = metric_column(metric.name)
        frame[key] = pd.to_numeric(pd.Series(rows[key]), errors="coerce")
    for param in params:
        key = param_column(param)
        frame[key] = _param_values(rows[key])
    for key, values in rows.items():
        if key.startswith("spark."):
            frame[key] = [list(v) if v is not None else [] for v in values]
    return frame


def marked(names: Sequence[str], rows: Mapping[str, Sequence[Any]], baseline: str) -> list[str]:
    """Return names with the signs of the baseline and of pinned runs."""
    facts = zip(names, rows["run_id"], rows["pinned"], strict=True)
    return [
        f"{BASELINE_SIGN if run_id == baseline else PIN_SIGN if is_pinned else ''} {name}".strip()
        for name, run_id, is_pinned in facts
    ]


def short_param(param: str, among: Sequence[str]) -> str:
    """Return a parameter's last part, or all of it where that would be ambiguous."""
    last = param.rpartition(".")[2]
    return param if sum(p.rpartition(".")[2] == last for p in among) > 1 else last


def _param_values(values: Sequence[Any]) -> pd.Series:
    known = [v for v in values if v is not None]
    if known and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in known):
        return pd.Series(values, dtype="float64")
    return pd.Series([None if v is None else formats.value(v) for v in values], dtype="object")
