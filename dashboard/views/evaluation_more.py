"""More of the evaluation: calibration, scores, lift, errors, residuals, and how the fit went."""

import math

import numpy as np
import streamlit as st

from dashboard import (
    components,
    data,
    evaluation_data,
    explorer,
    folding,
    formats,
    markup,
)
from dashboard.evaluation_data import Entry, Scene
from dashboard.markup import element
from dashboard.views import check_panel, example_panel
from dashboard.views.curves import panels_of
from dashboard.views.evaluation_answers import interval_table
from dashboard.views.plots import mode, plot
from experiments.evaluating import calibration as calibrations
from experiments.evaluating import lift as lifts
from experiments.evaluating import mistakes
from experiments.evaluating import regression as regressions
from experiments.evaluating.conditions import ConditionError, select


def calibration(scene: Scene) -> None:
    """Draw reliability diagrams and every calibration figure under its name."""
    from dashboard import evaluation_charts

    found: dict[Entry, calibrations.Calibration] = {}
    for entry in scene.entries:
        told = evaluation_data.calibration_of(
            entry.run_id, scene.split, has_band=len(scene.entries) == 1
        )
        if isinstance(told, str):
            st.info(f"{entry.name}: {told}", icon=":material/info:")
        else:
            found[entry] = told
    if not found:
        return
    figure = evaluation_charts.reliability(found, mode=mode())
    plot(figure, key=f"{scene.key}_reliability", alt="How often what the models say happens")
    for entry, one in found.items():
        lead = f"**{markup.plain(entry.name)}.** " if len(found) > 1 else ""
        st.markdown(lead + markup.plain(one.sentence()))
    components.sheet(_calibration_table(found), key=f"{scene.key}_calibration")


def _calibration_table(found: dict[Entry, calibrations.Calibration]) -> markup.Markup:
    names = list(dict.fromkeys(name for one in found.values() for name in one.errors))
    figures_of = {
        name: [one.errors.get(name, math.nan) for one in found.values()] for name in names
    }
    figures_of["ECE that chance alone gives"] = [one.by_chance for one in found.values()]
    for name, key in (
        ("Brier score", "score"),
        ("  + miscalibration (CORP)", "miscalibration"),
        ("  \N{MINUS SIGN} discrimination (CORP)", "discrimination"),
        ("  + uncertainty of the task", "uncertainty"),
    ):
        figures_of[name] = [getattr(one.curve, key) for one in found.values()]
    heads = [element("th", "Figure", scope="col")]
    heads += [element("th", markup.letter(e.place), e.name, scope="col", cls="num") for e in found]
    rows = [
        element(
            "tr",
            element("th", name, scope="row"),
            *(element("td", formats.fixed(value), cls="num") for value in values),
        )
        for name, values in figures_of.items()
    ]
    return markup.table(heads, rows, label="Calibration figures")


def scores(scene: Scene) -> None:
    """Draw how scores spread, class by class."""
    from dashboard import evaluation_charts

    models = scene.models()
    if len(models) > 1:
        by_name = {entry.name: entry for entry in models}
        chosen = st.selectbox("Model", list(by_name), key=f"{scene.key}_scores_of", width=260)
        models = {by_name[str(chosen)]: models[by_name[str(chosen)]]}
    for entry, one in models.items():
        names = one.class_names
        if one.num_classes == 2:
            score, label, shown = one.output, one.label, names
            event = f"P({names[1]})"
        else:
            score, shown = one.table.max(axis=1), ("wrong", "right")
            label, event = (one.predicted == one.label).astype(int), "Highest score"
        found = lifts.histogram(label.astype(np.int64), score, 2)
        figure = evaluation_charts.histogram(found, shown, event, mode=mode())
        plot(figure, key=f"{scene.key}_scores_{entry.place}", alt=f"Scores of {entry.name}")


