"""What a run predicted: confusion, ROC, precision and recall, one row per class."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import cards, components, data, markup
from dashboard.markup import Markup, element
from experiments import evaluation

_MOST_LINES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Predictions of a classifier as arrays."""

    label: NDArray[np.int64]
    score: NDArray[np.float64]
    """shape (n, num_classes)"""
    classes: tuple[str, ...]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Class with the highest score."""
        return self.score.argmax(axis=1)


def draw(run: Mapping[str, Any]) -> None:
    """Draw the tab."""
    splits = data.splits(run["run_id"])
    if not splits:
        cards.card(
            "No predictions were stored",
            "Confusion, ROC and precision need the predictions on each example. Trainers store "
            "them when a run ends; your own loop does with "
            "`run.log_predictions(split, example_id, label, scores)`.",
            icon="grid_off",
        )
        return
    split = st.segmented_control(
        "Split", splits, default=_default(splits), key="split", bind="query-params", required=True
    )
    table = data.predictions(run["run_id"], split or splits[0])
    facts = json.loads((table.schema.metadata or {}).get(b"bakeoff", b"{}"))
    if facts.get("task", "classification") != "classification":
        cards.card(
            "Nothing to draw for this task yet",
            f"These are {facts['task']} predictions: {table.num_rows:,} examples. Figures exist "
            "for classification so far; `store.open().predictions(...)` gives the table.",
            icon="query_stats",
        )
        return
    scored = as_arrays(table, facts.get("classes"))
    _figures(scored)


def as_arrays(table: Any, classes: Sequence[Any] | None) -> Scored:
    """Return a prediction table as arrays; classes without a name get their number."""
    label = table.column("label").to_numpy().astype(np.int64)
    scores = table.column("scores").combine_chunks()
    score = scores.flatten().to_numpy(zero_copy_only=False).reshape(len(label), -1)
    if score.shape[1] == 1:
        score = np.concatenate([1 - score, score], axis=1)
    names = [str(name) for name in classes or []]
    names += [str(place) for place in range(len(names), score.shape[1])]
    return Scored(label=label, score=score.astype(np.float64), classes=tuple(names))


def _default(splits: Sequence[str]) -> str:
    return next((name for name in ("test", "val") if name in splits), splits[0])


def _figures(scored: Scored) -> None:
    from dashboard import charts  # Plotly: half a second that the other tabs do not need

    mode = "dark" if st.context.theme.type == "dark" else "light"
    counts = evaluation.confusion(scored.label, scored.predicted, len(scored.classes))
    report = evaluation.per_class(counts)
    components.sheet(_tiles(report, len(scored.label)), key="prediction_tiles")
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Confusion", anchor=False)
        shown = st.segmented_control(
            "Confusion shows",
            ["Counts", "Shares"],
            default="Counts",
            key="confusion",
            bind="query-params",
            label_visibility="collapsed",
            required=True,
        )
        figure = charts.confusion(
            counts,
            evaluation.normalised(counts),
            scored.classes,
            mode=mode,
            as_shares=shown == "Shares",
        )
        _plot(figure, key="confusion_chart", alt=_confusion_text(counts, scored.classes))
    with right:
        st.subheader("Threshold curves", anchor=False)
        _threshold_curves(scored, mode)
    st.subheader("Per class", anchor=False)
    components.sheet(_class_table(report, scored), key="class_table")


def _threshold_curves(scored: Scored, mode: str) -> None:
    from dashboard import charts

    shown = st.segmented_control(
        "Curve",
        ["ROC", "Precision and recall"],
        default="ROC",
        key="curve",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    chosen = _drawn_classes(scored)
    if not chosen:
        st.caption("These curves need examples of at least two classes.")
        return
    lines, prevalence = [], None
    for place in chosen:
        is_class, score = scored.label == place, scored.score[:, place]
        if shown == "ROC":
            roc = evaluation.roc_curve(is_class, score)
            keep = evaluation.thinned(roc.false_positive_rate, roc.true_positive_rate)
            x, y, threshold = roc.false_positive_rate, roc.true_positive_rate, roc.threshold
            note = f"AUC {roc.area:.4f}"
        else:
            curve = evaluation.precision_recall_curve(is_class, score)
            keep = evaluation.thinned(curve.recall, curve.precision)
            x, y, threshold = curve.recall, curve.precision, curve.threshold
            note, prevalence = f"AP {curve.average_precision:.4f}", curve.prevalence
        name = f"{scored.classes[place]} · {note}"
        lines.append(charts.Line(name=name, x=x[keep], y=y[keep], threshold=threshold[keep]))
    if shown == "ROC":
        figure = charts.roc(lines, mode=mode)
    else:
        figure = charts.precision_recall(lines, prevalence if len(lines) == 1 else None, mode=mode)
    _plot(figure, key="threshold_chart", alt="; ".join(line.name for line in lines))
    if len(scored.classes) > 2:
        st.caption("Each class against all others.")


def _drawn_classes(scored: Scored) -> list[int]:
    """Return the classes to draw: the positive one of two, else those that can be drawn."""
    present = [c for c in range(len(scored.classes)) if 0 < (scored.label == c).mean() < 1]
    if len(scored.classes) == 2:
        return [1] if 1 in present else []
    if len(present) <= _MOST_LINES:
        return present
    chosen = st.multiselect(
        "Classes",
        present,
        default=present[:_MOST_LINES],
        format_func=lambda c: scored.classes[c],
        max_selections=_MOST_LINES,
        key="roc_classes",
        label_visibility="collapsed",
    )
    return chosen or present[:1]


def _plot(figure: Any, *, key: str, alt: str) -> None:
    st.plotly_chart(
        figure, key=key, theme=None, config={"displayModeBar": False}, alt=alt, width="stretch"
    )


def _confusion_text(counts: NDArray[np.int64], classes: Sequence[str]) -> str:
    wrong = counts - np.diag(np.diagonal(counts))
    if not wrong.any():
        return "Confusion matrix: every example is right."
    row, column = divmod(int(wrong.argmax()), len(classes))
    return (
        f"Confusion matrix: the most common mistake is {classes[row]} taken for "
        f"{classes[column]}, {wrong[row, column]} times."
    )


def _tiles(report: evaluation.ClassReport, count: int) -> Markup:
    note = f"{count:,} examples"
    return element(
        "div",
        markup.tile("Accuracy", f"{report.accuracy:.4f}", note),
        markup.tile("Macro F1", f"{report.f1.mean():.4f}", "mean of the classes"),
        markup.tile(
            "Worst class recall",
            f"{report.recall.min():.4f}",
            "of its examples found",
        ),
        cls="tiles",
    )


def _class_table(report: evaluation.ClassReport, scored: Scored) -> Markup:
    heads = [element("th", "Class", scope="col")]
    heads += [
        element("th", name, scope="col", cls="num")
        for name in ("Precision", "Recall", "F1", "Examples")
    ]
    rows = [
        element(
            "tr",
            element("th", scored.classes[place], scope="row"),
            *(
                element("td", f"{values[place]:.4f}", cls="num")
                for values in (report.precision, report.recall, report.f1)
            ),
            element("td", f"{report.support[place]:,}", cls="num"),
        )
        for place in range(len(scored.classes))
    ]
    return markup.table(heads, rows, label="Precision, recall and F1 of each class")
