"""The background thread of a run: heartbeat, syncs, machine load, facts that take a while."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from store import liveness
from store.events import EventLog
from store.journal import SegmentWriter
from store.layout import RunFolder
from store.system import SystemSampler

SAMPLE_S = 5.0
"""How often the load of the machine is sampled."""
_TICK_S = 0.5


class Monitor:
    """Looks after a run while its training is busy.

    Parameters
    ----------
    folder
        The run's files.
    events
        Its event log.
    writer
        Its journal.
    start
        What `time.perf_counter` said at the run's start.
    fsync_s
        How often the journal is pushed to the disk: the most that a power cut can take.
    slow_facts
        Gathered once, in the background, and added to the run's record.
    warn
        Says something to the user, once for each of the keys that it is given.
    """

    def __init__(
        self,
        folder: RunFolder,
        events: EventLog,
        writer: SegmentWriter,
        start: float,
        *,
        fsync_s: float,
        slow_facts: Callable[[], dict[str, object]],
        warn: Callable[[str, str], None],
    ) -> None:
        self._folder = folder
        self._events = events
        self._writer = writer
        self._start = start
        self._fsync_s = fsync_s
        self._slow_facts = slow_facts
        self._warn = warn
        self._system: SegmentWriter | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="bakeoff-monitor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close what it wrote to."""
        self._stop.set()
        self._thread.join(timeout=10)
        if self._system is not None:
            self._system.close()

    def _work(self) -> None:
        with suppress(Exception):
            self._events.append("describe", facts=self._slow_facts())
        sampler = SystemSampler(self._folder.path)
        due = dict.fromkeys(("beat", "sync", "sample"), 0.0)
        while not self._stop.is_set():
            self._writer.prepare()
            now = time.monotonic()
            if now >= due["beat"]:
                liveness.touch(self._folder.heartbeat)
                due["beat"] = now + liveness.BEAT_S
            if now >= due["sync"]:
                self._sync()
                due["sync"] = now + self._fsync_s
            if now >= due["sample"]:
                self._sample(sampler)
                due["sample"] = now + SAMPLE_S
            self._stop.wait(_TICK_S)

    def _sync(self) -> None:
        self._writer.sync()
        self._events.retry()
        if self._writer.waiting:
            self._warn("full", f"No space for {self._writer.path}: points wait in memory.")
        if self._system is not None:
            self._system.sync()

    def _sample(self, sampler: SystemSampler) -> None:
        """Write the machine's load; the step is the whole second since the run's start."""
        with suppress(Exception):
            load = sampler.sample()
            if self._system is None:
                path = self._folder.open_segment("system")
                self._system = SegmentWriter(path, start=self._start)
            elapsed_s = int(time.perf_counter() - self._start)
            self._system.log(load, elapsed_s)
