"""Examples with what the model saw, said, and should have said."""

from collections.abc import Mapping, Sequence
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
    lines = [_lines(row, is_classifier=one.task == "classification") for row in described]
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


def _lines(row: Mapping[str, Any], *, is_classifier: bool) -> list[Markup]:
    if not is_classifier:
        return [
            element("span", f"true {row['label']:.4g}, said {row['said']:.4g}"),
            element("span", f"off by {row['score']:+.4g}"),
            element("span", row["id"]),
        ]
    tone = "right" if row["label"] == row["said"] else "wrong"
    return [
        element("span", "true ", element("b", row["label"])),
        element("span", "said ", element("b", row["said"], cls=tone), f" at {row['score']:.2f}"),
        element("span", row["id"]),
    ]
