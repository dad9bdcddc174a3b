"""A report as one HTML file that opens without a server: texts, tables and curves, no scripts."""

import html
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dashboard import theme
from dashboard.markup import Markup, element, text
from dashboard.report_files import Block

_HEADING: Final = re.compile(r"(#{1,4})\s+(.*)")
_ITEM: Final = re.compile(r"\s*(?:[-*]|\d+[.)])\s+(.*)")
_LINK: Final = re.compile(r"\[([^\]]+)\]\((https?://[^\s)]+)\)")
_INLINE: Final = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![*\w])\*([^*]+)\*(?![*\w])"), r"<em>\1</em>"),
    (_LINK, r'<a href="\2" rel="noreferrer">\1</a>'),
)
_SHEET: Final = Path(__file__).parent / "parts" / "sheet.css"
_CSS: Final = """
:root { color-scheme: light; --st-text-color: #171A21; --st-background-color: #fff;
  --st-border-color: #DFE1E8; --st-secondary-background-color: #F1F2F6; --st-primary-color: #343997;
  --st-link-color: #343997; --st-font: Inter, system-ui, -apple-system, "Segoe UI", sans-serif; }
body { margin: 0 auto; max-width: 1080px; padding: 40px 24px 80px; font: 15px/1.55 var(--st-font);
  color: var(--st-text-color); background: #fff; }
h1 { font-size: 28px; } h2 { font-size: 21px; } h3 { font-size: 17px; }
section { margin: 26px 0; } footer, .note { color: #5B6070; font-size: 13px; }
code { background: #F1F2F6; padding: 1px 5px; border-radius: 4px; }
"""
PLOT_CSS: Final = """
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 10px 26px; }
.panel { min-width: 0; } .panel.wide { grid-column: 1 / -1; }
.plot { display: block; width: 100%; max-width: 1000px; height: auto; }
.curve { stroke: var(--line); stroke-linejoin: round; }
.band, .dot { fill: var(--line); }
.grid line { stroke: color-mix(in srgb, currentColor 12%, transparent); }
.grid text { font-size: 11px; fill: color-mix(in srgb, currentColor 72%, transparent); }
.panel h4 { margin: 12px 0 2px; font-size: 13.5px; }
.panel h4 small, .legend small { font-weight: 400; color: var(--muted); }
.legend { margin: 2px 0; } .legend .item { display: inline-block; margin: 0 18px 5px 0; white-space: nowrap; }
@container (max-width: 520px) { .grid text { font-size: 17px; } }
"""
"""What panels need beside the sheet's own style."""


def colours(mode: str) -> str:
    """Return the style that gives each run's curve its colour."""
    return " ".join(
        f".run{place} {{ --line: {theme.colour(place, mode)}; }}"
        for place in range(len(theme.LETTERS) + 1)
    )


def document(
    name: str, blocks: Sequence[Block], draw: Callable[[Block], Markup], *, now: datetime
) -> str:
    """Return a report as a whole HTML document.

    Parameters
    ----------
    draw
        Gives a panel's content.
    """
    parts = []
    for block in blocks:
        if block.kind == "text":
            parts.append(element("section", markdown(block.text)))
            continue
        head = element("h3", block.text) if block.text else Markup()
        parts.append(element("section", head, element("div", draw(block), cls="sheet")))
    letters = " ".join(
        f'.letter[data-light="{theme.colour(place, "light")}"] '
        f"{{ --run: {theme.colour(place, 'light')}; "
        f"--ink: {theme.ink(theme.colour(place, 'light'))}; }}"
        for place in range(len(theme.LETTERS))
    )
    style = "\n".join(
        [_SHEET.read_text(encoding="utf-8"), PLOT_CSS, colours("light"), letters, _CSS]
    )
    made = f"Made by Bakeoff on {now.astimezone(UTC):%d %B %Y, %H:%M} UTC."
    body = element("body", element("main", *parts), element("footer", made))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(name)}</title><style>{style}</style></head>{body}</html>\n"
    )


def markdown(source: str) -> Markup:
    """Return Markdown as HTML: headings, lists, paragraphs, bold, italics, code and links.

    Everything else is text; HTML in it is shown, never obeyed.
    """
    parts: list[str] = []
    paragraph: list[str] = []
    items: list[str] = []

    def flush() -> None:
        if paragraph:
            parts.append(f"<p>{' '.join(paragraph)}</p>")
        if items:
            parts.append(f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>")
        paragraph.clear()
        items.clear()

    for line in source.splitlines():
        heading, item = _HEADING.match(line), _ITEM.match(line)
        if heading:
            flush()
            level = len(heading[1])
            parts.append(f"<h{level}>{_inline(heading[2])}</h{level}>")
        elif item:
            if paragraph:
                flush()
            items.append(_inline(item[1]))
        elif line.strip():
            if items:
                flush()
            paragraph.append(_inline(line.strip()))
        else:
            flush()
    flush()
    return Markup("".join(parts))


def _inline(words: str) -> str:
    escaped = html.escape(words, quote=False).replace('"', "&quot;")
    for pattern, replacement in _INLINE:
        escaped = pattern.sub(replacement, escaped)
    return escaped
