"""The address is the view: what a page shows, as query parameters, read and written in one place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import streamlit as st

from dashboard import wire

MOST_RUNS = wire.MAX_RUNS
MOST_COMPARED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveView:
    """How the curves are drawn. The browser writes these parameters; Python reads them."""

    x: str = "step"
    smooth: float = 0.0
    log: bool = False
    zoom: tuple[float, float] | None = None
    hide: tuple[str, ...] = ()

    @classmethod
    def read(cls, parameters: Mapping[str, str], *, plain_x: str = "step") -> Self:
        """Read a view; whatever cannot be used falls back to the default."""
        x = parameters.get("x", plain_x)
        return cls(
            x=x if x in wire.AXES else plain_x,
            smooth=max(0.0, min(0.99, _float(parameters.get("smooth")) or 0.0)),
            log=parameters.get("log") == "1",
            zoom=_range(parameters.get("zoom", "")),
            hide=split(parameters.get("hide", "")),
        )

    def write(self) -> dict[str, str]:
        """Return the parameters of this view; defaults are left out."""
        parameters = {
            "x": "" if self.x == "step" else self.x,
            "smooth": f"{self.smooth:g}" if self.smooth else "",
            "log": "1" if self.log else "",
            "zoom": "~".join(f"{end:.10g}" for end in self.zoom or ()),
            "hide": ",".join(self.hide),
        }
        return {key: value for key, value in parameters.items() if value}


def split(value: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated parameter, each once, in order."""
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))


def listed(key: str) -> tuple[str, ...]:
    """Return a list in the address."""
    return split(st.query_params.get(key, ""))


def put(key: str, value: str | Iterable[str]) -> None:
    """Write a parameter, or drop it when empty; an unchanged address is left alone."""
    joined = value if isinstance(value, str) else ",".join(value)
    if joined == st.query_params.get(key, ""):
        return
    if joined:
        st.query_params[key] = joined
    else:
        del st.query_params[key]


def seed(widget: str, value: object) -> None:
    """Make a widget show what the address says, also after Back and Forward.

    A keyed widget keeps its own value. So the value that the address had when the widget was last
    fed is remembered, and a new one replaces the widget's.
    """
    memory = f"{widget}:address"
    if st.session_state.get(memory) != value or widget not in st.session_state:
        st.session_state[memory] = value
        st.session_state[widget] = value


def selection(rows: Sequence[int], shown: Sequence[str], before: Sequence[str]) -> list[str]:
    """Return the selected runs: old ones in their order, then new ones; other pages' stay.

    Parameters
    ----------
    rows
        Positions of the selected rows.
    shown
        Runs of the rows on this page.
    before
        Runs that were selected, on any page.
    """
    now = {shown[row] for row in rows if row < len(shown)}
    kept = [run for run in before if run in now or run not in set(shown)]
    return kept + [
        shown[row] for row in sorted(rows) if row < len(shown) and shown[row] not in kept
    ]


def _float(value: str | None) -> float | None:
    try:
        return float(value or "")
    except ValueError:
        return None


def _range(value: str) -> tuple[float, float] | None:
    low, _, high = value.partition("~")
    ends = _float(low), _float(high)
    if ends[0] is None or ends[1] is None or not ends[0] < ends[1]:
        return None
    return ends[0], ends[1]
