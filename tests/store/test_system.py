"""The load of the machine, as far as it can be seen."""

import subprocess
import sys
import time
from types import ModuleType, SimpleNamespace

import pytest

from store.system import SystemSampler

HOST = {
    "system/cpu_percent",
    "system/process_cpu_percent",
    "system/memory_percent",
    "system/process_memory_bytes",
    "system/disk_free_bytes",
}


class BrokenError(Exception):
    """What a driver raises."""


class Nvml(ModuleType):
    """A driver with two devices; the second has no power sensor."""

    NVML_TEMPERATURE_GPU = 0

    def nvmlInit(self):  # noqa: N802
        return None

    def nvmlDeviceGetCount(self):  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        if index > 1:
            raise BrokenError
        return index

    def nvmlDeviceGetHandleByUUID(self, name):  # noqa: N802
        return {"GPU-abc": 1}[name]

    def nvmlDeviceGetUtilizationRates(self, device):  # noqa: N802
        return SimpleNamespace(gpu=50 + device)

    def nvmlDeviceGetMemoryInfo(self, device):  # noqa: N802
        return SimpleNamespace(used=1_000 * device)

    def nvmlDeviceGetPowerUsage(self, device):  # noqa: N802
        if device == 1:
            raise BrokenError
        return 70_500

    def nvmlDeviceGetTemperature(self, device, _):  # noqa: N802
        return 40 + device


@pytest.fixture
def gpus(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", Nvml("pynvml"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_the_host_is_sampled_and_percentages_follow_with_the_second_sample(tmp_path):
    sampler = SystemSampler(tmp_path)
    first = sampler.sample()
    assert HOST - set(first) == {"system/cpu_percent", "system/process_cpu_percent"}
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        pass
    second = sampler.sample()
    assert set(second) >= HOST
    assert all(type(value) is float for value in second.values())
    assert 0 <= second["system/cpu_percent"] <= 100
    assert second["system/process_cpu_percent"] > 0
    assert 0 < second["system/memory_percent"] < 100
    assert second["system/process_memory_bytes"] > 1e6
    assert second["system/disk_free_bytes"] > 0


def test_each_gpu_is_sampled_and_a_missing_sensor_is_left_out(gpus):
    sample = SystemSampler().sample()
    assert {key: value for key, value in sample.items() if "gpu" in key} == {
        "system/gpu0/utilization_percent": 50.0,
        "system/gpu0/memory_bytes": 0.0,
        "system/gpu0/power_watts": 70.5,
        "system/gpu0/temperature_celsius": 40.0,
        "system/gpu1/utilization_percent": 51.0,
        "system/gpu1/memory_bytes": 1_000.0,
        "system/gpu1/temperature_celsius": 41.0,
    }


@pytest.mark.parametrize(
    ("visible", "temperatures"),
    [
        ("1", [41.0]),
        ("GPU-abc,0", [41.0, 40.0]),
        ("", []),
        ("-1", []),
        ("0,-1,1", [40.0]),
        ("7", []),
    ],
)
def test_gpus_are_those_that_the_process_may_use(gpus, monkeypatch, visible, temperatures):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    sample = SystemSampler().sample()
    assert [value for key, value in sample.items() if key.endswith("celsius")] == temperatures


def test_without_libraries_and_folder_there_is_nothing_and_no_error(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    gone = SystemSampler(tmp_path / "gone")
    assert "system/disk_free_bytes" not in gone.sample()
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert SystemSampler(tmp_path).sample() == {}


def test_nothing_is_imported_before_the_first_sample():
    code = "import sys, store.system as s; s.SystemSampler(); print('psutil' in sys.modules, 'pynvml' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False", "False"]


def test_a_sample_costs_little(tmp_path):
    sampler = SystemSampler(tmp_path)
    sampler.sample()
    costs = []
    for _ in range(20):
        start = time.process_time()
        sampler.sample()
        costs.append(time.process_time() - start)
    assert min(costs) < 0.002
