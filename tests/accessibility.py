"""Whether a page is for everybody: axe-core's serious findings, and the width of a phone."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_PHONE = 390


def grave(page: Page) -> list[tuple[str, list[str]]]:
    """Return what shuts people out of a page."""
    page.wait_for_timeout(700)  # what still fades in counts as low contrast
    problems = Axe().run(page).response["violations"]
    return [
        (p["id"], [node["html"] for node in p["nodes"]])
        for p in problems
        if p["impact"] in {"serious", "critical"}
    ]


def is_for_phones(page: Page) -> bool:
    """Return whether a page turns as narrow as a phone without scrolling sideways."""
    page.set_viewport_size({"width": _PHONE, "height": 844})
    page.wait_for_timeout(300)
    return page.evaluate("document.documentElement.scrollWidth") <= _PHONE
