"""What the disk page shows: bytes by run and kind, the trash, what rules would let go."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa

from dashboard import charts, data, theme
from store import disk_usage, gc, trash
from store.backup import backups
from store.disk_usage import KINDS, as_text
from store.layout import Home

_FRESH_S: Final = 10.0
_MOST_PROJECTS: Final = 12
KIND_WORDS: Final = {
    "points": "curves",
    "checkpoints": "checkpoints",
    "predictions": "predictions",
    "files": "files",
    "log": "output",
    "record": "record",
}
"""How kinds are called on the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What takes how much."""

    runs: pa.Table
    """As `store.disk_usage.usage`, the largest first."""
    parts: Mapping[str, int]
    """As `store.disk_usage.store_bytes`."""
    free: int
    backups: Sequence[str]


def look() -> Disk:
    """Return what takes how much, at most ten seconds old."""
    return _look(data.home(), data.state().version, int(time.monotonic() / _FRESH_S))


def look_again() -> None:
    """Forget what was measured: something was deleted."""
    _look.cache_clear()


@lru_cache(maxsize=2)
def _look(home: str, _version: int, _moment: int) -> Disk:
    place = Home.locate(home)
    return Disk(
        runs=data.ask(disk_usage.usage).sort_by([("total", "descending")]),
        parts=disk_usage.store_bytes(place),
        free=shutil.disk_usage(place.path).free,
        backups=[path.name for path in backups(place)],
    )


def trashed() -> list[trash.Trashed]:
    """Return what is in the trash."""
    return trash.listed(Home.locate(data.home()))


def signature() -> tuple[int, int]:
    """Return what changes when runs come and go."""
    return data.state().runs, len(trashed())


def metrics(project: str | None) -> list[str]:
    """Return the metrics of which more or less is better, those of the validation data first."""
    rows = data.ask(lambda s: s.series(project=project)).select(["metric", "goal"]).to_pylist()
    names = {row["metric"] for row in rows if row["goal"]}
    return sorted(names, key=lambda name: (not name.startswith("val"), name))


def of_project(runs: pa.Table, project: str | None) -> pa.Table:
    """Return the rows of a project; all for None."""
    if project is None:
        return runs
    of_it = [name == project for name in runs["project"].to_pylist()]
    return runs.filter(pa.array(of_it, pa.bool_()))


def by_project(runs: pa.Table) -> dict[str, dict[str, int]]:
    """Return the bytes of each project by kind, the largest first; the smallest as one."""
    sums: dict[str, dict[str, int]] = {}
    for row in runs.select(["project", *KINDS]).to_pylist():
        kinds = sums.setdefault(row["project"], dict.fromkeys(KINDS, 0))
        for kind in KINDS:
            kinds[kind] += row[kind]
    ranked = sorted(sums.items(), key=lambda item: -sum(item[1].values()))
    if len(ranked) > _MOST_PROJECTS:
        rest = [kinds for _, kinds in ranked[_MOST_PROJECTS - 1 :]]
        joined = {kind: sum(kinds[kind] for kinds in rest) for kind in KINDS}
        ranked = [*ranked[: _MOST_PROJECTS - 1], (f"{len(rest)} more", joined)]
    return dict(ranked)


def chart(sums: Mapping[str, Mapping[str, int]], *, mode: str) -> go.Figure:
    """Return one bar a project, made of what its bytes are."""
    traces = []
    names = [name if len(name) <= 24 else f"{name[:23]}…" for name in sums]
    for place, kind in enumerate(KINDS):
        sizes = [kinds[kind] for kinds in sums.values()]
        if not any(sizes):
            continue
        traces.append(
            charts.trace(
                "bar",
                y=names,
                x=sizes,
                name=KIND_WORDS[kind],
                orientation="h",
                marker={"color": theme.colour(place, mode), "line": {"width": 0}},
                customdata=[[as_text(size)] for size in sizes],
                hovertemplate=f"<b>%{{y}}</b><br>{KIND_WORDS[kind]} %{{customdata[0]}}"
                "<extra></extra>",
            )
        )
    return charts.drawn(
        traces,
        mode,
        x=_ticks(max(sum(kinds.values()) for kinds in sums.values())),
        y={"autorange": "reversed", "showgrid": False, "ticklabelstandoff": 8},
        height=90 + 34 * len(sums),
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom",
                "traceorder": "normal", "font": {"color": charts.INK[mode]}},
        barmode="stack",
        bargap=0.35,
    )  # fmt: skip


def _ticks(most: int) -> dict[str, Any]:
    """Return about five ticks in words: Plotly would write 2M for 2 MB."""
    size = max(most, 4) // 4
    power = 10 ** (len(str(size)) - 1)
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= size)
    values = [step * place for place in range(6) if step * (place - 1) <= most * 1.1]
    return {"tickvals": values, "ticktext": [as_text(value) for value in values]}


def preview(rules: gc.Rules, project: str | None) -> tuple[gc.Decision, ...]:
    """Return what rules would let go, of a project's runs or of all.

    Raises
    ------
    store.FilterError
        If the filter cannot be understood, or a metric has no goal.
    """
    decisions = data.ask(lambda s: gc.decide(s, rules))
    return tuple(one for one in decisions if project in {None, one.project})


def preview_frame(decisions: Sequence[gc.Decision], dropped: Sequence[str]) -> pd.DataFrame:
    """Return a row a run: what becomes of it, those that go first."""
    kinds = dropped or KINDS
    rows = [
        {
            "fate": "goes" if one.goes else "stays",
            "name": one.name,
            "project": one.project,
            "status": [theme.status(one.status).label],
            "frees": sum(one.sizes[kind] for kind in kinds) if one.goes else None,
            "why": one.kept_as or "no rule keeps it",
        }
        for one in sorted(decisions, key=lambda one: not one.goes)
    ]
    return pd.DataFrame(rows)
