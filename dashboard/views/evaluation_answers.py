"""Evaluation of recommenders, language models and writers of texts."""

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import components, formats, markup
from dashboard.evaluation_data import Entry, Scene
from dashboard.markup import element
from dashboard.views.plots import mode, plot
from experiments.evaluating import answers
from experiments.evaluating.overview import metrics_for
from experiments.evaluating.verdict import title_of
from experiments.statistics import MetricInterval

_KINDS = {"NDCG": "ndcg", "Recall": "recall", "Hit rate": "hit_rate", "MRR": "mrr"}


def lists(scene: Scene) -> None:
    """Draw how good lists of recommendations are, cut after each place."""
    from dashboard import evaluation_charts

    models = scene.models()
    chosen = st.segmented_control(
        "Metric of lists", list(_KINDS), default="NDCG", key=f"{scene.key}_lists",
        label_visibility="collapsed", required=True,
    )  # fmt: skip
    kind = _KINDS.get(str(chosen), "ndcg")
    found = {entry: answers.at_each_place(one, kind) for entry, one in models.items()}
    figure = evaluation_charts.places(found, f"{chosen}@k", mode=mode())
    plot(figure, key=f"{scene.key}_places", alt=f"{chosen} of lists of 1 to 20 items")
    _table(scene)
    users = {len(one) for one in models.values()}
    counted = " or ".join(f"{count:,}" for count in sorted(users))
    st.caption(
        f"{counted} users with something they liked in this split; each counts once, so intervals "
        "are over users. Items that a user had rated before are left out of the list. "
        + _EXPLAINED[kind]
    )


def tokens(scene: Scene) -> None:
    """Draw how the loss per token spreads over texts, and perplexity with its interval."""
    from dashboard import evaluation_charts

    _table(scene)
    found = {entry: answers.cumulative(-one.quality) for entry, one in scene.models().items()}
    figure = evaluation_charts.spread(
        found, "Loss per token of a text, nats", "Share of texts with at most this loss",
        mode=mode(),
    )  # fmt: skip
    plot(figure, key=f"{scene.key}_losses", alt="How the loss per token spreads over texts")
    told = "; ".join(
        f"{markup.plain(entry.name)}: half of the texts lose at most {_quantile(found, entry, 0.5)}"
        f" nats a token, the worst tenth more than {_quantile(found, entry, 0.9)}"
        for entry in found
    )
    st.caption(
        f"{told}. Perplexity is e to the mean loss of all tokens: long texts weigh more; its "
        "interval is over texts."
    )


def texts(scene: Scene) -> None:
    """Show how near written texts are to the wanted ones."""
    from dashboard import evaluation_charts

    _table(scene)
    found = {entry: answers.cumulative(one.quality) for entry, one in scene.models().items()}
    figure = evaluation_charts.spread(
        found, "Edit similarity", "Share of texts at most this alike", mode=mode()
    )
    plot(figure, key=f"{scene.key}_similar", alt="How alike written and wanted texts are")
    st.caption(
        "Exact match: every character is the same. Edit similarity: 1 minus the edit distance over "
        "the longer text. Word F1: words that both have (as SQuAD's, nothing normalised). chrF: F2 "
        "of character n-grams up to 6 (as sacrebleu's sentence score). All are means over texts."
    )


def _quantile(
    found: Mapping[Entry, tuple[NDArray[np.float64], NDArray[np.float64]]],
    entry: Entry,
    share: float,
) -> str:
    values, shares = found[entry]
    return formats.number(float(values[np.searchsorted(shares, share)]), 3)


def _table(scene: Scene) -> None:
    models = scene.models()
    names = [name for name in metrics_for(next(iter(models.values()))) if _is_shown(name)]
    found = {entry: answers.intervals(one, names) for entry, one in models.items()}
    components.sheet(interval_table(found, names), key=f"{scene.key}_answers")


def _is_shown(metric: str) -> bool:
    """Whether a metric stands in the table: of lists one length, the chart has the others."""
    kind, _, places = metric.partition("@")
    return places in {"", "10"} or kind == "mrr"


def interval_table(
    found: Mapping[Entry, Mapping[str, MetricInterval | str]], names: Sequence[str]
) -> markup.Markup:
    """Return one row a model, one column a metric, each with its 95 % interval."""
    heads = [element("th", "Model", scope="col")]
    heads += [element("th", title_of(name), scope="col", cls="num") for name in names]
    rows = [
        element(
            "tr",
            element("th", markup.letter(entry.place), entry.name, scope="row"),
            *(_cell(metrics[name]) for name in names),
        )
        for entry, metrics in found.items()
    ]
    return markup.table(heads, rows, label="Metrics with 95 % intervals")


def _cell(found: MetricInterval | str) -> markup.Markup:
    if isinstance(found, str):
        return element("td", element("span", "not defined", cls="missing", title=found), cls="num")
    told = [formats.number(value, 4) for value in (found.estimate, found.low, found.high)]
    limits = f" {told[1]} to {told[2]}" if np.isfinite(found.low) else f" {found.note}"
    return element("td", told[0], element("small", limits), cls="num")


_EXPLAINED = {
    "ndcg": "NDCG: liked items count less the later they come; 1 is the best possible list.",
    "recall": "Recall: which share of what a user likes is on the list.",
    "hit_rate": "Hit rate: how many users find at least one liked item on the list.",
    "mrr": "MRR: one over the place of the first liked item, 0 where none is on the list.",
}
