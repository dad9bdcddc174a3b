"""Small pieces of HTML. Every text that is not written here is escaped here."""

import html
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from dashboard import theme


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(item: object) -> Markup:
    """Return an item as HTML: escaped, unless it is markup."""
    return item if isinstance(item, Markup) else Markup(html.escape(str(item)))


def element(name: str, *content: object, **attributes: str) -> Markup:
    """Return `<name attributes>content</name>`; `cls` stands for class, `_` for a hyphen."""
    pairs = "".join(
        f' {"class" if key == "cls" else key.replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{pairs}>{''.join(text(item) for item in content)}</{name}>")


def letter(position: int) -> Markup:
    """Return the coloured letter of the run at a position; nothing beyond the tenth."""
    mark = theme.letter(position)
    if not mark:
        return Markup()
    light, dark = theme.colour(position, "light"), theme.colour(position, "dark")
    return element(
        "span",
        mark,
        cls="letter ring" if theme.is_dashed(position) else "letter",
        data_light=light,
        data_dark=dark,
        data_light_ink=theme.ink(light),
        data_dark_ink=theme.ink(dark),
    )


def run_link(run_id: str, name: str) -> Markup:
    """Return a run's name as a link to its page."""
    return element("a", name, href=f"run?id={quote(run_id)}", data_run=run_id)


def moment(words: str, at: datetime | None) -> Markup:
    """Return a time in words; the exact one, in the reader's zone, is told on hover."""
    if at is None:
        return text(words)
    exact = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    return element("time", words, datetime=exact.isoformat(timespec="seconds"))


def status(word: str) -> Markup:
    """Return a run's status with its symbol and colour; what it means is told on hover."""
    shown = theme.status(word)
    return element("span", shown.label, cls=f"state {shown.colour}", title=shown.meaning)


def bar(share: float) -> Markup:
    """Return how much of a work is done as a bar."""
    return element(
        "span",
        element("i", "", style=f"width:{share:.1%}"),
        cls="bar",
        role="img",
        aria_label=f"{share:.0%} done",
    )


def spark(values: Sequence[float], name: str) -> Markup:
    """Return the course of a metric as a small curve; nothing for fewer than two points."""
    known = [value for value in values if math.isfinite(value)]
    if len(known) < 2:
        return Markup()
    low = min(known)
    size = (max(known) - low) or 1.0
    across = 100 / (len(known) - 1)
    points = " ".join(
        f"{place * across:.1f},{22 - 20 * (value - low) / size:.1f}"
        for place, value in enumerate(known)
    )
    return element(
        "svg",
        element("polyline", points=points),
        cls="spark",
        viewBox="0 0 100 24",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{name}: from {known[0]:.4g} to {known[-1]:.4g}",
    )


def table(
    head: Sequence[object],
    rows: Iterable[object],
    *,
    label: str,
    is_even: bool = False,
    stacks: bool = False,
) -> Markup:
    """Return a table; head cells are `<th>`, rows are `<tr>`.

    Parameters
    ----------
    is_even
        Whether the columns are equally wide.
    stacks
        Whether each row becomes a small card on a phone, its first cell on top.
    """
    top = element("thead", element("tr", *head))
    body = element("tbody", *rows)
    kind = f"even columns-{len(head) - 1}" if is_even else ""
    inner = element("table", top, body, aria_label=label, cls=kind)
    # Wide ones scroll sideways: with the arrows too, once they have the focus.
    return element("div", inner, cls="table stack" if stacks else "table", tabindex="0")


def tile(title: str, value: str, note: str, course: Markup = Markup()) -> Markup:  # noqa: B008
    """Return one key number with what it is, where it stands, and how it came there."""
    return element(
        "div",
        element("h4", title, title=title),
        element("strong", value, title=value),
        element("small", note),
        course,
        cls="tile",
    )


def plain(item: object) -> str:
    """Return a text for Markdown in which nothing is taken for markup."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#+-.!|<>~$:" else c for c in str(item))
