"""The curves of a report: what the explorer showed in the view that was saved, as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Any, Final, Self

import numpy as np

from dashboard import curve_data, data, explorer, folding, formats, markup, report_plot
from dashboard.grouping import groupings
from dashboard.markup import Markup, element
from dashboard.report_files import Block
from dashboard.report_plot import Line, Scale
from dashboard.state import split
from dashboard.theme import LETTERS, is_dashed
from dashboard.wire import BANDS, MAX_RUNS, BadRequestError, CurveQuery, Series, decode

_AXES: Final = {"step": "Step", "epoch": "Epoch", "elapsed": "Relative time", "wall": "Time (UTC)"}
_BANDS: Final = {"ci95": "95 % interval", "se": "standard error", "std": "standard deviation",
                 "minmax": "lowest to highest"}  # fmt: skip
_RANKS: Final = {"raw": 0, "smooth": 1, "band": 2}
_SPLIT, _RUN = "5 4", "11 4"
_FAINT: Final = 0.16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """What has a colour of its own: a run, or a group that goes by its first run."""

    name: str
    place: int
    members: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """How the page drew the curves: its address, read as the page reads it."""

    x: str
    smooth: float
    is_log: bool
    is_log_x: bool
    is_clipped: bool
    zoom: tuple[float, float] | None
    pinned: frozenset[str]
    by: str
    """What the groups are called by; empty for single runs."""
    band: str
    with_runs: bool
    wide: frozenset[str]

    @classmethod
    def of(cls, block: Block, metrics: Sequence[str], by: str) -> Self:
        """Read the view that a panel was saved with."""
        x, band = block.first("x"), block.first("band")
        return cls(
            x=x if x in _AXES or x in metrics else "step",
            smooth=min(0.99, max(0.0, _number(block.first("smooth")) or 0.0)),
            is_log=block.first("log") == "1",
            is_log_x=block.first("logx") == "1",
            is_clipped=block.first("clip") == "1",
            zoom=_zoom(block.first("zoom")),
            pinned=frozenset(split(block.first("pin"))),
            by=by,
            band=band if band in BANDS else "ci95",
            with_runs=not by or block.first("traces") == "1",
            wide=frozenset(split(block.first("big"))),
        )

    def query(self, metrics: Sequence[str], items: Sequence[_Item]) -> CurveQuery:
        """Return what the page asked for one panel."""
        low, high = self.zoom or ("", "")
        runs = [run for item in items for run in item.members] if self.with_runs else []
        groups = [",".join(item.members) for item in items] if self.by else []
        return CurveQuery.parse(
            {
                "metric": ",".join(metrics),
                "runs": ",".join(runs),
                "groups": ";".join(groups),
                "band": self.band,
                "x": self.x,
                "px": str(report_plot.INNER_WIDTH),
                "lo": str(low),
                "hi": str(high),
                "smooth": str(self.smooth),
                "logx": "1" if self.is_log_x else "",
                "clip": "1" if self.is_clipped else "",
            }
        )

    def words(self) -> str:
        """Return what a reader has to know to read the curves."""
        parts = [f"smoothing {self.smooth:g}"] if self.smooth else []
        parts += [f"mean by {self.by} with its {_BANDS[self.band]}"] if self.by else []
        parts += ["logarithmic"] if self.is_log else []
        if self.zoom is not None:
            words = _x_words(self.x)
            parts.append(f"a part: {words(self.zoom[0])} to {words(self.zoom[1])}")
        return ", ".join(parts).capitalize()


def draw(block: Block) -> Markup:
    """Return the panels of a saved view.

    Raises
    ------
    store.StoreError
        If what it shows cannot be asked for any more.
    """
    runs = explorer.rows(split(block.first("runs"))[:MAX_RUNS])
    if not runs:
        return element("p", "None of its runs is in this store any more.", cls="missing")
    names = data.series([run["run_id"] for run in runs]).column("metric").to_pylist()
    metrics = sorted({name for name in names if not name.startswith("system/")})
    items, by = _items(runs, block.first("by"))
    view = _View.of(block, metrics, by)
    hidden = set(split(block.first("hide")))
    shown = [item for item in items if item.members[0] not in hidden]
    closed = set(split(block.first("closed")))
    wanted = folding.chosen(folding.panels(metrics), split(block.first("metrics")))
    specs = [one for one in folding.as_data(wanted) if (one["section"] or "/") not in closed]
    if not shown or not specs:
        return element("p", "Everything in this view was hidden.", cls="missing")
    note = view.words()
    said = element("p", f"{note}.", cls="missing") if note else Markup()
    try:
        return Markup(_legend(shown) + said + _panels(specs, shown, view))
    except BadRequestError as error:
        return element("p", str(error), cls="missing")


def _items(runs: Sequence[Mapping[str, Any]], by: str) -> tuple[list[_Item], str]:
    """Return the items in the order of their colours, and what groups are called by."""
    grouping = next((one for one in groupings(runs) if one.key == by), None)
    members: dict[str, list[str]] = {}
    called = explorer.names(runs)
    for place, (run, name) in enumerate(zip(runs, called, strict=True)):
        key = (grouping.values[place] or name) if grouping else run["run_id"]
        members.setdefault(key, []).append(run["run_id"])
    listed = []
    for place, (key, ids) in enumerate(members.items()):
        many = f"{len(ids)} runs" if len(ids) > 1 else "1 run"
        name, note = (key, many) if grouping else (called[place], "")
        listed.append(
            _Item(name=name, place=min(place, len(LETTERS)), members=tuple(ids), note=note)
        )
    return listed, grouping.label if grouping else ""


def _legend(items: Sequence[_Item]) -> Markup:
    marks = [
        element(
            "span",
            markup.letter(item.place),
            item.name,
            " ",
            element("small", item.note),
            cls="item",
        )
        for item in items
    ]
    return element("p", *marks, cls="legend")


def _panels(specs: Sequence[dict[str, Any]], items: Sequence[_Item], view: _View) -> Markup:
    answers = [_asked(spec, items, view) for spec in specs]
    extents = [facts["extent"] for _, facts in answers if facts.get("extent")]
    low = min((extent[0] for extent in extents), default=0.0)
    high = max((extent[1] for extent in extents), default=1.0)
    across = Scale.across(*(view.zoom or (low, high)), is_log=view.is_log_x, words=_x_words(view.x))
    drawn = [
        _panel(spec, answer, across, items, view)
        for spec, answer in zip(specs, answers, strict=True)
    ]
    return element("div", *drawn, cls="plots")


def _asked(
    spec: Mapping[str, Any], items: Sequence[_Item], view: _View
) -> tuple[list[Series], dict[str, Any]]:
    answer = curve_data.answer(view.query([one["name"] for one in spec["metrics"]], items))
    return decode(answer) if answer else ([], {})


def _panel(
    spec: Mapping[str, Any],
    answer: tuple[Sequence[Series], Mapping[str, Any]],
    across: Scale,
    items: Sequence[_Item],
    view: _View,
) -> Markup:
    series, clip = answer[0], answer[1].get("clip")
    dashed = {one["name"]: bool(one["dashed"]) for one in spec["metrics"]}
    item_of = {run: item for item in items for run in item.members}
    ordered = sorted(
        (one for one in series if one.run in item_of and len(one.columns[0])),
        key=lambda one: (
            item_of[one.run].members[0] in view.pinned,
            _RANKS[one.kind],
            -item_of[one.run].place,
        ),
    )
    lines = [
        _line(one, item_of[one.run], view, is_dashed_split=dashed[one.metric]) for one in ordered
    ]
    keys = ", ".join(
        f"{one['label']} {'dashed' if one['dashed'] else 'whole'}" for one in spec["metrics"]
    )
    heading = element(
        "h4", spec["title"], " ", element("small", keys if len(spec["metrics"]) > 1 else "")
    )
    up = _heights(lines, across, clip, is_log=view.is_log)
    if up is None:
        body = element("p", "It has no points.", cls="missing")
    else:
        key = blake2s(repr((spec["key"], items, view)).encode(), digest_size=6).hexdigest()
        title = _AXES.get(view.x, view.x)
        label = f"{spec['title']} of {', '.join(item.name for item in items[:6])}"
        body = report_plot.plot(lines, across, up, title=title, label=label, key=key)
    outside = (
        element("p", f"{clip['outside']:,} of {clip['total']:,} points outside.", cls="missing")
        if clip and clip["outside"]
        else Markup()
    )
    is_wide = spec["key"] in view.wide
    return element("div", heading, body, outside, cls="panel wide" if is_wide else "panel")


def _line(one: Series, item: _Item, view: _View, *, is_dashed_split: bool) -> Line:
    """Return a line with the look that the page gives it."""
    is_behind = (one.kind == "raw" and bool(view.smooth or view.by)) or (
        one.kind == "smooth" and bool(view.by)
    )
    behind = 0.38 if view.by and not view.smooth else 0.24
    opacity = behind if is_behind else 0.8 if is_dashed_split else 1.0
    is_pinned = item.members[0] in view.pinned
    if view.pinned and not is_pinned:
        opacity *= _FAINT
    width = 1.0 if is_behind else (1.3 if is_dashed_split else 1.8) + 0.6 * is_pinned
    x, y, *rest = one.columns
    low, high = (rest[0], rest[1]) if one.kind == "band" else (None, None)
    second = _RUN if is_dashed(item.place) and item.place < len(LETTERS) and not is_behind else ""
    return Line(
        place=item.place,
        x=x,
        y=y,
        low=low,
        high=high,
        dash=_SPLIT if is_dashed_split else second,
        width=width,
        opacity=opacity,
        marks_odd=one.kind == "raw",
    )


def _heights(
    lines: Sequence[Line], across: Scale, clip: Mapping[str, float] | None, *, is_log: bool
) -> Scale | None:
    """Return the vertical axis of what is seen; None if that is nothing."""
    seen = []
    for line in lines:
        at = across.at(line.x)
        inside = (at >= across.start - 1) & (at <= across.end + 1)
        seen += [ends[inside] for ends in (line.y, line.low, line.high) if ends is not None]
    values = np.concatenate([np.empty(0), *seen])
    values = values[np.isfinite(values) & ((values > 0) | (not is_log))]
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    if clip and max(low, clip["low"]) < min(high, clip["high"]):
        low, high = max(low, clip["low"]), min(high, clip["high"])
    return Scale.up(low, high, is_log=is_log)


def _x_words(x: str) -> Any:
    if x == "elapsed":
        return lambda seconds: formats.duration(seconds) if seconds else "0"
    if x == "wall":
        return lambda seconds: f"{datetime.fromtimestamp(seconds, UTC):%d %b %H:%M}"
    return report_plot.tick_words


def _zoom(text: str) -> tuple[float, float] | None:
    low, _, high = text.partition("~")
    ends = _number(low), _number(high)
    return ends if ends[0] is not None and ends[1] is not None and ends[0] < ends[1] else None  # type: ignore[return-value]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None