def lift(scene: Scene) -> None:
    """Draw cumulative gain or lift of one class."""
    from dashboard import evaluation_charts

    models = scene.models()
    first = next(iter(models.values()))
    names = first.class_names
    with st.container(horizontal=True, vertical_alignment="bottom"):
        place = st.selectbox(
            "Positive class", range(len(names)), index=1 if len(names) == 2 else 0,
            format_func=lambda c: names[c], key=f"{scene.key}_lift_class", width=220,
        )  # fmt: skip
        shown = st.segmented_control(
            "Shown", ["Gain", "Lift"], default="Gain", key=f"{scene.key}_lift", required=True
        )
    found = {}
    for entry in models:
        one = evaluation_data.curves_of(entry.run_id, scene.split, int(place or 0))
        if isinstance(one, str):
            st.info(f"{entry.name}: not defined. {one}", icon=":material/info:")
        else:
            found[entry] = one.gain
    if not found:
        return
    figure = evaluation_charts.gains(found, mode=mode(), as_lift=shown == "Lift")
    plot(figure, key=f"{scene.key}_gain", alt="Positives found, highest scores first")
    told = "; ".join(
        f"{markup.plain(entry.name)} finds {one.at(0.1):.0%} in the first tenth "
        f"(largest separation {one.separation:.3f})"
        for entry, one in found.items()
    )
    st.caption(f"{told}. {next(iter(found.values())).prevalence:.1%} are positive.")


def errors(scene: Scene) -> None:
    """Show the examples that are wrong."""
    models = scene.models()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = {entry.run_id: entry.name for entry in models}
        chosen = next(iter(names))
        if len(names) > 1:
            chosen = st.selectbox(
                "Model", list(names), format_func=lambda i: names[i], key=f"{scene.key}_wrong_run"
            )
        is_classifier = {one.task for one in models.values()} == {"classification"}
        orders = ["surest", "least sure"] if is_classifier else ["worst", "best"]
        order = st.segmented_control(
            "First", orders, default=orders[0], key=f"{scene.key}_wrong_order", required=True
        )
        text = st.text_input(
            "Only where", key=f"{scene.key}_wrong_where", placeholder="region = north and age > 40",
            help="Slice columns, label and id; = != < <= > >= ~ with and, or, not.",
        )  # fmt: skip
    one = evaluation_data.predicted(str(chosen), scene.split)
    within = None
    if text.strip():
        try:
            within = select(one, text)
        except ConditionError as error:
            st.error(str(error), icon=":material/error:")
            return
    rows = mistakes.mistakes(one, order="least sure" if order == orders[1] else "surest",
                             within=within)  # fmt: skip
    of = len(one) if within is None else int(within.sum())
    if one.task == "classification":
        st.caption(f"{len(rows):,} of {of:,} examples are wrong.")
    example_panel.draw(str(chosen), one, rows, key=f"{scene.key}_wrong")


def predicted_true(scene: Scene) -> None:
    """Draw predicted against true values."""
    from dashboard import evaluation_charts

    found = _residuals(scene)
    if found:
        metrics = {entry: one.metrics for entry, one in found.items()}
        table = interval_table(metrics, regressions.METRICS)
        components.sheet(table, key=f"{scene.key}_regression")
        figure = evaluation_charts.predicted_true(found, mode=mode())
        plot(figure, key=f"{scene.key}_true", alt="Predicted against true values")


def residuals(scene: Scene) -> None:
    """Draw how far predictions are off."""
    from dashboard import evaluation_charts

    found = _residuals(scene)
    if found:
        figure = evaluation_charts.residuals(found, mode=mode())
        plot(figure, key=f"{scene.key}_residuals", alt="Predicted minus true values")
        for entry, one in found.items():
            low, middle, high = one.quantiles
            st.caption(
                f"{markup.plain(entry.name)}: {one.bias:+.4g} on average; nine in ten lie between "
                f"{low:+.4g} and {high:+.4g}, half below {middle:+.4g}."
            )


def _residuals(scene: Scene) -> dict[Entry, regressions.Residuals]:
    found = {}
    for entry, one in scene.models().items():
        try:
            found[entry] = regressions.residuals(one.label.astype(np.float64), one.output)
        except ValueError as error:
            st.info(f"{entry.name}: {error}", icon=":material/info:")
    return found


def fit(scene: Scene) -> None:
    """Show how the fit went: training against validation, and what the checks say of it."""
    ids = [entry.run_id for entry in scene.entries]
    found = [one for one in evaluation_data.findings(ids) if one.code[0] in "TN"]
    names = {entry.run_id: entry.name for entry in scene.entries}
    if found:
        check_panel.draw(found, names, key=f"{scene.key}_fit")
    else:
        st.caption("Neither over-fitted nor stopped too early, as far as the curves tell.")
    panels = folding.chosen(panels_of(ids), ())
    runs = explorer.rows(ids)
    if panels and runs and data.series(ids).num_rows:
        explorer.draw(runs, panels, key=f"{scene.key}_fit_curves")
