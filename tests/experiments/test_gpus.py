"""GPUs through a driver library that stands in for NVML: this machine may have none."""

# ruff: noqa: N802  NVML's names

import sys
from contextlib import closing
from types import SimpleNamespace

import pytest

from experiments import queue
from experiments.queueing import gpus
from experiments.queueing.attempts import attempt_folder
from experiments.queueing.jobs import State
from experiments.queueing.scheduler import Scheduler
from store.layout import Home
from tests.experiments import quick_training
from tests.experiments.queue_tools import processes_of, quick_spec, wait_for

GIB = 2**30


class NVMLError(Exception):
    pass


class Driver:
    """As much of pynvml as we use, with two GPUs."""

    NVMLError = NVMLError

    def __init__(self, *free_gib: float) -> None:
        self.free_gib = list(free_gib)

    def nvmlInit(self):
        if not self.free_gib:
            raise NVMLError("no driver")

    def nvmlShutdown(self):
        pass

    def nvmlDeviceGetCount(self):
        return len(self.free_gib)

    def nvmlDeviceGetHandleByIndex(self, index):
        return index

    def nvmlDeviceGetMemoryInfo(self, index):
        return SimpleNamespace(free=int(self.free_gib[index] * GIB), total=80 * GIB)

    def nvmlDeviceGetName(self, index):
        return "NVIDIA H100"

    def nvmlDeviceGetUUID(self, index):
        return f"GPU-{index}a2b"


@pytest.fixture
def driver(monkeypatch):
    made = Driver(80, 80)
    monkeypatch.setitem(sys.modules, "pynvml", made)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpus.count_gpus.cache_clear()
    yield made
    gpus.count_gpus.cache_clear()


def test_a_machine_without_a_driver_has_no_gpus(driver):
    driver.free_gib = []

    assert gpus.read_gpus() == []


@pytest.mark.parametrize(
    ("allowed", "ids"), [("1", ["1"]), ("0,1", ["0", "1"]), ("", []), ("GPU-1a", ["1"])]
)
def test_only_gpus_that_we_may_use_count(driver, monkeypatch, allowed, ids):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)

    assert [gpu.id for gpu in gpus.read_gpus()] == ids


def test_there_is_a_slot_for_each_gpu_unless_chosen(driver, home):
    assert queue.settings(home).slots == 2


def test_each_job_gets_a_free_gpu_and_the_next_one_waits_for_memory(driver, home, monkeypatch):
    monkeypatch.setenv("BAKEOFF_PLUGINS", quick_training.NAME)
    (home / "queue").mkdir(parents=True)
    driver.free_gib = [80, 10]
    first = queue.submit(home, quick_spec(seconds=600))
    second = queue.submit(home, quick_spec(seconds=600))
    none = queue.submit(home, quick_spec(seconds=600), gpus=0)
    many = queue.submit(home, quick_spec(), gpus=3)
    with closing(Scheduler(Home(home), grace_s=0.1)) as scheduler:
        scheduler.look()
        assert variables(first)["CUDA_VISIBLE_DEVICES"] == "0"
        assert variables(first)["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
        assert variables(none)["CUDA_VISIBLE_DEVICES"] == ""
        second, many = queue.job(home, second.id), queue.job(home, many.id)
        assert "GPU 1 has 10.0 of 80.0 GiB free" in str(second.waiting_for)
        assert (many.state, second.state) == (State.FAILED, State.QUEUED)

        queue.stop(home, none.id, hard=True)
        driver.free_gib = [20, 80]

        def has_started():
            scheduler.look()
            return queue.job(home, second.id).state is not State.QUEUED

        wait_for(has_started)
        assert variables(second)["CUDA_VISIBLE_DEVICES"] == "1"
        assert queue.job(home, second.id).gpus == ("1",)
        for job in (first, second):
            queue.stop(home, job.id, hard=True)
        wait_for(lambda: scheduler.look() or scheduler.is_idle)
        wait_for(lambda: not processes_of(home))


def variables(job):
    return attempt_folder(job.folder, 1).read_task().env
