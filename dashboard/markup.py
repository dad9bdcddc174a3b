"""Small pieces of HTML. Every text that is not written here is escaped here."""

import html
from collections.abc import Iterable, Sequence
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


def table(
    head: Sequence[object], rows: Iterable[object], *, label: str, is_even: bool = False
) -> Markup:
    """Return a table; head cells are `<th>`, rows are `<tr>`; `is_even` gives equal columns."""
    top = element("thead", element("tr", *head))
    body = element("tbody", *rows)
    kind = f"even columns-{len(head) - 1}" if is_even else ""
    return element("div", element("table", top, body, aria_label=label, cls=kind), cls="table")


def tile(title: str, value: str, note: str) -> Markup:
    """Return one key number with what it is and where it stands."""
    return element(
        "div",
        element("h4", title, title=title),
        element("strong", value),
        element("small", note),
        cls="tile",
    )


def plain(item: object) -> str:
    """Return a text for Markdown in which nothing is taken for markup."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#+-.!|<>~$:" else c for c in str(item))
