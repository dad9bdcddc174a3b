"""Tables behind a verdict as markup: metrics, slices, costs, changes. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dashboard import formats, markup
from dashboard.evaluation_data import Entry
from dashboard.markup import Markup, element
from experiments.evaluating.changes import Changes
from experiments.evaluating.costs import Cost, CostKind
from experiments.evaluating.slices import SliceResult, SliceState, gain_of
from experiments.evaluating.verdict import POINTS_METRICS, amount, name_of, span, title_of
from experiments.statistics import ManyDifferences, metric_goal

_ARROWS: Final = {"max": "↑", "min": "↓"}
_TONES: Final = {
    SliceState.WORSE: "worse",
    SliceState.FINE: "better",
    SliceState.OPEN: "neutral",
    SliceState.NOT_JUDGED: "neutral",
}


def metrics(found: Mapping[str, ManyDifferences | str], entries: Sequence[Entry]) -> Markup:
    """Return one row a metric, one column a candidate; the baseline comes first."""
    heads = [element("th", "Metric", scope="col")]
    for place, entry in enumerate(entries):
        note = " baseline" if not place else ""
        heads.append(
            element(
                "th",
                markup.letter(entry.place),
                element("span", entry.name, cls="run"),
                element("small", note),
                scope="col",
            )
        )
    rows = []
    for metric, one in found.items():
        head = element("th", f"{name_of(metric)} {_ARROWS[metric_goal(metric)]}", scope="row")
        if isinstance(one, str):
            why = element("td", f"not defined: {one}", cls="missing", colspan=str(len(entries)))
            rows.append(element("tr", head, why))
            continue
        cells = [element("td", formats.fixed(float(one.values[0])))]
        for place, difference in enumerate(one.differences, start=1):
            gain = difference.estimate * (1 if metric_goal(metric) == "max" else -1)
            sure = difference.low > 0 or difference.high < 0
            tone = ("better" if gain > 0 else "worse") if sure else "neutral"
            told = amount(difference.estimate, metric)
            limits = (
                f" ({span(difference, metric)})"
                if math.isfinite(difference.low)
                else f" ({difference.note or 'no interval'})"
            )
            cells.append(
                element(
                    "td",
                    element("span", formats.fixed(float(one.values[place])), cls="value"),
                    element("span", told, cls=f"delta {tone}"),
                    element("small", limits),
                )
            )
        rows.append(element("tr", head, *cells))
    return markup.table(heads, rows, label="All metrics with paired differences")


def slices(found: Sequence[SliceResult], metric: str, margin: float) -> Markup:
    """Return one row a slice: what it is, both values, the difference and what it shows."""
    heads = [
        element("th", name, scope="col", cls=cls)
        for name, cls in (
            ("Slice", ""), ("Examples", "num"), (title_of(metric), "num"), ("Baseline", "num"),
            ("Difference", "num"), ("95 %, this slice alone", ""), ("", ""),
        )
    ]  # fmt: skip
    reach = _reach(found, metric, margin)
    rows = []
    for one in found:
        gain = gain_of(one, metric)
        difference = one.difference
        known = difference is not None and math.isfinite(difference.estimate)
        rows.append(
            element(
                "tr",
                element("th", one.name, scope="row"),
                element("td", f"{one.n:,}", element("small", f" {one.share:.0%}"), cls="num"),
                _or_reason(one.value.estimate if one.value else math.nan, one.note),
                element("td", formats.fixed(one.baseline_value), cls="num"),
                element(
                    "td",
                    amount(difference.estimate, metric) if known and difference else formats.DASH,
                    cls="num",
                ),
                element("td", _whisker(gain.low, gain.estimate, gain.high, margin, reach)),
                element(
                    "td",
                    element("span", str(one.state), cls=f"chip {_TONES[one.state]}"),
                    element("small", f" {one.note}" if one.note else ""),
                ),
            )
        )
    return markup.table(heads, rows, label="Slices against the baseline")


def costs(found: Mapping[Entry, Cost], kinds: Sequence[CostKind], baseline: Entry) -> Markup:
    """Return one row a cost, with the ratio to the baseline; less is better."""
    heads = [element("th", "Cost ↓", scope="col")]
    heads += [
        element("th", markup.letter(entry.place), element("span", entry.name, cls="run"),
                scope="col")
        for entry in found
    ]  # fmt: skip
    rows = []
    for kind in kinds:
        base = found[baseline].values.get(kind.key)
        cells = [_cost(one, kind, None if e == baseline else base) for e, one in found.items()]
        rows.append(element("tr", element("th", kind.name, scope="row"), *cells))
    return markup.table(heads, rows, label="Costs side by side")


def _cost(one: Cost, kind: CostKind, base: float | None) -> Markup:
    value = one.values.get(kind.key)
    if value is None:
        return element("td", element("span", "not measured", cls="missing"))
    parts = [element("span", amount_of(value, kind.unit), cls="value")]
    low, high = one.low.get(kind.key, value), one.high.get(kind.key, value)
    if base:
        ratio = value / base
        tone = "neutral" if 0.98 <= ratio <= 1.02 else "better" if ratio < 1 else "worse"
        parts.append(element("span", f"{ratio:.2f}\N{MULTIPLICATION SIGN}", cls=f"delta {tone}"))
    if high > low:
        told = f" {amount_of(low, kind.unit)} to {amount_of(high, kind.unit)} over seeds"
        parts.append(element("small", told))
    return element("td", *parts)


def amount_of(value: float, unit: str) -> str:
    """Return a cost with its unit: ``4.2 ms``, ``1.3 MB``, ``2 min 5 s``."""
    if unit == "bytes":
        for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if value >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.0f} B"
    if unit == "s":
        return formats.duration(value)
    if not unit:
        for size, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
            if value >= size:
                return f"{value / size:.3g}{name}"
        return f"{value:.0f}"
    return f"{formats.number(value, 3)} {unit}"


def changes(found: Changes, before: str, after: str) -> Markup:
    """Return what differs between two runs, by area."""
    heads = [element("th", name, scope="col") for name in ("What", before, after)]
    rows = []
    area = ""
    for change in found.changes:
        if change.area != area:
            area = change.area
            title = element("th", area.capitalize(), colspan="3", scope="rowgroup")
            rows.append(element("tr", title, cls="section"))
        rows.append(
            element(
                "tr",
                element("th", change.what, scope="row"),
                element("td", formats.value(change.before), cls="wrap"),
                element("td", formats.value(change.after), cls="wrap"),
            )
        )
    return markup.table(heads, rows, label="What changed")


def flip_lines(
    row: Mapping[str, Any], entry: Entry, baseline: Entry, *, is_text: bool = False
) -> list[Markup]:
    """Return the lines below an example: the truth and what both say."""

    def says(name: str, said: str, score: float) -> Markup:
        tone = "right" if said == row["label"] else "wrong"
        how = f" {score:.0%} alike" if is_text else f" at {score:.2f}"
        return element("span", f"{name}: ", element("b", said or "nothing", cls=tone), how)

    return [
        element("span", "wanted " if is_text else "true ", element("b", row["label"])),
        says(entry.name, row["candidate"], row["candidate_score"]),
        says(baseline.name, row["baseline"], row["baseline_score"]),
        element("span", row["id"]),
    ]


def _or_reason(value: float, why: str) -> Markup:
    if math.isnan(value):
        return element("td", element("span", "not defined", cls="missing", title=why), cls="num")
    return element("td", formats.fixed(value), cls="num")


def _reach(found: Sequence[SliceResult], metric: str, margin: float) -> float:
    ends = [
        abs(end)
        for one in found
        for end in (gain_of(one, metric).low, gain_of(one, metric).high)
        if math.isfinite(end)
    ]
    floor = 0.01 if metric in POINTS_METRICS else 1e-6
    return 1.05 * max([2 * margin, floor, *sorted(ends)[: max(1, int(0.95 * len(ends)))]])


def _whisker(low: float, middle: float, high: float, margin: float, reach: float) -> Markup:
    """Draw a gain with its interval; the band is the loss and gain that do not matter."""
    width, height = 180, 22
    if not math.isfinite(middle):
        return element("span", "")

    def at(value: float) -> str:
        inside = max(-1.0, min(1.0, value / reach))
        return f"{6 + (inside + 1) / 2 * (width - 12):.1f}"

    band = f"{float(at(margin)) - float(at(-margin)):.1f}"
    parts = [
        element("rect", x=at(-margin), y="2", width=band, height=str(height - 4), cls="band"),
        element("line", x1=at(0), x2=at(0), y1="0", y2=str(height), cls="zero"),
    ]
    if math.isfinite(low) and math.isfinite(high):
        parts.append(element("line", x1=at(low), x2=at(high), y1="11", y2="11", cls="reach"))
    parts.append(element("circle", cx=at(middle), cy="11", r="4"))
    tone = "better" if low > 0 else "worse" if high < -margin else "neutral"
    told = f"gain {middle:+.4f}, {low:+.4f} to {high:+.4f}"
    return element(
        "svg", *parts, viewBox=f"0 0 {width} {height}", width=str(width), height=str(height),
        role="img", cls=f"interval {tone}", aria_label=told,
    )  # fmt: skip
