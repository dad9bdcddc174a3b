"""The GPUs of this machine: which there are, and which have memory to spare."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU."""

    id: str
    """As ``CUDA_VISIBLE_DEVICES`` takes it."""
    uuid: str
    name: str
    free_bytes: int
    total_bytes: int


def read_gpus() -> list[Gpu]:
    """Return the GPUs that we may use, with their memory now; none where there is no driver."""
    try:
        import pynvml
    except ImportError:
        return []
    try:
        with _nvml():
            found = [_read(index) for index in range(pynvml.nvmlDeviceGetCount())]
            return [gpu for gpu in found if _is_ours(gpu)]
    except pynvml.NVMLError:
        return []


@cache
def count_gpus() -> int:
    """Return how many GPUs we may use; asked once a process."""
    return len(read_gpus())


@contextmanager
def _nvml() -> Iterator[None]:
    import pynvml

    pynvml.nvmlInit()
    try:
        yield
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _read(index: int) -> Gpu:
    import pynvml

    device = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(device)
    return Gpu(
        id=str(index),
        uuid=str(pynvml.nvmlDeviceGetUUID(device)),
        name=str(pynvml.nvmlDeviceGetName(device)),
        free_bytes=int(memory.free),
        total_bytes=int(memory.total),
    )


def _is_ours(gpu: Gpu) -> bool:
    """Whether ``CUDA_VISIBLE_DEVICES``, if set, names it, by number or by the start of its UUID."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return True
    names = [name.strip() for name in allowed.split(",") if name.strip()]
    return any(name == gpu.id or (len(name) > 4 and gpu.uuid.startswith(name)) for name in names)
