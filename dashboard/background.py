"""Commands of Bakeoff that a page starts and watches, each a process of its own."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from experiments import processes


@dataclass(slots=True, kw_only=True)
class Work:
    """A command that was started; it goes on without the page."""

    process: "subprocess.Popen[bytes]"
    log: Path
    """alone in a temporary folder of its own"""
    _told: list[str] | None = field(default=None, init=False)

    @property
    def is_done(self) -> bool:
        """Whether it came to its end, good or bad."""
        return self.process.poll() is not None

    @property
    def succeeded(self) -> bool:
        """Whether it did what it should."""
        return self.process.poll() == 0

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
            self.clean()
        return told

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
        st.info(words(work.said()), icon=":material/hourglass_top:")

    look()


def start(name: str, arguments: Sequence[str | Path]) -> Work:
    """Start ``bakeoff`` with some arguments; `name` is the log's."""
    log = Path(tempfile.mkdtemp(prefix=f"bakeoff-{name}-")) / f"{name}.log"
    process = processes.start([sys.executable, "-m", "experiments", *arguments], output=log)
    return Work(process=process, log=log)
