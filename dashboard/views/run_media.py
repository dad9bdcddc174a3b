"""The Media tab of a run: the texts, images, sounds, histograms and tables that it logged."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import streamlit as st

from dashboard import cards, charts, data, formats, markup, theme
from dashboard.views.plots import mode, plot

_MOST = 40
_ALERTS: Final[Mapping[str, Callable[..., Any]]] = {
    "info": st.info,
    "warn": st.warning,
    "error": st.error,
}


def draw(run: Mapping[str, Any]) -> None:
    """Draw the tab."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    alerts: list[dict[str, Any]] = []
    for row in data.events(run["run_id"]).to_pylist():
        event = {**row, **json.loads(row["body"])}
        if event["kind"] == "alert":
            alerts.append(event)
        elif event["kind"] in _DRAWERS:
            found.setdefault((event["kind"], str(event["name"])), []).append(event)
    for alert in alerts[-_MOST:]:
        _alert(alert)
    if not found and not alerts:
        cards.card(
            "Nothing but numbers",
            "A run can keep texts, images, sounds, histograms and tables too: `run.log_text`, "
            "`log_image`, `log_audio`, `log_histogram`, `log_table`; and say `run.alert`.",
            icon="perm_media",
        )
    folder = Path(run["folder"])
    for (kind, name), events in list(found.items())[:_MOST]:
        with st.container(border=True):
            _draw_one(folder, kind, name, events)
    if len(found) > _MOST:
        st.caption(f"The first {_MOST} of {len(found):,}; all files are in the Files tab.")


def _alert(event: Mapping[str, Any]) -> None:
    show = _ALERTS.get(str(event.get("level")), st.warning)
    when = formats.moment(event["at"], st.context.timezone)
    title, text = markup.plain(event["name"]), markup.plain(event.get("text") or "")
    show(f"**{title}** {text} ({when})")


def _draw_one(folder: Path, kind: str, name: str, events: Sequence[dict[str, Any]]) -> None:
    steps = [str(place) if e["step"] is None else str(e["step"]) for place, e in enumerate(events)]
    by_step = dict(zip(steps, events, strict=True))  # the last word on a step
    chosen = steps[-1]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{markup.plain(name)}**", width="content")
        st.caption(kind, width="content")
        if len(by_step) > 1:
            chosen = st.select_slider(
                f"Step of {name}",
                list(by_step),
                value=chosen,
                key=f"media_{kind}_{name}",
                label_visibility="collapsed",
                width=320,
            )
            st.caption(f"step {chosen}, one of {len(by_step)}", width="content")
    try:
        _DRAWERS[kind](folder, by_step[chosen])
    except (OSError, ValueError, KeyError) as error:
        st.caption(f"It cannot be shown: {type(error).__name__}. Was its file deleted?")


def _path(folder: Path, event: Mapping[str, Any]) -> str:
    """Return the path of an event's file.

    Raises
    ------
    ValueError
        If it leads out of the run's folder.
    FileNotFoundError
        If it is gone.
    """
    path = (folder / event["path"]).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"Expected a file of the run; got {event['path']!r}.")
    if not path.is_file():
        raise FileNotFoundError(path)
    return str(path)


def _image(folder: Path, event: Mapping[str, Any]) -> None:
    st.image(_path(folder, event), alt=str(event["name"]))


def _sound(folder: Path, event: Mapping[str, Any]) -> None:
    st.audio(_path(folder, event))


def _text(_folder: Path, event: Mapping[str, Any]) -> None:
    st.code(str(event["text"]), language=None, wrap_lines=True)


def _table(folder: Path, event: Mapping[str, Any]) -> None:
    import pyarrow.parquet as pq

    frame = pq.ParquetFile(_path(folder, event)).read().to_pandas()
    st.dataframe(frame, hide_index=True, alt=f"Table {event['name']}")


def _histogram(_folder: Path, event: Mapping[str, Any]) -> None:
    edges, counts = np.asarray(event["edges"], float), np.asarray(event["counts"], float)
    bars = charts.trace(
        "bar",
        x=(edges[1:] + edges[:-1]) / 2,
        y=counts,
        width=np.diff(edges),
        marker={"color": theme.colour(0, mode()), "line": {"width": 0}},
        customdata=np.stack([edges[:-1], edges[1:]], axis=1),
        hovertemplate="%{customdata[0]:.4g} to %{customdata[1]:.4g}<br>%{y:,}<extra></extra>",
    )
    figure = charts.drawn([bars], mode(), height=240)
    key = f"hist_{event['name']}"
    plot(figure, key=key, alt=f"Histogram of {event['name']}, {counts.sum():,.0f} values")
    if event.get("not_finite"):
        st.caption(f"{event['not_finite']:,} values are NaN or infinite, and not in it.")


_DRAWERS: Final[Mapping[str, Callable[[Path, Mapping[str, Any]], None]]] = {
    "text": _text,
    "image": _image,
    "audio": _sound,
    "histogram": _histogram,
    "table": _table,
}
