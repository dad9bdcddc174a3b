"""Colours, letters and status words, once: a run looks the same in every table and chart."""

from dataclasses import dataclass
from typing import Literal

ColourName = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray"]

LETTERS = "ABCDEFGHIJ"
"""A run that is looked at gets a letter; it follows the run into every table and chart."""

PALETTE = {
    "light": (
        "#343997", "#BF8224", "#388C77", "#B00F35", "#A380C4",
        "#5B1B46", "#E14BFF", "#7800FF", "#694B87", "#FF1E78",
    ),
    "dark": (
        "#8792FF", "#F2B84B", "#4CC9A7", "#FF6178", "#D6C2F2",
        "#A8688C", "#695AA5", "#9600F0", "#E12D0F", "#A54B3C",
    ),
}  # fmt: skip
"""Ten that keep apart on the page, also with the three common kinds of colour blindness.

The nearest two are 20 units of CIE Lab apart however they are seen. Four more than six are much to
ask of a colour, so these have a second mark: their own strokes in charts, a ring in tables.
"""

_PLAIN = 6  # colours without a second mark
_DASHES = {6: "dash", 7: "dot", 8: "dashdot", 9: "longdash"}

GREY = {"light": "#8A90A0", "dark": "#767C8C"}
"""Every run beyond the tenth: colour belongs to few, or it says nothing."""

BETTER = {"light": "#1F5FBF", "dark": "#7DB2FF"}
WORSE = {"light": "#B4570F", "dark": "#F0A35E"}
"""Better is blue and worse is orange, always with an arrow: red and green look alike to many."""

PASSED = {"light": "#1A7446", "dark": "#6FCF97"}
FAILED = {"light": "#B3261E", "dark": "#FF8F85"}
"""Of gates, always with a sign beside the colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a run's status is written and drawn."""

    word: str
    symbol: str
    colour: ColourName
    """A colour name of Streamlit's palette, so that it follows the theme."""
    meaning: str

    @property
    def label(self) -> str:
        """Symbol and word, since a colour alone does not carry a meaning."""
        return f"{self.symbol} {self.word}"


STATUSES = {
    status.word: status
    for status in (
        Status(word="running", symbol="●", colour="blue", meaning="It trains at this moment."),
        Status(word="finished", symbol="✓", colour="green", meaning="It came to its end."),
        Status(word="failed", symbol="✕", colour="red", meaning="It ended with an error."),
        Status(word="stopped", symbol="■", colour="gray", meaning="Somebody stopped it."),
        Status(
            word="crashed",
            symbol="✕",
            colour="red",
            meaning="Its process died without a word: killed, out of memory, or power lost.",
        ),
        Status(
            word="lost",
            symbol="◌",
            colour="orange",
            meaning="No sign of life for a minute; it heals by itself when contact returns.",
        ),
    )
}
UNKNOWN = Status(word="unknown", symbol="?", colour="gray", meaning="A status of a newer version.")


def status(word: str) -> Status:
    """Return how a status is shown; words of a newer version become `UNKNOWN`."""
    return STATUSES.get(word, UNKNOWN)


def letter(position: int) -> str:
    """Return the letter of the run at a position of the selection; empty beyond the tenth."""
    return LETTERS[position] if position < len(LETTERS) else ""


def colour(position: int, mode: str) -> str:
    """Return the colour of the run at a position of the selection; grey beyond the tenth."""
    colours = PALETTE[mode]
    return colours[position % len(colours)] if position < len(LETTERS) else GREY[mode]


def is_dashed(position: int) -> bool:
    """Whether the run at a position has a second mark beside its colour."""
    return position >= _PLAIN


def dash(position: int) -> str:
    """Return the stroke of the run at a position, by Plotly's name."""
    return _DASHES.get(position, "solid")


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour `#rrggbb` (WCAG 2), in [0, 1]."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Return the contrast of two colours (WCAG 2), from 1 to 21."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def ink(colour: str) -> str:
    """Return the text colour that reads better on a colour."""
    return max("#FFFFFF", "#08090C", key=lambda text: contrast(text, colour))
