"""The hub: a small process that owns the store and answers everybody else over loopback.

``python -m store.hub --home DIR`` starts one. It takes part in no election of its own: whoever
gets DuckDB's file lock is the owner. Address and token are in ``hub.json``, readable by the
user alone. It leaves by itself when nobody has asked for a while and no run is going on.
"""

import argparse
import hmac
import importlib.abc
import json
import logging
import secrets
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

from pyarrow import flight

from store.errors import StoreBusyError, StoreError
from store.hub_address import announce, withdraw
from store.layout import Home
from store.liveness import start_ticks
from store.owner import Owner
from store.wire import HEADER, error_as_table, error_as_text

_log = logging.getLogger("bakeoff.hub")

LOOK_S = 2.0
"""Pause between two looks at the journals; every question has a look of its own."""
_BUSY_LOOK_S = 0.5
"""The same while looks find much and somebody asks: then a question's own look finds less."""
_LONG_LOOK_S = 0.1
_REST_S = 60.0
_SEAL_S = 0.1
"""How long runs are sealed after a look."""
_ORPHAN_QUIET_S = 15.0
_LOCK_WAIT_S = 15.0


class _Token(flight.ServerMiddlewareFactory):
    """Lets nobody in who does not know the token."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token

    def start_call(self, info: Any, headers: dict[str, list[str]]) -> None:  # noqa: ARG002
        """Check the token of a call."""
        given = next(iter(headers.get(HEADER, [])), "")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise flight.FlightUnauthenticatedError("wrong token")


class _Without(importlib.abc.MetaPathFinder):
    """Hides packages that DuckDB and Arrow load wherever they find them; nothing here needs them.

    Without pandas the hub starts in half the time, with a quarter less memory; Arrow's datasets
    and its way to S3 are another 20 MB.
    """

    def __init__(self, *names: str) -> None:
        self._names = frozenset(names)

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:  # noqa: ARG002
        """Refuse what is hidden; let the other finders look for anything else."""
        if fullname in self._names:
            raise ModuleNotFoundError(f"the hub does without {fullname}", name=fullname)


class Hub(flight.FlightServerBase):
    """Answers questions and does actions for other processes.

    Parameters
    ----------
    owner
        The owner of the store.
    idle_s
        After how many seconds without a question it leaves, when no run is going on.
    """

    def __init__(self, owner: Owner, *, idle_s: float) -> None:
        self._token = secrets.token_urlsafe(32)
        super().__init__("grpc://127.0.0.1:0", middleware={"token": _Token(self._token)})
        self._owner = owner
        self._idle_s = idle_s
        self._asked_at = time.monotonic()
        self._leave = threading.Event()

    def do_get(self, context: flight.ServerCallContext, ticket: flight.Ticket) -> Any:  # noqa: ARG002
        """Answer a question: a JSON object with ``ask`` and ``args``."""
        self._asked_at = time.monotonic()
        try:
            question = json.loads(ticket.ticket)
            table = self._owner.ask(question["ask"], **question["args"])
        except StoreError as error:
            table = error_as_table(error)
        except Exception as error:  # noqa: BLE001  # the asker is told, the hub lives on
            _log.exception("A question failed: %.500s", ticket.ticket)
            table = error_as_table(StoreError(f"The hub failed: {type(error).__name__}: {error}"))
        return flight.RecordBatchStream(table)

    def do_action(self, context: flight.ServerCallContext, action: flight.Action) -> Any:  # noqa: ARG002
        """Do something: the action's type, with arguments as a JSON object."""
        self._asked_at = time.monotonic()
        arguments = json.loads(action.body.to_pybytes() or b"{}")
        try:
            answer: dict[str, Any] = {}
            if action.type == "stop":
                self.stop()
            elif action.type != "ping":
                answer = self._owner.act(action.type, **arguments)
        except StoreError as error:
            return [error_as_text(error)]
        return [json.dumps(answer).encode()]

    def announce(self) -> None:
        """Write down where the hub can be reached."""
        announce(self._owner.home, port=self.port, token=self._token)

    def stop(self) -> None:
        """Leave soon."""
        self._leave.set()

    def work(self, parent: int | None) -> None:
        """Take in journals until told to leave or nobody needs the hub any more."""
        parent_ticks = start_ticks(parent) if parent else None
        pause_s = LOOK_S
        while not self._leave.is_set():
            self._owner.drain(pause_s / 2)  # who asks has it look, too
            self._seal()
            quiet_s = time.monotonic() - self._asked_at
            is_orphan = parent and start_ticks(parent) != parent_ticks
            if quiet_s > _ORPHAN_QUIET_S and is_orphan:
                return
            if quiet_s > self._idle_s and not self._owner.num_live:
                return
            if quiet_s > _REST_S:
                self._owner.rest()
            is_busy = self._owner.look_s > _LONG_LOOK_S and quiet_s < _ORPHAN_QUIET_S
            pause_s = _BUSY_LOOK_S if is_busy else LOOK_S
            self._leave.wait(pause_s)

    def _seal(self) -> None:
        """Seal ended runs for a moment: one at least, many where many have ended at once."""
        until = time.monotonic() + _SEAL_S
        while self._owner.seal_one() and time.monotonic() < until and not self._leave.is_set():
            pass


def main(arguments: list[str] | None = None) -> int:
    """Run a hub until it is not needed any more; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m store.hub", description=__doc__)
    parser.add_argument("--home", default=None)
    parser.add_argument("--idle", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--parent", type=int, default=None, metavar="PID")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    sys.meta_path.insert(0, _Without("pandas", "pyarrow.dataset", "pyarrow._s3fs"))
    try:
        owner = _become_owner(Home.locate(options.home))
    except StoreError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    hub = Hub(owner, idle_s=options.idle)

    def leave(_number: int, _frame: FrameType | None) -> None:
        hub.stop()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for those who use the hub
    serving = threading.Thread(target=hub.serve, name="bakeoff-hub", daemon=True)
    serving.start()
    hub.announce()
    try:
        hub.work(options.parent)
    finally:
        withdraw(owner.home)
        hub.shutdown()
        owner.close()
    return 0


def _become_owner(home: Home) -> Owner:
    """Wait for the store to be free, as a command may hold it for a moment."""
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            return Owner(home)
        except StoreBusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    raise SystemExit(main())
