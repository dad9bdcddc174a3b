"""Turn Ctrl-C and SIGTERM into a question that a loop asks, so that clean-up is never cut short."""

import signal
import time
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_S = 0.1


class Interrupts:
    """While entered, signals to stop are counted instead of raised.

    A plain counter and short sleeps: a `threading.Event` set from a signal handler can deadlock.

    Attributes
    ----------
    count : int
        How often somebody asked to stop.
    """

    def __init__(self) -> None:
        self.count = 0
        self.last_signal = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def requested(self) -> bool:
        """Whether somebody asked to stop."""
        return self.count > 0

    def sleep(self, seconds: float) -> bool:
        """Sleep until `seconds` have passed or a stop is requested; return whether it is."""
        deadline = time.monotonic() + seconds
        while not self.requested and (rest := deadline - time.monotonic()) > 0:
            time.sleep(min(_POLL_S, rest))
        return self.requested

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.count += 1
        self.last_signal = number
