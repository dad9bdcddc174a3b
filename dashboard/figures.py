"""Tables of evaluation results as markup: confusion, classes, slices, flips, examples. Pure."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard import formats, markup
from dashboard.example_data import Example
from dashboard.markup import Markup, element
from experiments.evaluating.class_table import ClassTable
from experiments.evaluating.findings import Finding, Level

NOT_DEFINED = "not defined"


def confusion(
    counts: NDArray[np.int64],
    shares: NDArray[np.float64],
    classes: Sequence[str],
    *,
    as_shares: bool,
    chosen: tuple[int, int] | None,
) -> Markup:
    """Return a confusion matrix whose cells lead to their examples; rows are the true classes.

    Colour by share, also when counts are written: a rare class must not look fine because it is
    pale.
    """
    heads = [element("th", "true ↓ said →", scope="col")]
    heads += [element("th", name, scope="col") for name in classes]
    rows = []
    for true, name in enumerate(classes):
        cells = [
            _cell(
                int(counts[true, said]),
                float(shares[true, said]),
                f"cell:{true}:{said}",
                f"true {name}, said {classes[said]}: {counts[true, said]:,} examples",
                as_shares=as_shares,
                is_chosen=chosen == (true, said),
            )
            for said in range(len(classes))
        ]
        rows.append(element("tr", element("th", name, scope="row"), *cells))
    body = element("tbody", *rows)
    head = element("thead", element("tr", *heads))
    table = element("table", head, body, cls="heat", aria_label="Confusion matrix")
    return element("div", table, cls="table", tabindex="0")


def _cell(
    count: int, share: float, key: str, told: str, *, as_shares: bool, is_chosen: bool
) -> Markup:
    style = f"--share:{share:.3f}"
    current = {"aria_current": "true"} if is_chosen else {}
    if not count:
        return element("td", element("span", ""), style=style)
    written = f"{share:.2f}" if as_shares else f"{count:,}"
    link = element("a", written, href="#", data_run=key, title=told, aria_label=told)
    return element("td", link, style=style, cls="deep" if share > 0.72 else "", **current)


def confusions(counts: NDArray[np.int64], classes: Sequence[str], most: int = 25) -> Markup:
    """Return the most frequent mistakes as a list: a matrix of many classes cannot be read.

    What was mistaken once only is listed where nothing was mistaken more often.
    """
    wrong = counts - np.diag(np.diagonal(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    fewest = 2 if wrong.max(initial=0) > 1 else 1
    heads = [
        element("th", name, scope="col", cls=cls)
        for name, cls in (("True", ""), ("Said", ""), ("Examples", "num"), ("Of class", "num"))
    ]
    rows = []
    for place in order.tolist():
        true, said = divmod(place, len(classes))
        count = int(wrong[true, said])
        if count < fewest:
            break
        link = element("a", f"{count:,}", href="#", data_run=f"cell:{true}:{said}")
        share = count / max(1, int(counts[true].sum()))
        rows.append(
            element(
                "tr",
                element("th", classes[true], scope="row"),
                element("td", classes[said]),
                element("td", link, cls="num"),
                element("td", f"{share:.1%}", cls="num"),
            )
        )
    return markup.table(heads, rows, label="Most frequent mistakes")


def class_rows(found: ClassTable) -> Markup:
    """Return precision, recall and F1 of each class with limits, and the means by name."""
    heads = [element("th", "Class", scope="col")]
    heads += [
        element("th", name, scope="col", cls="num")
        for name in ("Precision", "95 %", "Recall", "95 %", "F1", "Examples", "Said")
    ]
    rows = [
        element(
            "tr",
            element("th", row.name, scope="row", title=row.note),
            _figure(row.precision, row.note),
            _limits(row.precision_low, row.precision_high),
            _figure(row.recall, row.note),
            _limits(row.recall_low, row.recall_high),
            _figure(row.f1, row.note),
            element("td", f"{row.support:,}", cls="num"),
            element("td", f"{row.called:,}", cls="num"),
        )
        for row in found.rows
    ]
    rows += [
        element(
            "tr",
            element("th", f"{mean.average} mean", scope="row", title=mean.note),
            _figure(mean.precision, mean.note),
            element("td", ""),
            _figure(mean.recall, mean.note),
            element("td", ""),
            _figure(mean.f1, mean.note),
            element("td", element("small", mean.note), colspan="2"),
        )
        for mean in found.means
    ]
    return markup.table(heads, rows, label="Precision, recall and F1 of each class")


def _figure(value: float, why: str) -> Markup:
    if math.isnan(value):
        return element("td", element("span", NOT_DEFINED, cls="missing", title=why), cls="num")
    return element("td", f"{value:.4f}", cls="num")


def _limits(low: float, high: float) -> Markup:
    if math.isnan(low):
        return element("td", "")
    return element("td", element("small", f"{low:.3f} to {high:.3f}"), cls="num")


def findings(found: Sequence[Finding], names: Mapping[str, str]) -> Markup:
    """Return what the checks found, failures first."""
    order = sorted(found, key=lambda one: (one.muted, one.severity is not Level.FAIL, one.code))
    rows = []
    for one in order:
        tone = "neutral" if one.muted else "bad" if one.severity is Level.FAIL else "worse"
        word = "muted" if one.muted else str(one.severity)
        who = names.get(one.run_id, one.run_id) if one.run_id else "all of them"
        why = f"Muted: {one.muted_reason}" if one.muted else one.fix
        rows.append(
            element(
                "div",
                element("span", f"{one.code} {word}", cls=f"chip {tone}"),
                element(
                    "div",
                    element("b", f"{one.title.capitalize()}: {who}"),
                    element("div", one.why),
                    element("small", why),
                ),
                cls="gate",
            )
        )
    return element("div", *rows, cls="box")


_LONG = 20  # characters of a label that needs a wider card


def examples(
    rows: Sequence[Mapping[str, Any]], contents: Mapping[str, Example], lines: Sequence[Any]
) -> Markup:
    """Return examples as cards: what the model saw, and below it some lines of text.

    Parameters
    ----------
    rows
        With ``id``.
    contents
        What the model saw, by id; may lack any.
    lines
        For each row the lines (markup or text) below the picture.
    """
    kinds = {example.kind for example in contents.values()}
    cards = [
        element(
            "div",
            _content(contents.get(row["id"]), str(row["id"])),
            *(element("small", line) for line in told),
            cls="example",
        )
        for row, told in zip(rows, lines, strict=True)
    ]
    is_wide = "text" in kinds or any(len(str(row.get("label", ""))) > _LONG for row in rows)
    cls = "examples texts" if is_wide else "examples"
    return element("div", *cards, cls=cls)


def _content(example: Example | None, name: str) -> Markup:
    if example is None:
        return element("p", element("code", name))
    if example.kind == "image":
        source = f"data:image/png;base64,{example.content}"
        return Markup(f'<img src="{html.escape(source)}" alt="example {html.escape(name)}">')
    if example.kind == "text":
        return element("p", str(example.content))
    if example.kind == "table":
        parts = []
        for key, value in list(dict(example.content).items())[:12]:
            parts += [element("dt", key), element("dd", formats.value(value))]
        return element("dl", *parts)
    return _series(example.content, name)


def _series(channels: Sequence[Sequence[float | None]], name: str) -> Markup:
    values = [v for channel in channels for v in channel if v is not None]
    if not values:
        return element("p", "no value")
    low, high = min(values), max(values)
    size = (high - low) or 1.0
    lines = []
    for channel in channels:
        last = max(1, len(channel) - 1)
        points = " ".join(
            f"{100 * i / last:.1f},{38 - 36 * (v - low) / size:.1f}"
            for i, v in enumerate(channel)
            if v is not None
        )
        lines.append(element("polyline", points=points))
    return element(
        "svg", *lines, viewBox="0 0 100 40", preserveAspectRatio="none", role="img",
        aria_label=f"series {name}, {low:.4g} to {high:.4g}",
    )  # fmt: skip
