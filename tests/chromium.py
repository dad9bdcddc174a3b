"""A headless Chromium, whichever is there."""

import os
import shutil
import warnings
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Error, Playwright

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def launched(playwright: Playwright) -> Browser:
    """Return a browser; skip the test where there is none, and fail it where CI has none."""
    found = [shutil.which(n) for n in ("chromium", "chromium-browser", "google-chrome")]
    for path in [*filter(None, found), None]:
        with suppress(Error):
            return playwright.chromium.launch(executable_path=path, args=_FLAGS)
    missing = "no Chromium here: install one (Debian: apt-get install chromium)"
    if os.environ.get("CI"):
        pytest.fail(f"Browser tests cannot run, {missing}.")
    warnings.warn(f"BROWSER TESTS SKIPPED: {missing}.", stacklevel=1)
    pytest.skip(missing)
