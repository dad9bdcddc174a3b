"""Run one training in the foreground: its lines as they come, Ctrl-C passed on, honest exit code."""

import codecs
import sys
import time
from typing import TYPE_CHECKING, BinaryIO

from experiments import launch, processes
from experiments.interrupts import Interrupts

if TYPE_CHECKING:
    from trainers.spec import RunSpec

_GRACE_S = 20.0
_POLL_S = 0.1


def train(
    spec: "RunSpec", home: str | None, *, threads: int | None = None
) -> tuple[launch.Launched, int]:
    """Train until the end or until somebody asks to stop.

    The first Ctrl-C lets the training write its last checkpoint, the second one ends it.

    Returns
    -------
    Launched, int
        The training and its exit code, 128 + n if signal n ended it.

    Raises
    ------
    store.StoreError
        If the store's folder cannot be written.
    """
    with Interrupts() as interrupts:
        launched = launch.launch(spec, home=home, threads=threads)
        try:
            with launched.output.open("rb") as lines:
                _follow(launched, lines, interrupts)
        finally:
            code = launch.stop(launched, grace_s=0.0)
    launch.discard_if_unborn(launched)
    return launched, code


def _follow(launched: launch.Launched, lines: BinaryIO, interrupts: Interrupts) -> None:
    """Copy the training's lines until it ends, or has to be ended."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    deadline = float("inf")
    running = True
    while running and interrupts.count < 2 and time.monotonic() < deadline:
        running = launched.is_running  # looked at before reading, so that no last line is lost
        if interrupts.requested and deadline == float("inf"):
            sys.stderr.write("\nStopping after the current step; Ctrl-C again ends it at once.\n")
            processes.ask_to_stop(launched.process)
            deadline = time.monotonic() + _GRACE_S
        sys.stdout.write(decoder.decode(lines.read()))
        sys.stdout.flush()
        if running:
            time.sleep(_POLL_S)
