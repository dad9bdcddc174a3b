"""Kills writers and hubs at random moments, again and again, and counts every point afterwards."""

import json
import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import time

import pytest

import store
from store.hub_address import hub_facts
from store.layout import Home

WRITER = """
import mmap, struct, sys, store
with open(sys.argv[2], "r+b") as file:
    accepted = mmap.mmap(file.fileno(), 8)
run = store.init("p", id=sys.argv[1], capture=False)
step = 0
while True:
    run.log({"step": float(step), "a": 0.5, "b": -float(step), "c": 1.0}, step=step)
    step += 1
    struct.pack_into("<q", accepted, 0, step)
    if step % 200 == 0:
        time.sleep(0.05)
""".replace("import mmap, struct, sys, store", "import mmap, struct, sys, time, store")


def accepted_of(path):
    with path.open("rb") as file, mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ) as view:
        return struct.unpack("<q", view)[0]


def kill_writers_and_hubs(home, folder, *, kills, life_s, seed=5):
    """Run two writers and a hub; kill one of them at a time, and start another in its place.

    Returns how many steps each run's ``log()`` accepted.
    """
    chance = random.Random(seed)
    accepted, writers = {}, []

    def start():
        name = f"w{len(accepted)}"
        path = folder / f"{name}.count"
        path.write_bytes(bytes(8))
        accepted[name] = path
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, name, str(path)], stderr=subprocess.DEVNULL
        )
        writers.append(process)

    start()
    start()
    try:
        for number in range(kills):
            store.ensure_hub(home)
            with store.open(home) as opened:
                until = time.monotonic() + chance.random() * life_s
                while time.monotonic() < until:
                    opened.state()
            if number % 2:
                facts = hub_facts(Home.locate(home))
                if facts is not None:
                    os.kill(facts["pid"], signal.SIGKILL)
            else:
                victim = writers.pop(chance.randrange(len(writers)))
                victim.kill()
                victim.wait()
                start()
    finally:
        for process in writers:
            process.kill()
            process.wait()
    return {name: accepted_of(path) for name, path in accepted.items()}


def check_every_point(home, accepted):
    """Return how many points were accepted; each is there once, and at most one more call a run."""
    total = 0
    with store.open(home) as opened:
        for name, count in accepted.items():
            if not count:
                continue
            steps = opened.points("step", [name])["step"].to_pylist()
            assert steps == list(range(len(steps))), name
            assert count <= len(steps) <= count + 1
            numbers = {row["metric"]: row["n"] for row in opened.series([name]).to_pylist()}
            assert {numbers[metric] for metric in ("step", "a", "b", "c")} == {len(steps)}
            assert opened.run(name)["status"] == "crashed"
            total += 4 * count
    return total


@pytest.mark.slow
@pytest.mark.exhaustive
def test_kills_of_writers_and_hubs_lose_no_point_and_repeat_none(home, tmp_path):
    accepted = kill_writers_and_hubs(home, tmp_path, kills=8, life_s=1.0)
    assert check_every_point(home, accepted) > 20_000


@pytest.mark.exhaustive
def test_a_hundred_kills_lose_none_of_a_million_points(home, tmp_path):
    accepted = kill_writers_and_hubs(home, tmp_path, kills=100, life_s=1.5)
    total = check_every_point(home, accepted)
    print(json.dumps({"kills": 100, "points": total, "lost": 0}))
    assert total >= 1_000_000


READER = """
import sys, time, store
until = time.monotonic() + float(sys.argv[1])
with store.open() as opened:
    while time.monotonic() < until:
        ids = opened.runs(limit=20, order_by="created desc")["run_id"].to_pylist()
        opened.curves("a", ids[:5])
        opened.state()
"""
SHORT_WRITER = """
import sys, store
with store.init("p", id=sys.argv[1], capture=False) as run:
    for step in range(int(sys.argv[2])):
        run.log({"a": float(step)}, step=step)
"""


@pytest.mark.exhaustive
def test_64_writers_and_8_readers_at_once_see_no_error(home):
    store.ensure_hub(home)
    readers = [subprocess.Popen([sys.executable, "-c", READER, "40"]) for _ in range(8)]
    writers = [
        subprocess.Popen([sys.executable, "-c", SHORT_WRITER, f"w{index}", "2000"])
        for index in range(64)
    ]
    assert [process.wait() for process in writers] == [0] * 64
    assert [process.wait() for process in readers] == [0] * 8
    with store.open(home) as opened:
        assert opened.count_runs("status = finished") == 64
        assert {row["n"] for row in opened.series().to_pylist() if row["metric"] == "a"} == {2_000}
    store.stop_hub(home)
