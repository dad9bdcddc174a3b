"""Tokens for our own routes: Streamlit's login does not cover them, so the page mints a pass."""

import hashlib
import hmac
import os
import secrets
import time

LIFETIME_S = 12 * 3_600
_SECRET = (os.environ.get("BAKEOFF_UI_SECRET") or secrets.token_hex(32)).encode()


def _sign(text: str) -> str:
    return hmac.new(_SECRET, text.encode(), hashlib.sha256).hexdigest()


def mint(viewer: str = "local", *, now: float | None = None) -> str:
    """Return a pass for the data routes, good for at least 12 hours.

    The end is rounded up to the hour: within it every page run mints the same pass, and a
    component whose data did not change is left alone.
    """
    end = (int(now if now is not None else time.time()) // 3_600 + 1) * 3_600 + LIFETIME_S
    text = f"{viewer.replace('|', '')}|{end}"
    return f"{text}|{_sign(text)}"


def is_valid(token: str, *, now: float | None = None) -> bool:
    """Tell whether a pass was minted by this server and has not run out."""
    text, _, signature = token.rpartition("|")
    if not hmac.compare_digest(_sign(text).encode(), signature.encode()):
        return False
    end = text.rpartition("|")[2]
    return end.isdigit() and int(end) > (now if now is not None else time.time())
