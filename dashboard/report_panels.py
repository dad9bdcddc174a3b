"""Panels of a report as markup that needs no server: tables, and curves as SVG."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from dashboard import comparing, data, explorer, folding, formats, markup, tables
from dashboard.markup import Markup, element
from dashboard.report_files import Block
from dashboard.state import split

WIDTH, HEIGHT = 860, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 12, 34
_MOST_RUNS, _MOST_ROWS, _MOST_PANELS = 6, 50, 6
_MOST_TICKS: Final = 7
_DASHED: Final = "5 4"


def draw(block: Block) -> Markup:
    """Return a panel's content.

    Raises
    ------
    store.StoreError
        If what it shows cannot be asked for any more.
    """
    drawers = {"curves": _curves, "compare": _compare, "runs": _runs, "sql": _sql}
    return drawers[block.page](block)


def _curves(block: Block) -> Markup:
    runs = explorer.rows(split(block.first("runs"))[:_MOST_RUNS])
    if not runs:
        return _nothing("None of its runs is in this store any more.")
    ids = [run["run_id"] for run in runs]
    metrics = data.series(ids).column("metric").to_pylist()
    available = folding.panels(sorted({m for m in metrics if not m.startswith("system/")}))
    chosen = folding.chosen(available, split(block.first("metrics")))[:_MOST_PANELS]
    x = block.first("x") or "step"
    parts = [_legend(runs)]
    for panel in chosen:
        lines = [
            (place, metric.is_dashed, *curve)
            for metric in panel.metrics
            for place, curve in enumerate(_points(metric.name, ids, x))
        ]
        parts += [
            element("h4", panel.key),
            plot(
                lines, x=x, label=f"{panel.key} of {len(runs)} runs", log=block.first("log") == "1"
            ),
        ]
    return Markup("".join(parts))


def _points(metric: str, ids: Sequence[str], x: str) -> list[tuple[Any, Any]]:
    table = data.curves(metric, tuple(ids), x=x, width=WIDTH)
    run = np.asarray(table.column("run_id").to_pylist(), dtype=object)
    across = table.column("x").to_numpy()
    value = table.column("value").to_numpy()
    return [(across[run == run_id], value[run == run_id]) for run_id in ids]


def _legend(runs: Sequence[Mapping[str, Any]]) -> Markup:
    names = explorer.names(runs)
    marks = [
        element("span", markup.letter(place), name, cls="item") for place, name in enumerate(names)
    ]
    return element("p", *marks, cls="legend")


def plot(
    lines: Sequence[tuple[int, bool, Any, Any]], *, x: str, label: str, log: bool = False
) -> Markup:
    """Return curves as SVG.

    Parameters
    ----------
    lines
        Place of the run (its colour), whether it is dashed, x and values; NaN is a gap.
    x
        Name of the horizontal axis.
    label
        What the drawing shows, for those who cannot see it.
    log
        Whether the vertical axis is logarithmic; values from 0 down are gaps then.
    """
    drawn = [(place, dashed, xs, np.log10(np.where(ys > 0, ys, np.nan)) if log else ys)
             for place, dashed, xs, ys in lines if len(xs)]  # fmt: skip
    finite = [ys[np.isfinite(ys)] for *_, ys in drawn]
    if not any(len(ys) for ys in finite):
        return _nothing("It has no points.")
    low_y, high_y = _ends(np.concatenate(finite))
    low_x, high_x = _ends(np.concatenate([xs for _, _, xs, _ in drawn]), pad=0.0)
    across = (WIDTH - _LEFT - _RIGHT) / (high_x - low_x)
    up = (HEIGHT - _TOP - _BOTTOM) / (high_y - low_y)
    parts = [_grid(low_x, high_x, low_y, high_y, x=x, log=log)]
    for place, dashed, xs, ys in drawn:
        path = _path(_LEFT + (xs - low_x) * across, HEIGHT - _BOTTOM - (ys - low_y) * up)
        dash = {"stroke_dasharray": _DASHED} if dashed else {}
        parts.append(element("path", d=path, cls=f"curve run{place}", fill="none", **dash))
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=label,
        cls="plot",
    )


def _grid(low_x: float, high_x: float, low_y: float, high_y: float, *, x: str, log: bool) -> Markup:
    parts = []
    for tick in ticks(low_y, high_y):
        y = HEIGHT - _BOTTOM - (tick - low_y) / (high_y - low_y) * (HEIGHT - _TOP - _BOTTOM)
        text = _tick(10**tick if log else tick)
        parts.append(
            element("line", x1=f"{_LEFT}", x2=f"{WIDTH - _RIGHT}", y1=f"{y:.1f}", y2=f"{y:.1f}")
        )
        parts.append(element("text", text, x=f"{_LEFT - 8}", y=f"{y + 4:.1f}", text_anchor="end"))
    for tick in ticks(low_x, high_x):
        at = _LEFT + (tick - low_x) / (high_x - low_x) * (WIDTH - _LEFT - _RIGHT)
        text = _tick(tick)
        parts.append(element("text", text, x=f"{at:.1f}", y=f"{HEIGHT - 16}", text_anchor="middle"))
    parts.append(element("text", x, x=f"{WIDTH / 2:.0f}", y=f"{HEIGHT - 2}", text_anchor="middle"))
    return element("g", *parts, cls="grid")


def _tick(value: float) -> str:
    return formats.number(value, 3) if abs(value) >= 1_000 else formats.value(float(f"{value:.3g}"))


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two ends, at most seven: multiples of 1, 2 or 5 tens."""
    rough = (high - low) / _MOST_TICKS
    ten = 10.0 ** math.floor(math.log10(rough))
    step = next(ten * factor for factor in (1, 2, 5, 10) if ten * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


def _path(xs: Any, ys: Any) -> str:
    """Return an SVG path; a value that is no number lifts the pen."""
    words, is_down = [], False
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        if not math.isfinite(y):
            is_down = False
            continue
        words.append(f"{'L' if is_down else 'M'}{x:.1f} {y:.1f}")
        is_down = True
    return "".join(words)


def _ends(values: Any, pad: float = 0.04) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low == high:
        return low - 0.5, high + 0.5
    room = (high - low) * pad
    return low - room, high + room


def _compare(block: Block) -> Markup:
    runs = explorer.rows(split(block.first("runs"))[:_MOST_RUNS])
    if not runs:
        return _nothing("None of its runs is in this store any more.")
    ids = [run["run_id"] for run in runs]
    base = block.first("base") if block.first("base") in ids else ids[0]
    rows = comparing.metric_rows(data.series(ids).to_pylist(), ids, base)
    heads = [element("th", "Metric", scope="col")]
    heads += [
        element("th", markup.letter(place), name, scope="col", cls="num")
        for place, name in enumerate(explorer.names(runs))
    ]
    body = []
    for row in rows[:_MOST_ROWS]:
        cells = [_compared(cell) for cell in row.cells]
        arrow = {"max": " ↑", "min": " ↓"}.get(row.goal or "", "")
        body.append(element("tr", element("th", f"{row.name}{arrow}", scope="row"), *cells))
    return markup.table(heads, body, label="Metrics side by side")


def _compared(cell: comparing.Cell) -> Markup:
    value = element("span", formats.number(cell.value), cls="best" if cell.is_best else "")
    if cell.delta is None:
        return element("td", value, cls="num")
    words = tables.delta_words(cell.delta, None)
    return element("td", value, " ", element("span", words, cls=f"delta {cell.verdict}"), cls="num")


def _runs(block: Block) -> Markup:
    project = block.first("project")
    text = data.within(None if project in {"", "All projects"} else project, block.first("q"))
    order = block.first("sort") or "created_at desc"
    first = data.runs(text, order)
    series = data.series(first.column("run_id").to_pylist()).to_pylist()
    metrics = tables.key_metrics(series)
    columns = [tables.metric_column(metric.name) for metric in metrics]
    rows = data.runs(text, order, columns=columns).to_pylist()
    names = ["Run", "Status", "Model", *(m.label for m in metrics), "Duration"]
    right = {metric.label for metric in metrics}
    heads = [element("th", name, scope="col", cls="num" if name in right else "") for name in names]
    body = [
        element(
            "tr",
            element("th", row["name"] or row["run_id"], scope="row", cls="who"),
            element("td", markup.status(row["status"])),
            element("td", row["model"] or formats.DASH),
            *(element("td", formats.number(row[column]), cls="num") for column in columns),
            element("td", formats.duration(row["duration_s"])),
        )
        for row in rows[:_MOST_ROWS]
    ]
    return Markup(markup.table(heads, body, label="Runs") + _more(data.count_runs(text)))


def _sql(block: Block) -> Markup:
    result = data.sql(block.first("query"), max_rows=_MOST_ROWS)
    heads = [element("th", name, scope="col") for name in result.column_names]
    body = [
        element("tr", *(element("td", formats.value(value)) for value in row.values()))
        for row in result.to_pylist()
    ]
    return markup.table(heads, body, label="Result of a query")


def _more(total: int) -> Markup:
    if total <= _MOST_ROWS:
        return Markup()
    return element("p", f"The first {_MOST_ROWS} of {total:,}.", cls="missing")


def _nothing(sentence: str) -> Markup:
    return element("p", sentence, cls="missing")
