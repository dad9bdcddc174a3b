"""Charts of a model card as SVG text: no script, no font, readable on light and dark ground."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from experiments.statistics import Reliability

_INK, _MARK, _FAINT = "#64748b", "#2f6fdb", "#94a3b8"
_MAX_CLASSES = 20


def intervals(rows: Mapping[str, Mapping[str, float | None]]) -> str:
    """Draw metrics between 0 and 1 as dots with their intervals."""
    shown = {
        name: row
        for name, row in rows.items()
        if row["value"] is not None and 0 <= row["value"] <= 1
    }
    height, left, width = 26, 150, 320
    parts: list[str] = []
    for place, (name, row) in enumerate(shown.items()):
        y = 20 + place * height
        value, low, high = (row[key] for key in ("value", "low", "high"))
        parts.append(_text(left - 10, y + 4, name.replace("_", " "), "end"))
        if low is not None and high is not None:
            parts.append(_line(left + low * width, y, left + high * width, y, _MARK, 3))
        parts.append(
            f'<circle cx="{left + (value or 0) * width:.1f}" cy="{y}" r="5" fill="{_MARK}"/>'
        )
        parts.append(_text(left + width + 12, y + 4, f"{value:.3f}", "start"))
    bottom = 20 + len(shown) * height
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + tick * width
        parts += [
            _line(x, 8, x, bottom - 10, _FAINT, 0.5),
            _text(x, bottom + 4, f"{tick:g}", "middle"),
        ]
    return _svg(left + width + 70, bottom + 14, parts, "Metrics with their intervals")


def reliability_diagram(found: Reliability) -> str:
    """Draw how often the event happened against how likely it was said to be."""
    size, pad = 240, 40
    parts = [_line(pad, pad + size, pad + size, pad, _FAINT, 1)]
    for said, seen, low, high in zip(
        found.mean_probability, found.frequency, found.low, found.high, strict=True
    ):
        x = pad + said * size
        parts.append(_line(x, pad + (1 - low) * size, x, pad + (1 - high) * size, _MARK, 1.5))
        parts.append(
            f'<circle cx="{x:.1f}" cy="{pad + (1 - seen) * size:.1f}" r="4" fill="{_MARK}"/>'
        )
    parts += [
        f'<rect x="{pad}" y="{pad}" width="{size}" height="{size}" fill="none" stroke="{_FAINT}"/>',
        _text(pad + size / 2, pad + size + 30, "said probability", "middle"),
        _text(pad, pad - 10, "share that was so", "start"),
    ]
    return _svg(size + 2 * pad, size + 2 * pad, parts, "Reliability diagram")


def confusion_chart(shares: NDArray[np.float64], names: Sequence[str]) -> str | None:
    """Draw a confusion matrix, rows as shares of the true class; None for too many classes."""
    count = len(names)
    if count > _MAX_CLASSES:
        return None
    cell, left, top = 34, 110, 60
    parts = [_text(left + count * cell / 2, 20, "predicted", "middle")]
    for row, name in enumerate(names):
        parts.append(_text(left - 8, top + row * cell + cell / 2 + 4, name[:14], "end"))
        parts.append(_text(left + row * cell + cell / 2, top - 8, name[:4], "middle"))
        for column in range(count):
            share = float(shares[row, column])
            x, y = left + column * cell, top + row * cell
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}" fill="{_MARK}" '
                f'fill-opacity="{share:.3f}" stroke="{_FAINT}" stroke-width="0.3"/>'
            )
            if share >= 0.005:
                colour = "#ffffff" if share > 0.5 else _INK
                parts.append(
                    _text(x + cell / 2, y + cell / 2 + 4, f"{share * 100:.0f}", "middle", colour)
                )
    return _svg(
        left + count * cell + 20, top + count * cell + 20, parts, "Confusion matrix, percent"
    )


def _svg(width: float, height: float, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" role="img" font-family="sans-serif" font-size="12">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str, colour: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:  # noqa: PLR0917  # as SVG has it
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}"/>'
    )
