"""The colours and letters of a study's charts; light, because every page may come to need them."""

from typing import Final

import plotly.graph_objects as go

HEIGHT: Final = 420
INK = {"light": "#171A21", "dark": "#E7E9EE"}
MUTED = {"light": "#5B6070", "dark": "#A2A7B5"}
GRID = {"light": "#E6E8EE", "dark": "#2A2D37"}
BACK = {"light": "#FFFFFF", "dark": "#14161C"}
SCALE = {
    "light": [[0, "#CFD4EE"], [0.5, "#7A82CB"], [1, "#23276F"]],
    "dark": [[0, "#333858"], [0.5, "#5F68DE"], [1, "#C9CEFF"]],
}


def dress(figure: go.Figure, mode: str, *, height: int = HEIGHT) -> None:
    """Give a figure the page's colours and letters."""
    figure.update_layout(
        template="none",
        title=None,
        height=height,
        margin={"l": 8, "r": 8, "t": 26, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Inter, system-ui, sans-serif", "size": 12, "color": INK[mode]},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        hoverlabel={"font": {"family": "Inter, system-ui, sans-serif", "size": 12}},
        clickmode="event+select",
        dragmode="zoom",
    )
    axis = {
        "gridcolor": GRID[mode],
        "linecolor": GRID[mode],
        "zeroline": False,
        "automargin": True,
        "tickfont": {"size": 11, "color": MUTED[mode]},
        "title_font": {"size": 12, "color": MUTED[mode]},
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
