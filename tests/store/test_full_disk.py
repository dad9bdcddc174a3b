"""A disk without space: the training goes on, and everything is there when there is space again."""

import logging
import os
import subprocess
import time

import pytest

import store


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 32 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root alone")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path):
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass


def test_a_full_disk_stops_nothing_and_loses_nothing(small_disk, caplog):
    filler = small_disk / "filler"
    home = small_disk / "home"
    with caplog.at_level(logging.WARNING), store.open(home) as opened:
        run = store.init("p", home=home, capture=False, fsync_s=0.1)
        for step in range(5_000):
            run.log({"x": float(step)}, step=step)
        assert opened.points("x", [run.id]).num_rows == 5_000

        fill(filler)
        for step in range(5_000, 60_000):
            run.log({"x": float(step)}, step=step)
        deadline = time.monotonic() + 20
        while not any("points wait in memory" in message for message in caplog.messages):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        while_full = opened.points("x", [run.id]).num_rows
        trouble = opened.state()["trouble"]

        filler.unlink()
        time.sleep(1.1)
        run.finish()
        steps = opened.points("x", [run.id])["step"].to_pylist()

        assert opened.state()["trouble"] is None
        assert opened.run(run.id)["status"] == "finished"
    assert 5_000 <= while_full < 60_000
    assert trouble is None or "none is lost" in trouble
    assert steps == list(range(60_000))
    assert sum("points wait in memory" in message for message in caplog.messages) == 1
