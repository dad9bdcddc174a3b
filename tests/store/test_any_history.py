"""Any sequence of log calls, kills, looks and damage gives back exactly the points logged."""

import multiprocessing
import os
import shutil
import signal
import struct
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import store
from store import point_writer
from store.asked import Reads
from store.layout import Home, RunFolder
from store.owner import Owner

RUN = "r"

steps = st.none() | st.integers(-3, 12) | st.sampled_from([2**62, -(2**63)])
values = st.sampled_from([0.0, -0.0]) | st.floats() | st.floats(width=32) | st.integers(-5, 5)
metrics = st.dictionaries(st.sampled_from(["loss", "acc", "lr/ä", "x"]), values, min_size=1)
calls = st.tuples(metrics, steps, st.none() | st.floats(0, 9))
lives = st.fixed_dictionaries(
    {
        "calls": st.lists(calls, max_size=12),
        "times": st.sampled_from([1, 1, 1, 40]),
        "torn": st.none() | calls,
        "cut": st.floats(0, 1),
        "does_finish": st.booleans(),
        "then": st.lists(
            st.sampled_from(["look", "die", "die early", "compact", "seal", "lose the database"]),
            max_size=3,
        ),
    }
)
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["store.starting", "store.journal_reader", "store.sealing"])


def live(home, life, told):
    """Be a training: log, and end or be killed; say where the last frame lies in the journal."""
    os.chdir(home)  # there is no git here, which would take longer than all the rest
    run = store.init("p", id=RUN, resume="allow", home=home, capture=False, monitor=False)
    for _ in range(life["times"]):
        for call in life["calls"]:
            run.log(*call)
    start = run._writer._offset
    if life["torn"] and not life["does_finish"]:
        run.log(*life["torn"])
    told.send((run._writer.path, start, run._writer._offset))
    if life["does_finish"]:
        run.finish()
    os.kill(os.getpid(), signal.SIGKILL)


def tear(path, start, end, share):
    """Take back what a call wrote behind a byte; return whether the call is still whole."""
    cut = start + round((end - start) * share)
    with path.open("rb+") as file:
        file.seek(cut)
        lost = file.read(end - cut)
        file.seek(cut)
        file.write(bytes(len(lost)))
    return not any(lost)


class Model:
    """What was logged."""

    def __init__(self):
        self.points = Counter()
        self.highest = self.last = -1

    def resume(self):
        self.last = self.highest

    def log(self, metrics, step, epoch):
        step = self.last + 1 if step is None else step
        self.last, self.highest = step, max(self.highest, step)
        for name, value in metrics.items():
            self.points[name, step, bits(np.nan if epoch is None else epoch), bits(value)] += 1


def bits(value):
    return struct.pack("<d", value)


def play(home, history):
    """Let it happen; return what should be in the store."""
    model = Model()
    for life in history:
        receiving, sending = forks.Pipe(duplex=False)
        process = forks.Process(target=live, args=(home, life, sending))
        process.start()
        sending.close()
        path, start, end = receiving.recv()
        process.join()
        receiving.close()
        model.resume()
        for _ in range(life["times"]):
            for call in life["calls"]:
                model.log(*call)
        if (
            life["torn"]
            and not life["does_finish"]
            and (end == start or tear(path, start, end, life["cut"]))
        ):
            model.log(*life["torn"])
        for action in life["then"]:
            look(home, action)
    return model.points


def look(home, action):
    """Be a hub that looks, and sorts, seals or dies; or an accident with the database."""
    if action == "lose the database":
        move(home, "", None)
        return
    owner = Owner(Home(home))
    owner.refresh(reads=Reads.CURVES if action in {"look", "die early"} else Reads.POINTS)
    if action == "compact":
        owner._ingest._writer.compact()
    elif action == "seal":
        while owner.seal_one():
            pass
    elif action in {
        "die",
        "die early",
    }:  # as a kill leaves the database: committed, not checkpointed
        for path in home.glob("store.duckdb*"):
            shutil.copy(path, home / f"kept.{path.name}")
    owner.close()
    if action in {"die", "die early"}:
        move(home, "", None)
        move(home, "kept.", "")


def move(home, prefix, to):
    """Rename the database's files, or remove them."""
    for path in home.glob(f"{prefix}store.duckdb*"):
        if to is None:
            path.unlink()
        else:
            path.rename(home / path.name.replace(prefix, to, 1))


def found_in(home):
    """Return every point of the store, and how many its series count."""
    with store.open(home) as opened:
        names = opened.series([RUN])["metric"].to_pylist()
        rows = {name: opened.points(name, [RUN]) for name in names}
        counted = {row["metric"]: row["n"] for row in opened.series([RUN]).to_pylist()}
    assert counted == {name: table.num_rows for name, table in rows.items()}
    return Counter(
        (name, step, epoch, value)
        for name, table in rows.items()
        for step, epoch, value in zip(
            table["step"].to_pylist(),
            map(bits, table["epoch"].to_pylist()),
            map(bits, table["value"].to_pylist()),
            strict=True,
        )
    )


def check(history):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(point_writer, "GENERATION_POINTS", 300)
        home = Path(folder)
        expected = play(home, history)
        assert found_in(home) == expected
        assert found_in(home) == expected  # nor does looking again change anything
        assert RunFolder(home / "runs" / RUN).header.exists()


histories = st.lists(lives, min_size=1, max_size=3)
without_database = [HealthCheck.too_slow, HealthCheck.data_too_large]


@given(histories)
@settings(max_examples=2, deadline=None, suppress_health_check=without_database)
def test_any_history_gives_back_exactly_the_points_logged(history):
    check(history)


@pytest.mark.exhaustive
@given(st.lists(lives, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=without_database)
def test_any_long_history_gives_back_exactly_the_points_logged(history):
    check(history)
