"""What a training and a model cost: seconds, memory, energy; floating-point operations."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count


class TrainingCost:
    """Seconds, peak memory and energy of a training, those before a resume included.

    Parameters
    ----------
    device
        Where the training happens.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before_s = 0.0
        self._before_j: float | None = 0.0
        self._started: float | None = None
        self._started_mj: int | None = None

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Count the block."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        self._started, self._started_mj = time.perf_counter(), _energy_mj(self._device)
        try:
            yield
        finally:
            state = self.state()
            self._started = None
            self._before_s, self._before_j = state["train_seconds"], state["energy_j"]

    def state(self) -> dict[str, Any]:
        """Return what has been spent so far, for a checkpoint."""
        seconds, joules = self._before_s, self._before_j
        if self._started is not None:
            seconds += time.perf_counter() - self._started
            now_mj = _energy_mj(self._device)
            if now_mj is None or self._started_mj is None or joules is None:
                joules = None
            else:
                joules += (now_mj - self._started_mj) / 1e3
        return {"train_seconds": seconds, "energy_j": joules}

    def load_state(self, state: dict[str, Any]) -> None:
        """Add what an interrupted part of the training has spent."""
        self._before_s, self._before_j = state["train_seconds"], state["energy_j"]

    def facts(self) -> dict[str, float | int | None]:
        """Return seconds, joules (None where the driver counts none) and the peak of memory."""
        return {**self.state(), "peak_memory_bytes": peak_memory_bytes(self._device)}


def peak_memory_bytes(device: torch.device) -> int:
    """Return the peak of what the tensors took on a GPU, or of the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def count_flops(model: nn.Module, inputs: Tensor) -> int | None:
    """Return the floating-point operations of one forward; None if nothing could be counted.

    torch's counter knows convolutions, matrix products and attention; recurrent layers are added
    here, and the encoder's fused path, which it cannot look into, is left aside.
    """
    counter = FlopCounterMode(display=False, custom_mapping=_UNCOUNTED)
    was_fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), counter:
            model(inputs)
    finally:
        torch.backends.mha.set_fastpath_enabled(was_fast)
    return counter.get_total_flops() or None


def _mkldnn_rnn_flops(inputs: Any, *weights: Any, **_: Any) -> int:
    """Return two operations per weight and position of one recurrent layer on a CPU."""
    num_positions = math.prod(inputs[:-1])
    return 2 * num_positions * sum(math.prod(shape) for shape in weights[:2])


def _cudnn_rnn_flops(inputs: Any, weights: Any, *_: Any, **__: Any) -> int:
    """Return two operations per weight and position of all recurrent layers on a GPU."""
    num_positions = math.prod(inputs[:-1])
    return 2 * num_positions * sum(math.prod(shape) for shape in weights if len(shape) > 1)


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


_UNCOUNTED = {
    torch.ops.aten.mkldnn_rnn_layer: _mkldnn_rnn_flops,
    torch.ops.aten._cudnn_rnn: _cudnn_rnn_flops,  # noqa: SLF001 - that is its name
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,  # noqa: SLF001
}


def _energy_mj(device: torch.device) -> int | None:
    """Return the millijoules that a GPU has used since its driver was loaded, if it says so."""
    if device.type != "cuda":
        return None
    with suppress(Exception):  # NVML has many ways to say that a device or driver cannot
        import pynvml

        pynvml.nvmlInit()
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        return pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByUUID(uuid))
    return None
