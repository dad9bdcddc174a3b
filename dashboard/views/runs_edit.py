"""The run table with tags and notes that can be typed into; each cell is saved when it is left."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard import data, doing, formats
from experiments import run_actions

FIELDS: Final = ("tags", "notes")
"""Columns that can be typed into, in the order in which they stand behind the name."""
_ROUND: Final = "runs_edit_round"


def draw(
    frame: pd.DataFrame,
    order: Sequence[str],
    configured: Mapping[str, Any],
    run_ids: Sequence[str],
    *,
    height: int | str,
) -> None:
    """Draw the table; other columns than tags and notes stay as they are."""
    known = sorted({tag for tags in frame["tags"] for tag in tags})
    config = st.column_config
    columns = {
        **configured,
        "name": config.TextColumn("Run", pinned=True, width=190),
        "tags": config.MultiselectColumn(
            "Tags", options=known, accept_new_options=True, width=220, color="violet"
        ),
        "notes": config.TextColumn("Notes", max_chars=2_000, width=320),
    }
    rest = [key for key in order if key != "name" and key not in FIELDS]
    # What was typed belongs to rows of this table: after a save the next one starts afresh.
    key = f"runs_edit_{st.session_state.get(_ROUND, 0)}"
    st.data_editor(
        frame,
        key=key,
        on_change=_save,
        args=(key, frame, tuple(run_ids)),
        column_order=["name", *FIELDS, *rest],
        column_config=columns,
        disabled=[column for column in frame.columns if column not in FIELDS],
        hide_index=True,
        height=height,  # type: ignore[arg-type]
        row_height=36,
        placeholder=formats.DASH,
        alt=f"{len(run_ids)} runs, tags and notes can be changed",
    )
    st.caption("Double-click a cell under Tags or Notes, or press Enter in it. Leaving it saves.")


def _save(key: str, before: pd.DataFrame, run_ids: Sequence[str]) -> None:
    edited = st.session_state[key]["edited_rows"]
    for row, changes in edited.items():
        doing.attempt(write_row, run_ids[int(row)], before.iloc[int(row)], changes)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def write_row(run_id: str, before: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Save what was typed into a row: ``tags``, ``notes``, or both.

    Raises
    ------
    UsageError
        If a new tag will not do.
    store.StoreError
        If the store refuses it.
    """
    tags = list(changes.get("tags", before["tags"]) or ())
    had = list(before["tags"])
    added = run_actions.check_tags([tag for tag in tags if tag not in had])
    data.change(
        lambda s: s.edit_run(
            run_id,
            notes=(changes["notes"] or "") if "notes" in changes else None,
            add_tags=added,
            remove_tags=[tag for tag in had if tag not in tags],
        )
    )
