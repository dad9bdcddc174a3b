"""How a process gets at a store: through the live hub, as its owner, or by starting a hub."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from store.errors import HubUnreachableError, StoreBusyError, StoreError
from store.hub_address import hub_facts
from store.layout import Home
from store.liveness import start_ticks
from store.reading import Backend, Store

_PATIENCE_S = 20.0
_START_S = 60.0
"""How long a hub may take to start: nothing is won by giving one up that lives, on a busy machine."""


class SharedOwner:
    """The owner of a store within this process, for everybody who opens the store here."""

    _lock: ClassVar = threading.Lock()
    _by_home: ClassVar[dict[Path, "SharedOwner"]] = {}

    def __init__(self, home: Home) -> None:
        from store.owner import Owner

        self._key = home.path.resolve()
        self._num_users = 0
        self._owner = Owner(home)
        self._owner.drain()
        self.ask = self._owner.ask
        self.act = self._owner.act

    @classmethod
    def of(cls, home: Home) -> "SharedOwner":
        """Return this process's owner of a store, made if there is none.

        Raises
        ------
        StoreError
            As `store.owner.Owner`.
        """
        with cls._lock:
            key = home.path.resolve()
            if key not in cls._by_home:
                cls._by_home[key] = cls(home)
            shared = cls._by_home[key]
            shared._num_users += 1  # noqa: SLF001  # the same class
            return shared

    def close(self) -> None:
        """Let go; the last one closes the store."""
        with self._lock:
            self._num_users -= 1
            if not self._num_users:
                del self._by_home[self._key]
                self._owner.close()


def open(home: str | os.PathLike[str] | None = None) -> Store:  # noqa: A001  # the contract's name
    """Open a store for reading: through the live hub, or by owning it where there is none.

    Parameters
    ----------
    home
        The store's folder; ``BAKEOFF_HOME`` or ``./.bakeoff``.

    Raises
    ------
    StoreBusyError
        If another process holds the store and does not answer.
    NewerStoreError
        If a newer Bakeoff made it.
    HomeNotWritableError
        If it cannot be opened.
    """
    return Store(Home.locate(home), _hub_or_owner)


def ensure_hub(home: str | os.PathLike[str] | None = None, *, parent: int | None = None) -> None:
    """Start a hub for a store if none is alive, and wait until it answers.

    Parameters
    ----------
    home
        The store's folder.
    parent
        A process whose end ends the hub, once nobody else asks.

    Raises
    ------
    StoreError
        If the hub cannot start; with its own words.
    """
    located = Home.locate(home).create()
    if hub_facts(located) is None or not _hub_answers(located):
        _start_hub(located, parent)


def open_through_hub(home: str | os.PathLike[str] | None = None) -> Store:
    """Open a store through its hub, always, started where there is none.

    For processes that live long, such as a dashboard or a search: owning the store themselves
    would lock the others out. The hub leaves with this process, once nobody else asks.

    Raises
    ------
    StoreError
        When the store is first asked, if the hub cannot start; with its own words.
    """
    return Store(Home.locate(home), _started_hub)


def _started_hub(home: Home) -> Backend:
    from store.client import HubClient

    ensure_hub(home.path, parent=os.getpid())
    return HubClient(home)


def stop_hub(home: str | os.PathLike[str] | None = None) -> bool:
    """Ask the hub to leave and wait until it has; return whether there was one."""
    from store.client import HubClient

    located = Home.locate(home)
    facts = hub_facts(located)
    if facts is None:
        return False
    with suppress(HubUnreachableError):
        HubClient(located).act("stop")
    deadline = time.monotonic() + _PATIENCE_S
    while start_ticks(facts["pid"]) == facts["started_ticks"] and time.monotonic() < deadline:
        time.sleep(0.02)
    return True


def _hub_answers(home: Home) -> bool:
    from store.client import HubClient

    try:
        client = HubClient(home)
        try:
            client.act("ping")
        finally:
            client.close()
    except HubUnreachableError:
        return False
    return True


def _hub_or_owner(home: Home) -> Backend:
    """Connect to the hub, else own the store, else wait for whoever holds it at the moment."""
    from store.client import HubClient

    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return HubClient(home)
        except HubUnreachableError:
            pass
        try:
            return SharedOwner.of(home)
        except StoreBusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _start_hub(home: Home, parent: int | None) -> None:
    command = [sys.executable, "-m", "store.hub", "--home", str(home.path)]
    if parent is not None:
        command += ["--parent", str(parent)]
    log = home.path / "hub.log"
    with log.open("ab") as file:
        start = file.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            env={
                "MALLOC_ARENA_MAX": "2",  # one a thread would cost 20 MB
                "ARROW_DEFAULT_MEMORY_POOL": "system",  # a second allocator costs 3 MB
                "OPENBLAS_NUM_THREADS": "1",  # nothing here multiplies matrices
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
        )
    deadline = time.monotonic() + _START_S
    while not _hub_answers(home):
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_bytes()[start:].decode(errors="replace").strip()
            last = said.rpartition("\n")[2] or f"It says nothing; see {log}."
            raise StoreError(last)
        time.sleep(0.02)
    threading.Thread(target=process.wait, daemon=True).start()  # leaves no zombie behind
