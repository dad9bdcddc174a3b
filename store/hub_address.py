"""Where a store's hub can be reached: a file that it writes, readable by the user alone.

Light, so that a hub can be started before Arrow is loaded in the process that waits for it.
"""

import json
import os
from typing import Any

from store.layout import Home, write_json
from store.liveness import describe_process, start_ticks


def hub_facts(home: Home) -> dict[str, Any] | None:
    """Return port, token and process of the hub if that process is alive, else None."""
    facts = _read(home)
    ticks = start_ticks(int(facts.get("pid") or -1))
    return facts if ticks is not None and ticks == facts.get("started_ticks") else None


def announce(home: Home, *, port: int, token: str) -> None:
    """Write down where the hub of this process can be reached."""
    write_json(home.hub, {"port": port, "token": token, **describe_process()}, mode=0o600)


def withdraw(home: Home) -> None:
    """Remove the address, if it is still that of this process."""
    if _read(home).get("pid") == os.getpid():
        home.hub.unlink(missing_ok=True)


def _read(home: Home) -> dict[str, Any]:
    try:
        facts = json.loads(home.hub.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
