"""Examples with what the model saw, said, and should have said."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import components, data, example_data, figures
from dashboard.markup import Markup, element
from experiments.evaluating import mistakes
from experiments.evaluating.predicted import Predicted


def draw(run_id: str, one: Predicted, rows: NDArray[np.int64], *, key: str) -> None:
    """Show the first of some examples, and how many there are."""
    shown = rows[: example_data.MOST]
    if not len(shown):
        st.caption("There is no such example.")
        return
    described = mistakes.described(one, shown)
    lines = [_LINES[one.task](row) for row in described]
    if one.task == "ranking":  # a user is no example that could be read again
        components.sheet(figures.examples(described, {}, lines), key=key)
    else:
        gallery(run_id, described, lines, key=key)
    if len(rows) > len(shown):
        st.caption(f"The first {len(shown)} of {len(rows):,}.")


def gallery(
    run_id: str, rows: Sequence[Mapping[str, Any]], lines: Sequence[Sequence[Markup]], *, key: str
) -> None:
    """Show examples as cards with some lines below each."""
    with st.spinner("Reading the examples …", show_time=False):
        found = example_data.examples(data.run(run_id), [str(row["id"]) for row in rows])
    contents = found if isinstance(found, dict) else {}
    components.sheet(figures.examples(rows, contents, lines), key=key)
    if isinstance(found, str):
        st.caption(f"Only ids are shown. {found}")


def _number(row: Mapping[str, Any]) -> list[Markup]:
    return [
        element("span", f"true {row['label']:.4g}, said {row['said']:.4g}"),
        element("span", f"off by {row['score']:+.4g}"),
        element("span", row["id"]),
    ]


def _class(row: Mapping[str, Any]) -> list[Markup]:
    tone = "right" if row["label"] == row["said"] else "wrong"
    return [
        element("span", "true ", element("b", row["label"])),
        element("span", "said ", element("b", row["said"], cls=tone), f" at {row['score']:.2f}"),
        element("span", row["id"]),
    ]


def _text(row: Mapping[str, Any]) -> list[Markup]:
    tone = "right" if row["label"] == row["said"] else "wrong"
    return [
        element("span", "wanted ", element("b", row["label"])),
        element("span", "wrote ", element("b", row["said"] or "nothing", cls=tone)),
        element("span", f"{row['score']:.0%} alike · {row['id']}"),
    ]


def _tokens(row: Mapping[str, Any]) -> list[Markup]:
    told = f"{row['said']:.3f} nats a token, perplexity {row['score']:.4g}"
    return [element("span", told), element("span", f"{row['label']:,} tokens · {row['id']}")]


def _list(row: Mapping[str, Any]) -> list[Markup]:
    told = f"liked items at {row['said']}" if row["said"] else "no liked item on the list"
    of = f"{row['label']:,} liked · NDCG@{row['places']} {row['score']:.3f}"
    return [element("span", told), element("span", of)]


_LINES: dict[str, Callable[[Mapping[str, Any]], list[Markup]]] = {
    "classification": _class,
    "regression": _number,
    "ranking": _list,
    "tokens": _tokens,
    "texts": _text,
}
