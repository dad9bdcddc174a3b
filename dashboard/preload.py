"""Tells a browser, with the page itself, which of Streamlit's scripts the page will ask for.

Streamlit's front end fetches and compiles what draws a chart or a table when the first one comes,
after everything else. Named in the answer's head, it is there by then.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SCRIPTS: Final = Path(streamlit.__file__).parent / "static" / "static" / "js"
_TABLE: Final = ("DataFrame", "arrowFormatUtils")
_CHART: Final = ("PlotlyChart",)
_NEEDS: Final = {
    "/": _TABLE,
    "/choose": _CHART,
    "/compare": _CHART,
    "/queue": _TABLE,
    "/runs": _TABLE,
    "/search": _TABLE,
    "/study": _CHART,
}


class Preload:
    """Middleware that adds a ``Link`` header to the pages that need more than every page.

    Parameters
    ----------
    app
        What answers.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app
        self._links = {path: _link(names) for path, names in _NEEDS.items()}

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer, with the header where the path is such a page's."""
        link = self._links.get(scope["path"]) if scope["type"] == "http" else None

        async def linked(message: "Message") -> None:
            if message["type"] == "http.response.start" and link:
                message = {**message, "headers": [*message["headers"], (b"link", link)]}
            await send(message)

        await self._app(scope, receive, linked if link else send)


def _link(names: tuple[str, ...]) -> bytes:
    """Return the header for some scripts; their files' names end in a hash of their content."""
    found = [path.name for name in names for path in sorted(_SCRIPTS.glob(f"{name}.*.js"))[:1]]
    return ", ".join(
        f'<./static/js/{name}>; rel="modulepreload"; crossorigin' for name in found
    ).encode()
