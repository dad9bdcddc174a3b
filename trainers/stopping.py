"""How a training is asked to end: SIGTERM or Ctrl-C, honoured after the current step."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class TrainingStopped(BaseException):
    """Somebody asked the training to end: a wish, not an error, like KeyboardInterrupt.

    Parameters
    ----------
    signal_number
        The signal that asked.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.exit_code = 128 + signal_number


class StopSwitch:
    """Remembers that a stop was asked for.

    A signal ends the process at once by :class:`TrainingStopped`, but inside ``deferred()`` the
    first one only sets ``requested``: the training finishes its step, saves, and then ends.
    """

    def __init__(self) -> None:
        self._signal_number: int | None = None
        self._is_deferred = False

    @property
    def requested(self) -> bool:
        """Whether a stop was asked for."""
        return self._signal_number is not None

    def install(self) -> None:
        """Listen to SIGTERM and SIGINT from now on; only the main thread may."""
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the block end in order after a first signal.

        Raises
        ------
        TrainingStopped
            After the block, if a stop was asked for meanwhile.
        """
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False
            self.raise_if_requested()  # in place of whatever Lightning made of the signal

    def raise_if_requested(self) -> None:
        """End here if a stop was asked for.

        Raises
        ------
        TrainingStopped
            If so.
        """
        if self._signal_number is not None:
            raise TrainingStopped(self._signal_number)

    def end(self) -> NoReturn:
        """End here, asked for in this process or in another that trains with it.

        Raises
        ------
        TrainingStopped
            Always.
        """
        raise TrainingStopped(self._signal_number or signal.SIGTERM)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        is_first = self._signal_number is None
        self._signal_number = number
        if not (is_first and self._is_deferred):
            raise TrainingStopped(number)
