"""Samples the load of the machine and of this process."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_Reading = tuple[str, Callable[[], float]]


class SystemSampler:
    """Samples the load of the machine and of this process, as far as it can be seen.

    ``system/cpu_percent`` and ``system/memory_percent`` are of the whole machine,
    ``system/process_cpu_percent`` (100 is one core) and ``system/process_memory_bytes`` of this
    process without its children, ``system/disk_free_bytes`` of the disk that the folder is on. For
    each GPU that this process may use, numbered as the process numbers them, there are
    ``system/gpu0/utilization_percent``, ``memory_bytes``, ``power_watts`` and
    ``temperature_celsius``. Percentages of CPU are means since the sample before, so the first
    sample has none. What the machine does not tell is left out; nothing here ever raises.

    Parameters
    ----------
    folder
        Whose disk is watched; the current folder by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path()
        self._readings: list[_Reading] | None = None

    def sample(self) -> dict[str, float]:
        """Return metric name -> value; percent, bytes, watts, degrees Celsius."""
        is_first = self._readings is None
        if self._readings is None:
            self._readings = [*_readings(_of_host, self._folder), *_readings(_of_gpus)]
        values = {name: value for name, read in self._readings if (value := _try(read)) is not None}
        if is_first:  # they measure from the call before
            values.pop("system/cpu_percent", None)
            values.pop("system/process_cpu_percent", None)
        return values


def _try(read: Callable[[], float]) -> float | None:
    try:
        return float(read())
    except Exception:  # noqa: BLE001  # a sensor that fails must not end a training
        return None


def _readings(find: Callable[..., Iterator[_Reading]], *arguments: Any) -> list[_Reading]:
    """Return what can be read, up to the first thing that is missing."""
    found: list[_Reading] = []
    try:
        for reading in find(*arguments):
            found.append(reading)  # noqa: PERF402  # keep those before an error
    except Exception:  # noqa: BLE001  # no such library, driver or device
        return found
    return found


def _of_host(folder: Path) -> Iterator[_Reading]:
    import psutil

    process = psutil.Process()
    yield "system/cpu_percent", lambda: psutil.cpu_percent(None)
    yield "system/process_cpu_percent", lambda: process.cpu_percent(None)
    yield "system/memory_percent", lambda: psutil.virtual_memory().percent
    yield "system/process_memory_bytes", lambda: process.memory_info().rss
    yield "system/disk_free_bytes", lambda: psutil.disk_usage(str(folder)).free


def _of_gpus() -> Iterator[_Reading]:
    import pynvml

    pynvml.nvmlInit()
    for number, device in enumerate(_visible(pynvml)):
        yield from _of_gpu(pynvml, device, f"system/gpu{number}")


def _of_gpu(nvml: Any, device: Any, name: str) -> Iterator[_Reading]:
    yield (
        f"{name}/utilization_percent",
        lambda: nvml.nvmlDeviceGetUtilizationRates(device).gpu,
    )
    yield f"{name}/memory_bytes", lambda: nvml.nvmlDeviceGetMemoryInfo(device).used
    yield f"{name}/power_watts", lambda: nvml.nvmlDeviceGetPowerUsage(device) / 1000
    yield (
        f"{name}/temperature_celsius",
        lambda: nvml.nvmlDeviceGetTemperature(device, nvml.NVML_TEMPERATURE_GPU),
    )


def _visible(nvml: Any) -> list[Any]:
    """Return the devices that CUDA shows to this process, in CUDA's order."""
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    if asked is None:
        count = nvml.nvmlDeviceGetCount()
        return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
    devices: list[Any] = []
    for entry in filter(None, (part.strip() for part in asked.split(","))):
        if entry.startswith("-"):  # CUDA ignores what comes after a -1
            break
        if entry.isdigit():
            devices.append(nvml.nvmlDeviceGetHandleByIndex(int(entry)))
        else:
            devices.append(nvml.nvmlDeviceGetHandleByUUID(entry))
    return devices
