"""A hub that is killed while it recovers from a kill, again and again, loses nothing."""

import os
import signal
import time

import pytest

from store.asked import Reads
from store.layout import Home
from store.owner import Owner
from store.testing import make_run

POINTS = 25_000


def forked(work):
    """Run something in a fork, which is killed when it is done; return its process id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    return pid


def take_in(home):
    owner = Owner(Home(home))
    while owner.refresh(reads=Reads.POINTS) and owner._ingest.is_behind:
        pass


def check(home, run_ids):
    """Open the store, and see that it has every point once; return the CPU s of opening it."""
    start = time.process_time()
    owner = Owner(Home(home))
    opened_s = time.process_time() - start
    owner.drain()
    counted = owner.ask("points_of_runs").to_pylist()
    sums = {
        row["run_id"]: row["n"]
        for row in owner.ask("series", run_ids=None, project=None).to_pylist()
    }
    owner.close()
    assert counted == [{"run_id": run_id, "n": POINTS} for run_id in sorted(run_ids)]
    assert sums == dict.fromkeys(run_ids, POINTS)
    return opened_s


def kill_again_and_again(home, kills):
    """Leave a store as a kill does, and kill those that open it; return the CPU s of opening it."""
    run_ids = [make_run(home, metrics={"x": [0.5] * POINTS}) for _ in range(2)]
    os.waitpid(forked(lambda: take_in(home)), 0)
    assert (home / "store.duckdb.wal").stat().st_size > 1 << 20  # there is much to recover
    start = time.perf_counter()
    _, _, used = os.wait4(forked(lambda: take_in(home)), 0)
    whole_s = time.perf_counter() - start
    for kill in range(kills):
        pid = forked(lambda: take_in(home))
        time.sleep(whole_s * (kill + 1) / (kills + 1))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return used.ru_utime + used.ru_stime, check(home, run_ids)


def test_a_hub_killed_while_it_recovers_loses_nothing_and_repeats_nothing(home):
    kill_again_and_again(home, 3)


@pytest.mark.exhaustive
def test_fifty_kills_during_recovery_lose_nothing_and_repeat_nothing(home):
    first_s, last_s = kill_again_and_again(home, 50)
    print(f"opened after one kill in {first_s:.2f} s, after fifty in {last_s:.2f} s")
    assert last_s < 3 * first_s + 1
