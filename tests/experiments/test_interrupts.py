import os
import signal
import time

from experiments.interrupts import Interrupts


def test_signals_are_counted_and_cut_a_sleep_short() -> None:
    start = time.monotonic()
    with Interrupts() as interrupts:
        assert not interrupts.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        stopped = interrupts.sleep(30)

    assert stopped
    assert (interrupts.count, interrupts.last_signal) == (2, signal.SIGTERM)
    assert time.monotonic() - start < 10


def test_the_old_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        pass

    assert signal.getsignal(signal.SIGINT) is before
