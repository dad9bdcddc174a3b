"""The Files tab of a run: what lies in its folder, looked at and downloaded."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cards, run_parts, state
from dashboard.run_parts import File

_TABLE = "run_files"
_MOST_TEXT = 200_000
_MOST_ROWS = 1_000
_MOST_IMAGE = 20_000_000
_MOST_TABLE = 200_000_000


def draw(run: Mapping[str, Any]) -> None:
    """Draw the tab."""
    folder = Path(run["folder"])
    files = run_parts.files(folder)
    if not files:
        cards.card("No files", "This run left none.", icon="folder_off")
        return
    names = [file.name for file in files]
    chosen = _chosen(names)
    frame = pd.DataFrame(
        {
            "name": names,
            "size": [run_parts.size(file.size_bytes) for file in files],
            "changed": [datetime.fromtimestamp(file.changed, UTC) for file in files],
        }
    )
    rows = [names.index(chosen)] if chosen else []
    state.seed(_TABLE, {"selection": {"rows": rows, "columns": [], "cells": []}})
    st.dataframe(
        frame,
        key=_TABLE,
        on_select=lambda: _on_select(names),
        selection_mode="single-row",
        hide_index=True,
        height="content" if len(files) <= 10 else 390,
        column_config={
            "name": st.column_config.TextColumn("File", width="large"),
            "size": st.column_config.TextColumn("Size", width=90),
            "changed": st.column_config.DatetimeColumn(
                "Changed", format="D MMM, HH:mm", timezone=st.context.timezone, width=130
            ),
        },
        alt=f"{len(files)} files",
    )
    total = sum(file.size_bytes for file in files)
    st.caption(f"{len(files):,} files, {run_parts.size(total)}, in {folder}. Tick one to see it.")
    if chosen:
        _show(folder, next(file for file in files if file.name == chosen))


def _chosen(names: list[str]) -> str | None:
    """Return the file in the address, if the run has it: nothing else is ever opened."""
    asked = st.query_params.get("file", "")
    return asked if asked in names else None


def _on_select(names: list[str]) -> None:
    rows = st.session_state[_TABLE]["selection"]["rows"]
    state.put("file", names[rows[0]] if rows and rows[0] < len(names) else "")


def _show(folder: Path, file: File) -> None:
    path = folder / file.name
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"`{file.name}`")
            st.space("stretch")
            st.download_button(
                "Download",
                data=path.read_bytes,
                file_name=path.name,
                icon=":material/download:",
                on_click="ignore",
            )
        try:
            _preview(path, file)
        except (OSError, ValueError) as error:
            st.caption(f"It cannot be shown here: {type(error).__name__}. Download it instead.")


def _preview(path: Path, file: File) -> None:
    if file.preview == "image" and file.size_bytes <= _MOST_IMAGE:
        st.image(str(path), alt=file.name)
    elif file.preview == "table" and file.size_bytes <= _MOST_TABLE:
        frame = _rows(path)
        st.dataframe(frame, hide_index=True, alt=f"The first rows of {file.name}")
        if len(frame) == _MOST_ROWS:
            st.caption(f"The first {_MOST_ROWS:,} rows.")
    elif file.preview == "text":
        with path.open("rb") as content:
            text = content.read(_MOST_TEXT).decode("utf-8", errors="replace")
        text = _laid_out(path, text)
        with st.container(height=460 if text.count("\n") > 24 else "content"):
            st.code(
                text, language=None, wrap_lines=True
            )  # colours of code have too little contrast
        if file.size_bytes > _MOST_TEXT:
            st.caption("Cut here; the download has all of it.")
    else:
        st.caption("There is no preview of this kind of file.")


def _laid_out(path: Path, text: str) -> str:
    """Return JSON with one value a line; other text, and JSON that was cut, as it is."""
    if path.suffix.lower() != ".json":
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _rows(path: Path) -> pd.DataFrame:
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        batches = pq.ParquetFile(path).iter_batches(batch_size=_MOST_ROWS)
        first = next(batches, None)
        return pd.DataFrame() if first is None else first.to_pandas()
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    return pd.read_csv(path, sep=separator, nrows=_MOST_ROWS)
