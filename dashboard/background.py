"""Commands of Bakeoff that a page starts and watches, each a process of its own."""

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from dashboard import formats
from experiments import processes

_usual_s: dict[str, float] = {}
"""How long the last one of a kind took that ended well."""


@dataclass(slots=True, kw_only=True)
class Work:
    """A command that was started; it goes on without the page."""

    process: "subprocess.Popen[bytes]"
    log: Path
    """alone in a temporary folder of its own"""
    kind: str = ""
    _stopping: threading.Thread | None = field(default=None, init=False)
    _started: float = field(default_factory=time.monotonic, init=False)
    _told: list[str] | None = field(default=None, init=False)

    @property
    def is_done(self) -> bool:
        """Whether it came to its end, good or bad, and all that it started with it."""
        is_stopping = self._stopping is not None and self._stopping.is_alive()
        return not is_stopping and self.process.poll() is not None

    @property
    def is_cancelled(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping is not None

    @property
    def succeeded(self) -> bool:
        """Whether it did what it should."""
        return self.is_done and self.process.poll() == 0

    def said(self) -> list[str]:
        """Return what it said so far; what ended well is remembered, and its log goes."""
        if self._told is not None:
            return self._told
        is_whole = self.succeeded
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        told = [line.strip() for line in text.splitlines() if line.strip()]
        if is_whole:
            self._told = told
            _usual_s[self.kind] = time.monotonic() - self._started
            self.clean()
        return told

    def cancel(self) -> None:
        """Stop it and what it started; the page need not wait for that."""
        self._stopping = threading.Thread(target=processes.stop, args=(self.process,), daemon=True)
        self._stopping.start()

    def time(self) -> str:
        """Return how long it has taken, and what is left if it takes as long as the last one."""
        spent = time.monotonic() - self._started
        usual = _usual_s.get(self.kind, 0.0)
        left = f", about {formats.duration(usual - spent)} left" if usual - spent > 1 else ""
        return f"{formats.duration(spent)} so far{left}"

    def clean(self) -> None:
        """Delete the log: nobody asks for it again."""
        shutil.rmtree(self.log.parent, ignore_errors=True)


def watch(work: Work, words: Callable[[list[str]], str]) -> None:
    """Tell how a command goes until it is done; then the page is drawn again.

    Parameters
    ----------
    words
        Makes a sentence of what the command said so far.
    """

    @st.fragment(run_every=1.0)
    def look() -> None:
        if work.is_done:
            st.rerun()
        stopping = "Stopping …" if work.is_cancelled else ""
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(
                stopping or f"{words(work.said())} ({work.time()})", icon=":material/hourglass_top:"
            )
            if not work.is_cancelled:
                st.button("Cancel", key=f"cancel_{work.kind}", on_click=work.cancel)

    look()


def start(name: str, arguments: Sequence[str | Path]) -> Work:
    """Start ``bakeoff`` with some arguments; `name` is the log's."""
    log = Path(tempfile.mkdtemp(prefix=f"bakeoff-{name}-")) / f"{name}.log"
    process = processes.start([sys.executable, "-m", "experiments", *arguments], output=log)
    return Work(process=process, log=log, kind=name)
