"""Turn runs and panels into what the curves explorer needs to draw and to ask."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import streamlit as st

from dashboard import components, data, theme, tokens
from dashboard.folding import Panel
from dashboard.state import CurveView

LIVE: Final = frozenset({"running", "lost"})


def names(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a name for each run that no other of them has: the id's end parts namesakes."""
    given = [str(run["name"] or run["run_id"]) for run in runs]
    return [
        f"{name} {run['run_id'][-4:]}" if given.count(name) > 1 else name
        for name, run in zip(given, runs, strict=True)
    ]


def runs_data(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the runs as the component reads them: identity, letter and colours."""
    listed = []
    for position, (run, name) in enumerate(zip(runs, names(runs), strict=True)):
        light, dark = theme.colour(position, "light"), theme.colour(position, "dark")
        status = theme.status(run["status"])
        note = [str(run["model"] or "")] + ([] if status.word == "finished" else [status.word])
        listed.append(
            {
                "id": run["run_id"],
                "name": name,
                "note": " · ".join(part for part in note if part),
                "letter": theme.letter(position) if len(runs) > 1 else "",
                "light": light,
                "dark": dark,
                "lightInk": theme.ink(light),
                "darkInk": theme.ink(dark),
                "running": run["status"] in LIVE,
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
    """
    base = st.get_option("server.baseUrlPath").strip("/")
    view = asdict(CurveView.read(st.query_params, plain_x=plain_x))
    components.explorer(
        {
            "url": f"{'/' + base if base else ''}/api/curves",
            "token": tokens.mint(),
            "runs": runs_data(runs),
            "panels": [panel.as_data() for panel in panels],
            "view": view,
            "plainX": plain_x,
            "height": height,
        },
        key=key,
    )


def rows(run_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of some runs in the order asked for; unknown ones are left out."""
    if not run_ids:
        return []
    found = {row["run_id"]: row for row in data.named(tuple(run_ids)).to_pylist()}
    return [found[run_id] for run_id in run_ids if run_id in found]
