"""Evaluation of one to ten models on one split: a chart at a time, drawn when it is asked for."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from dashboard import cards, components, data, evaluation_data, figures, markup, state
from dashboard.evaluation_data import Entry, Scene
from dashboard.markup import Markup, element
from dashboard.views import evaluation_answers, evaluation_more, example_panel, threshold_panel
from dashboard.views.plots import mode, plot
from experiments.evaluating import answers, bands, evaluation, looks, mistakes
from experiments.evaluating.class_table import ClassTable, class_table
from experiments.evaluating.curves import Curves
from experiments.evaluating.predicted import Predicted
from experiments.statistics import MetricInterval

if TYPE_CHECKING:
    from dashboard.charts import Line

_MOST_LINES = 6
_MOST_CELLS = 25
_MOST_BANDS = 10


def choose_split(entries: Sequence[Entry], *, key: str) -> str | None:
    """Ask for the split; validation first, since looks at the test split are counted."""
    shared = [set(data.splits(entry.run_id)) for entry in entries]
    splits = sorted(set.intersection(*shared)) if shared else []
    if not splits:
        return None
    known = [name for name in ("val", "valid", "validation") if name in splits]
    state.seed(
        key, asked if (asked := st.query_params.get("split")) in splits else (known or splits)[0]
    )
    chosen = st.segmented_control(
        "Split",
        splits,
        key=key,
        required=True,
        on_change=lambda: state.put("split", str(st.session_state[key] or "")),
    )
    return chosen or splits[0]


def count_look(run_ids: Sequence[str], split: str, what: str, where: str) -> int:
    """Count a look at a split that is kept for the decision, say so, return other models seen."""
    if not looks.is_sealed(split):
        return 0
    worn = evaluation_data.look(run_ids, split, what=what, where=where)
    if worn.count:
        st.caption(f":material/visibility: {markup.plain(worn.sentence(split))}")
    return worn.unseen(run_ids)


def draw(entries: tuple[Entry, ...], *, key: str, where: str, split: str = "") -> None:
    """Draw the evaluation of some models, on a split that is asked for unless it is given."""
    is_given = bool(split)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = split or choose_split(entries, key=f"{key}_split")
        if asked is None or any(asked not in data.splits(entry.run_id) for entry in entries):
            _nothing(entries)
            return
        scene = Scene(entries=entries, split=asked, key=key)
        tasks = {one.task for one in scene.models().values()}
        if len(tasks) > 1:
            st.info("These models do different tasks; look at one of them alone.")
            return
        sections = _SECTIONS.get(next(iter(tasks)), _REGRESSION)
        chosen = st.segmented_control(
            "Chart", list(sections), default=next(iter(sections)), key=f"{key}_chart",
            bind="query-params", required=True,
        )  # fmt: skip
    if not is_given:  # else whoever gave it has counted the look
        count_look([e.run_id for e in entries], asked, "evaluation", where)
    broken = {e.name: (n, one) for e, one in scene.models().items() if (n := one.num_not_finite)}
    if broken:
        told = "; ".join(
            f"{markup.plain(name)}: {count:,} of {len(one):,} examples"
            for name, (count, one) in broken.items()
        )
        st.warning(
            f"Some scores are NaN or infinite, so nothing is drawn ({told}). Find out why the model "
            "gives them, often a learning rate that is too high, and evaluate it again.",
            icon=":material/warning:",
        )
        return
    sections[chosen if chosen in sections else next(iter(sections))](scene)


def _nothing(entries: Sequence[Entry]) -> None:
    if len(entries) > 1:
        cards.card(
            "No split in common",
            "These runs stored no predictions of the same split. Evaluate them on the same one.",
            icon="grid_off",
        )
        return
    cards.card(
        "No predictions were stored",
        "Confusion, ROC and precision need the predictions on each example. Trainers store "
        "them when a run ends; your own loop does with "
        "`run.log_predictions(split, example_id, label, scores)`.",
        icon="grid_off",
    )


def _confusion(scene: Scene) -> None:
    size = max(one.num_classes for one in scene.models().values())
    shown = None
    if size <= _MOST_CELLS:
        shown = st.segmented_control(
            "Confusion shows", ["Counts", "Shares"], default="Counts", key="confusion",
            bind="query-params", label_visibility="collapsed", required=True,
        )  # fmt: skip
    else:
        st.caption(
            f"{size:,} classes are too many for a matrix; these are the most frequent mistakes."
        )
    columns = st.columns(min(len(scene.entries), 2), gap="medium")
    for place, (entry, one) in enumerate(scene.models().items()):
        with columns[place % len(columns)]:
            _matrix(scene, entry, one, as_shares=shown == "Shares")
    _cell_examples(scene)


def _matrix(scene: Scene, entry: Entry, one: Predicted, *, as_shares: bool) -> None:
    counts = evaluation.confusion(one.label.astype(np.int64), one.predicted, one.num_classes)
    if len(scene.entries) > 1:
        st.markdown(f"**{markup.plain(entry.name)}**")
    else:
        table = class_table(counts, one.class_names)
        components.sheet(_tiles(table, one), key=f"{scene.key}_tiles")
    chosen = _chosen_cell(one)
    is_here = chosen is not None and chosen[0] == entry.run_id
    if one.num_classes <= _MOST_CELLS:
        content = figures.confusion(
            counts,
            evaluation.normalised(counts),
            one.class_names,
            as_shares=as_shares,
            chosen=chosen[1:] if chosen and is_here else None,
        )
    else:
        content = figures.confusions(counts, one.class_names)
    components.sheet(
        content,
        key=f"{scene.key}_confusion_{entry.place}",
        on_open=lambda cell: state.put("cell", f"{entry.run_id}:{cell.removeprefix('cell:')}"),
    )
    st.caption(
        markup.plain(f"{_worst(counts, one.class_names)} Choose a cell to see its examples.")
    )


def _chosen_cell(one: Predicted) -> tuple[str, int, int] | None:
    parts = st.query_params.get("cell", "").rsplit(":", 2)
    if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None
    true, said = int(parts[1]), int(parts[2])
    return (parts[0], true, said) if max(true, said) < one.num_classes else None


def _cell_examples(scene: Scene) -> None:
    for entry, one in scene.models().items():
        cell = _chosen_cell(one)
        if cell is None or cell[0] != entry.run_id:
            continue
        names = one.class_names
        rows = mistakes.in_cell(one, cell[1], cell[2])
        st.subheader(
            f"{markup.plain(entry.name)}: true {markup.plain(names[cell[1]])}, "
            f"said {markup.plain(names[cell[2]])}",
            anchor=False,
        )
        example_panel.draw(entry.run_id, one, rows, key=f"{scene.key}_cell")
        return
    st.caption("Choose a count to see its examples.")


def _threshold_curves(scene: Scene, *, is_roc: bool) -> None:
    from dashboard import charts  # Plotly: half a second that other tabs do not need

    models = scene.models()
    first = next(iter(models.values()))
    chosen = _drawn_classes(scene, first)
    lines, missing = [], []
    prevalence = 0.0
    has_band = len(models) * len(chosen) <= _MOST_BANDS
    make = _roc_line if is_roc else _pr_line
    for entry, one in models.items():
        for place in chosen:
            found = evaluation_data.curves_of(entry.run_id, scene.split, place)
            if isinstance(found, str):
                missing.append(one.class_names[place])
                continue
            name = entry.name if len(chosen) == 1 else one.class_names[place]
            mark = entry.place if len(chosen) == 1 else place
            lines.append(make(name, mark, found, has_band=has_band))
            prevalence = found.precision_recall.prevalence
    if missing:
        told = ", ".join(sorted(set(missing)))
        st.caption(f"Not defined for {markup.plain(told)}: only one kind of example occurs.")
    if not lines:
        return
    if is_roc:
        figure = charts.roc(lines, mode=mode())
    else:
        level = prevalence if len(chosen) == 1 else None
        figure = charts.precision_recall(lines, level, mode=mode())
    plot(figure, key=f"{scene.key}_curve", alt="; ".join(line.name for line in lines))
    notes = ["Dots: where a model stands at threshold 0.5."] if first.num_classes == 2 else []
    notes += ["Each class against all others."] if first.num_classes > 2 else []
    if has_band:
        notes.append("Bands: 95 %, for each threshold alone.")
    st.caption(" ".join(notes))


def _roc(scene: Scene) -> None:
    _threshold_curves(scene, is_roc=True)


def _precision_recall(scene: Scene) -> None:
    _threshold_curves(scene, is_roc=False)


def _roc_line(name: str, place: int, found: Curves, *, has_band: bool) -> "Line":
    from dashboard import charts

    roc = found.roc
    keep = evaluation.thinned(roc.false_positive_rate, roc.true_positive_rate, 500)
    return charts.Line(
        name=f"{name} · AUC {roc.area:.4f}",
        x=roc.false_positive_rate[keep],
        y=roc.true_positive_rate[keep],
        threshold=roc.threshold[keep],
        place=place,
        band=bands.roc_band(roc, found.num_positive, found.num_negative) if has_band else None,
        point=found.roc_point,
    )


def _pr_line(name: str, place: int, found: Curves, *, has_band: bool) -> "Line":
    from dashboard import charts

    curve = found.precision_recall
    keep = evaluation.thinned(curve.recall, curve.precision, 500)
    return charts.Line(
        name=f"{name} · AP {curve.average_precision:.4f}",
        x=curve.recall[keep],
        y=curve.precision[keep],
        threshold=curve.threshold[keep],
        place=place,
        band=bands.precision_band(curve, found.num_positive) if has_band else None,
        point=found.precision_recall_point,
    )


def _drawn_classes(scene: Scene, first: Predicted) -> list[int]:
    """Return the classes to draw: the positive one of two; one for many models, else several."""
    if first.num_classes == 2:
        return [1]
    classes = list(range(first.num_classes))
    if len(scene.entries) > 1:
        chosen = st.selectbox(
            "Class", classes, format_func=lambda c: first.class_names[c],
            key=f"{scene.key}_class", width=220,
        )  # fmt: skip
        return [int(chosen or 0)]
    present = [c for c in classes if 0 < (first.label == c).sum() < len(first)]
    picked = st.multiselect(
        "Classes", present, default=present[:_MOST_LINES],
        format_func=lambda c: first.class_names[c], max_selections=_MOST_LINES,
        key=f"{scene.key}_classes", label_visibility="collapsed",
    )  # fmt: skip
    return picked or present[:1]


def _classes(scene: Scene) -> None:
    for entry, one in scene.models().items():
        counts = evaluation.confusion(one.label.astype(np.int64), one.predicted, one.num_classes)
        table = class_table(counts, one.class_names)
        if len(scene.entries) > 1:
            st.markdown(f"**{markup.plain(entry.name)}**")
        components.sheet(figures.class_rows(table), key=f"{scene.key}_classes_{entry.place}")


def _tiles(table: ClassTable, one: Predicted) -> Markup:
    """Return the key figures, each with its 95 % interval or why it has none."""
    titles = {
        "accuracy": ("Accuracy", table.accuracy, f"{len(one):,} examples"),
        "macro_f1": ("Macro F1", table.macro_f1, "plain mean of the classes"),
        "balanced_accuracy": ("Balanced accuracy", table.balanced_accuracy, "mean recall"),
    }
    limits = answers.intervals(one, list(titles))
    tiles = [
        markup.tile(title, f"{value:.4f}", f"{_limits(limits[name])}; {note}")
        for name, (title, value, note) in titles.items()
    ]
    worst = table.worst_recall
    if worst is not None:
        told = f"{worst.recall_low:.3f} to {worst.recall_high:.3f}; class {worst.name}, "
        told += f"{worst.support:,} examples"
        tiles.append(markup.tile("Worst class recall", f"{worst.recall:.4f}", told))
    return element("div", *tiles, cls="tiles")


def _limits(found: MetricInterval | str) -> str:
    if isinstance(found, str) or math.isnan(found.low):
        return "no interval"
    return f"{found.low:.3f} to {found.high:.3f}"


def _worst(counts: Any, classes: Sequence[str]) -> str:
    wrong = counts - np.diag(np.diagonal(counts))
    if not wrong.any():
        return "Every example is right."
    row, column = divmod(int(wrong.argmax()), len(classes))
    count = int(wrong[row, column])
    often = "once" if count == 1 else f"{count:,} times"
    return f"The most common mistake is {classes[row]} taken for {classes[column]}, {often}."


_CLASSIFIER: dict[str, Callable[[Scene], None]] = {
    "Confusion": _confusion,
    "ROC": _roc,
    "Precision and recall": _precision_recall,
    "Threshold": threshold_panel.draw,
    "Calibration": evaluation_more.calibration,
    "Classes": _classes,
    "Scores": evaluation_more.scores,
    "Lift": evaluation_more.lift,
    "Errors": evaluation_more.errors,
    "Fit": evaluation_more.fit,
}
_REGRESSION: dict[str, Callable[[Scene], None]] = {
    "Predicted and true": evaluation_more.predicted_true,
    "Residuals": evaluation_more.residuals,
    "Errors": evaluation_more.errors,
    "Fit": evaluation_more.fit,
}
_SECTIONS: dict[str, dict[str, Callable[[Scene], None]]] = {
    "classification": _CLASSIFIER,
    "ranking": {
        "Lists": evaluation_answers.lists,
        "Users": evaluation_more.errors,
        "Fit": evaluation_more.fit,
    },
    "tokens": {
        "Loss": evaluation_answers.tokens,
        "Texts": evaluation_more.errors,
        "Fit": evaluation_more.fit,
    },
    "texts": {
        "Likeness": evaluation_answers.texts,
        "Texts": evaluation_more.errors,
        "Fit": evaluation_more.fit,
    },
}
