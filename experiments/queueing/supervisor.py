"""``python -m experiments.queueing.supervisor --home HOME``: the one process a store that moves its jobs.

It is started on demand and leaves when there is nothing to do. Its lock is its life: the kernel
frees it however the process ends, and whoever starts the next one hands the lock over, so that
there are never two.
"""

import argparse
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence, Set
from contextlib import closing, suppress
from typing import Any, Self

import store
from experiments import processes
from experiments.interrupts import Interrupts
from experiments.queueing.attempts import GRACE_S, MARKER
from experiments.queueing.scheduler import Scheduler
from experiments.queueing.tasks import PERSONAL
from store.layout import Home, write_json
from store.liveness import describe_process

REFUSED = 3
"""Exit code of a supervisor that found another one at work."""
LEAVE_AFTER_S = 300.0
"""How long it stays with nothing to do."""
ON_DEMAND = "BAKEOFF_SUPERVISOR"
"""Variable that, set to 0, says that somebody else starts the supervisor, such as systemd."""
SPARE = "BAKEOFF_SPARE"
"""Variable that, set to 0, keeps no loaded training at hand: slower starts, less memory."""
_TICK_S, _TROUBLE_S = 0.25, 2.0
_PATIENCE_S, _LEAVING_S = 1.0, 20.0
_FACTS = "supervisor.json"


def ensure_supervisor(home: str | os.PathLike[str] | None) -> None:
    """Start the supervisor of a store unless it runs; cheap when it does.

    Raises
    ------
    store.HomeNotWritableError
        If the store cannot be written.
    """
    if os.environ.get(ON_DEMAND) == "0":
        return
    place = Home.locate(home).create()
    lock = _take_lock(place)
    if lock is None:
        return
    command = [sys.executable, "-m", "experiments.queueing.supervisor", "--home", str(place.path)]
    try:
        with (place.queue / "supervisor.log").open("ab", buffering=0) as log:
            process = subprocess.Popen(
                [*command, "--lock", str(lock)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    **dict.fromkeys((*PERSONAL, MARKER), ""),
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
                pass_fds=[lock],  # it has the lock before it has begun
                start_new_session=True,
            )
    finally:
        os.close(lock)
    threading.Thread(target=process.wait, daemon=True).start()  # leaves no zombie behind


def is_supervised(home: str | os.PathLike[str] | None) -> bool:
    """Return whether a supervisor is at work."""
    place = Home.locate(home)
    if not place.queue.is_dir():
        return False
    lock = _take_lock(place)
    if lock is not None:
        os.close(lock)
    return lock is None


def stop_supervisor(home: str | os.PathLike[str] | None) -> bool:
    """Ask the supervisor to leave and wait until it has; return whether there was one.

    Jobs that run go on.
    """
    place = Home.locate(home)
    facts = _facts(place)
    if facts is None or not is_supervised(place.path):
        return False
    processes.signal_exactly(facts["pid"], facts["started_ticks"], signal.SIGTERM)
    deadline = time.monotonic() + _LEAVING_S
    while is_supervised(place.path) and time.monotonic() < deadline:
        time.sleep(0.02)
    return True


def supervise(place: Home, *, lock: int, grace_s: float, leave_after_s: float) -> int:
    """Move the jobs of a store until there is nothing to do or somebody asks to leave.

    Jobs that run go on without a supervisor; the next one finds them.

    Parameters
    ----------
    lock
        The descriptor that holds the lock.
    grace_s : seconds
        How long a job may take to leave when asked to.
    leave_after_s : seconds
        How long to stay with nothing to do.
    """
    write_json(place.queue / _FACTS, describe_process(beats=False))
    keeps_spare = os.environ.get(SPARE) != "0"
    with (
        Interrupts() as interrupts,
        _Waker() as waker,
        closing(Scheduler(place, grace_s=grace_s, keeps_spare=keeps_spare)) as scheduler,
    ):
        busy_at = time.monotonic()
        while not interrupts.requested:
            pause_s = _TICK_S
            try:
                scheduler.look()
            except (store.StoreError, OSError) as error:
                _say(f"{error} Trying again.")
                pause_s = _TROUBLE_S
            if not scheduler.is_idle:
                busy_at = time.monotonic()
            elif time.monotonic() - busy_at > leave_after_s and _leave(scheduler, lock):
                return 0
            waker.wait(scheduler.living, pause_s)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Supervise a store in the foreground; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m experiments.queueing.supervisor")
    parser.add_argument("--home", help="folder of the store")
    parser.add_argument("--lock", type=int, help="descriptor that holds the lock already")
    parser.add_argument("--grace", type=float, default=GRACE_S, help="seconds to leave when asked")
    parser.add_argument("--leave-after", type=float, default=LEAVE_AFTER_S, help="idle seconds")
    options = parser.parse_args(arguments)
    place = Home.locate(options.home).create()
    lock = options.lock
    if lock is None:
        lock = _take_lock_patiently(place)
    else:
        os.set_inheritable(lock, False)
    if lock is None:
        _say(f"Expected no other supervisor of {place.path}; {_holder(place)} is at work already.")
        return REFUSED
    return supervise(place, lock=lock, grace_s=options.grace, leave_after_s=options.leave_after)


def _take_lock(place: Home) -> int | None:
    """Return a descriptor that holds the lock, or None if another process does."""
    place.queue.mkdir(parents=True, exist_ok=True)
    lock = os.open(place.queue / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _take_lock_patiently(place: Home) -> int | None:
    """Try for a moment: somebody may only be looking whether the lock is free."""
    deadline = time.monotonic() + _PATIENCE_S
    while (lock := _take_lock(place)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return lock


def _leave(scheduler: Scheduler, lock: int) -> bool:
    """Let go of the lock, but go on if somebody asked for something until then.

    Whoever asks first writes and then looks at the lock: either we see the wish, or they see that
    nobody is at work.
    """
    fcntl.flock(lock, fcntl.LOCK_UN)
    if scheduler.has_nothing_new():
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True  # somebody else has taken over
    return False


def _holder(place: Home) -> str:
    facts = _facts(place)
    return "another process" if facts is None else f"process {facts['pid']}"


def _facts(place: Home) -> dict[str, Any] | None:
    """Return who was the last to supervise."""
    with suppress(OSError, ValueError):
        return json.loads((place.queue / _FACTS).read_bytes())
    return None


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class _Waker:
    """Waits for a time, or until one of some processes ends."""

    def __init__(self) -> None:
        self._descriptors: dict[int, int] = {}
        self._poll = select.poll()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in list(self._descriptors):
            self._drop(pid)

    def wait(self, pids: Set[int], seconds: float) -> None:
        """Return when one of the processes ends, or the time is up."""
        for pid in self._descriptors.keys() - pids:
            self._drop(pid)
        for pid in pids - self._descriptors.keys():
            with suppress(ProcessLookupError):
                self._descriptors[pid] = os.pidfd_open(pid)
                self._poll.register(self._descriptors[pid], select.POLLIN)
        self._poll.poll(seconds * 1000)

    def _drop(self, pid: int) -> None:
        descriptor = self._descriptors.pop(pid)
        self._poll.unregister(descriptor)
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
