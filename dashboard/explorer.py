"""Turn runs and panels into what the curves explorer needs to draw and to ask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import streamlit as st

from dashboard import components, data, folding, theme, tokens
from dashboard.folding import Panel
from dashboard.grouping import groupings
from dashboard.state import CURVE_VIEW
from store.liveness import LIVE

_REVISION: Final = "curves:revision"


def names(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a name for each run that no other of them has: the id's end parts namesakes."""
    given = [str(run["name"] or run["run_id"]) for run in runs]
    return [
        f"{name} {run['run_id'][-4:]}" if given.count(name) > 1 else name
        for name, run in zip(given, runs, strict=True)
    ]


def runs_data(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the runs as the component reads them."""
    listed = []
    for run, name in zip(runs, names(runs), strict=True):
        status = theme.status(run["status"])
        note = [str(run["model"] or "")] + ([] if status.word == "finished" else [status.word])
        listed.append(
            {
                "id": run["run_id"],
                "name": name,
                "note": " · ".join(part for part in note if part),
                "running": run["status"] in LIVE,
            }
        )
    return listed


def marks() -> list[dict[str, Any]]:
    """Return letter, colours and stroke of each place; the last is that of all beyond."""
    listed = []
    for place in range(len(theme.LETTERS) + 1):
        light, dark = theme.colour(place, "light"), theme.colour(place, "dark")
        listed.append(
            {
                "letter": theme.letter(place),
                "light": light,
                "dark": dark,
                "lightInk": theme.ink(light),
                "darkInk": theme.ink(dark),
                "dashed": theme.is_dashed(place) and bool(theme.letter(place)),
            }
        )
    return listed


def draw(
    runs: Sequence[Mapping[str, Any]],
    panels: Sequence[Panel],
    *,
    key: str,
    height: int = 260,
    plain_x: str = "step",
    on_arrange: Callable[[Sequence[str]], None] | None = None,
) -> None:
    """Show the curves of some runs, live while one of them runs.

    Parameters
    ----------
    runs, panels
        What to draw.
    key
        Of the component on the page.
    height
        Of a panel, in pixels.
    plain_x
        Axis that is meant when the address names none.
    on_arrange
        Called with the panels' keys when they were put into another order; without it they stay.
    """
    base = st.get_option("server.baseUrlPath").strip("/")
    components.explorer(
        {
            "url": f"{'/' + base if base else ''}/api/curves",
            "token": tokens.mint(),
            "runs": runs_data(runs),
            "marks": marks(),
            "groupings": [asdict(one) for one in groupings(runs)],
            "panels": folding.as_data(panels),
            "axes": _metrics([run["run_id"] for run in runs]),
            "view": {name: st.query_params[name] for name in CURVE_VIEW if name in st.query_params},
            "revision": st.session_state.get(_REVISION, 0),
            "plainX": plain_x,
            "height": height,
            "arranges": on_arrange is not None,
        },
        key=key,
        on_arrange=on_arrange,
    )


def _metrics(run_ids: Sequence[str]) -> list[str]:
    names = data.series(run_ids).column("metric").to_pylist()
    return sorted({name for name in names if not name.startswith("system/")})


def redraw() -> None:
    """Have the explorers take the view from the address once more: Python has changed it."""
    st.session_state[_REVISION] = st.session_state.get(_REVISION, 0) + 1


def rows(run_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of some runs in the order asked for; unknown ones are left out."""
    if not run_ids:
        return []
    found = {row["run_id"]: row for row in data.named(tuple(run_ids)).to_pylist()}
    return [found[run_id] for run_id in run_ids if run_id in found]
