"""Kills real processes and counts: nothing that log() accepted is lost, nothing comes twice."""

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

WRITER = """
import mmap, struct, sys, time, store
with open(sys.argv[2], "r+b") as file:
    accepted = mmap.mmap(file.fileno(), 8)
run = store.init("p", id=sys.argv[1], capture=False)
step = 0
while True:
    for _ in range(50):
        run.log({"loss": 1.0 / (step + 1), "step": float(step)}, step=step)
        step += 1
        struct.pack_into("<q", accepted, 0, step)
    time.sleep(0.02)
"""


class Writer:
    """A training that logs as fast as it can and counts what log() accepted."""

    def __init__(self, folder, name):
        self.name = name
        self.counter = folder / f"{name}.count"
        self.counter.write_bytes(bytes(8))
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, name, str(self.counter)], stderr=subprocess.DEVNULL
        )

    def kill(self):
        self.process.kill()
        self.process.wait()

    @property
    def accepted(self):
        with (
            self.counter.open("rb") as file,
            mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ) as view,
        ):
            return struct.unpack("<q", view)[0]

    def wait_for(self, count):
        while self.accepted < count:
            assert self.process.poll() is None
            time.sleep(0.01)


@pytest.fixture
def start_writer(tmp_path):
    """Start writers, none of which outlives the test."""
    started = []

    def start(name):
        started.append(Writer(tmp_path, name))
        return started[-1]

    yield start
    for writer in started:
        writer.kill()


def hub_pid(home):
    return json.loads((home / "hub.json").read_text())["pid"]


def assert_complete(opened, writer):
    """All accepted steps are there once; at most one more, whose log() did not return."""
    table = opened.points("step", [writer.name])
    steps = table["step"].to_pylist()
    assert steps == list(range(len(steps)))
    assert table["value"].to_pylist() == [float(step) for step in steps]
    assert writer.accepted <= len(steps) <= writer.accepted + 1
    loss = opened.points("loss", [writer.name])
    assert loss.num_rows == len(steps)


def test_a_killed_training_loses_no_point_that_was_accepted(home, start_writer):
    writers = [start_writer(f"w{index}") for index in range(3)]
    for index, writer in enumerate(writers):
        writer.wait_for(500 + 1_001 * index)
        writer.kill()
    with store.open(home) as opened:
        for writer in writers:
            assert_complete(opened, writer)
            assert opened.run(writer.name)["status"] == "crashed"


@pytest.mark.slow
def test_a_hub_killed_while_it_ingests_loses_nothing_and_repeats_nothing(home, start_writer):
    chance = random.Random(7)
    writers = [start_writer(f"w{index}") for index in range(2)]
    for _ in range(8):
        store.ensure_hub(home)
        with store.open(home) as opened:
            for _ in range(chance.randrange(1, 6)):
                opened.state()
                time.sleep(chance.random() * 0.05)
        os.kill(hub_pid(home), signal.SIGKILL)
    for writer in writers:
        writer.kill()
    with store.open(home) as opened:
        for writer in writers:
            assert_complete(opened, writer)
            total = sum(
                row["n"]
                for row in opened.series([writer.name]).to_pylist()
                if row["metric"] in {"step", "loss"}
            )
            assert total == 2 * opened.points("step", [writer.name]).num_rows


@pytest.mark.slow
@pytest.mark.exhaustive
def test_an_owner_killed_while_it_compacts_keeps_every_point(home, start_writer):
    compacting = """
from store import ingest
ingest.HOT_POINTS = 3_000
from store.layout import Home
from store.owner import Owner
owner = Owner(Home.locate(None))
print("open", flush=True)
while True:
    owner.refresh()
    owner.compact_if_due()
"""
    chance = random.Random(11)
    writer = start_writer("w")
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", compacting], stdout=subprocess.PIPE) as owner:
            assert owner.stdout is not None
            owner.stdout.readline()
            time.sleep(0.2 + chance.random() * 0.6)
            owner.kill()
    writer.kill()
    with store.open(home) as opened:
        assert_complete(opened, writer)
