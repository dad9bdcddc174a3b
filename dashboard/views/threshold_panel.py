"""Where to cut: a threshold that one moves, what mistakes cost, and what follows from both."""

import math
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import components, formats, markup, state
from dashboard.evaluation_data import Entry, Scene
from dashboard.markup import element
from dashboard.views.plots import mode, plot
from experiments.evaluating import thresholds
from experiments.evaluating.predicted import Predicted
from experiments.evaluating.thresholds import Prices

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_SHOWN = ("Expected cost", "Net benefit", "Precision", "Recall", "F1", "Accuracy")


def draw(scene: Scene) -> None:
    """Draw the threshold explorer for the positive class."""
    from dashboard import evaluation_charts

    models = scene.models()
    first = next(iter(models.values()))
    place, prices, threshold, shown = _controls(first)
    found = {}
    for entry, one in models.items():
        try:
            found[entry] = thresholds.sweep(one.label == place, one.table[:, place])
        except ValueError as error:
            st.info(f"{entry.name}: {error}", icon=":material/info:")
    if not found:
        return
    if shown == "Expected cost":
        figure = evaluation_charts.costs(found, prices, threshold, mode=mode())
    elif shown == "Net benefit":
        figure = evaluation_charts.decision(found, threshold, mode=mode())
    else:
        figure = evaluation_charts.rates(found, shown, threshold, mode=mode())
    plot(figure, key=f"{scene.key}_threshold", alt=f"{shown} at every threshold")
    components.sheet(
        _table({e: models[e] for e in found}, place, prices, threshold), key=f"{scene.key}_cuts"
    )
    _advice(found, prices)


def _controls(first: Predicted) -> tuple[int, Prices, float, str]:
    columns = st.columns([1.2, 1, 1, 2, 1.4], vertical_alignment="bottom")
    names = first.class_names
    with columns[0]:
        place = st.selectbox(
            "Positive class", range(len(names)), index=1 if len(names) == 2 else 0,
            format_func=lambda c: names[c], key="threshold_class",
        )  # fmt: skip
    alarm = _price(columns[1], "False alarm costs", "cost_fp")
    miss = _price(columns[2], "A miss costs", "cost_fn")
    prices = Prices(false_positive=alarm, false_negative=miss if alarm or miss else 1.0)
    with columns[3]:
        state.seed("threshold", _share(st.query_params.get("threshold")) or 0.5)
        threshold = st.slider(
            "Threshold", 0.0, 1.0, step=0.005, key="threshold",
            on_change=lambda: state.put("threshold", f"{st.session_state['threshold']:g}"),
        )  # fmt: skip
    with columns[4]:
        shown = st.selectbox("Shown", _SHOWN, key="threshold_shown", bind="query-params")
    return int(place or 0), prices, float(threshold), str(shown)


def _price(column: "DeltaGenerator", label: str, key: str) -> float:
    state.seed(key, _amount(st.query_params.get(key)))
    with column:
        return float(
            st.number_input(
                label, min_value=0.0, max_value=1e9, step=None, format="%.4g", key=key,
                help="In any unit: euros, minutes. Right answers cost nothing.",
                on_change=lambda: state.put(key, f"{st.session_state[key]:g}"),
            )
        )  # fmt: skip


def _table(
    models: dict[Entry, Predicted], place: int, prices: Prices, threshold: float
) -> markup.Markup:
    heads = ("Model", "Cost an example", "Recall", "Precision", "Hits", "Misses", "False alarms")
    rows = []
    for entry, one in models.items():
        at = thresholds.cut(one.label == place, one.table[:, place], threshold, prices)
        rows.append(
            element(
                "tr",
                element("th", markup.letter(entry.place), entry.name, scope="row"),
                _cell(at.cost, at.cost_low, at.cost_high),
                _cell(at.recall, at.recall_low, at.recall_high),
                _cell(at.precision, at.precision_low, at.precision_high),
                *(
                    element("td", f"{count:,}", cls="num")
                    for count in (at.true_positive, at.false_negative, at.false_positive)
                ),
            )
        )
    return markup.table(
        [element("th", head, scope="col", cls="num" if head != "Model" else "") for head in heads],
        rows,
        label=f"At threshold {threshold:g}",
    )


def _cell(value: float, low: float, high: float) -> markup.Markup:
    if math.isnan(value):
        return element("td", element("span", "not defined", cls="missing"), cls="num")
    limits = element("small", f" {formats.number(low, 3)} to {formats.number(high, 3)}")
    return element("td", formats.number(value, 4), limits, cls="num")


def _advice(found: dict[Entry, thresholds.Sweep], prices: Prices) -> None:
    parts = []
    for entry, one in found.items():
        best, low, high = thresholds.cheapest(one, prices)
        span = f"{best:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
        parts.append(f"{markup.plain(entry.name)} {span}")
    st.caption(
        f"Least expected cost: {'; '.join(parts)}. For calibrated probabilities it is "
        f"{prices.threshold:.3g}. What is chosen on these examples looks a little better on them "
        "than it will be."
    )


def _share(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def _amount(text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        return 1.0
    return value if 0 <= value <= 1e9 else 1.0
