"""A network as ONNX: exported by torch, run by ONNX Runtime, and held against the original."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

OPSET = 18
_TOLERANCE = 1e-4  # between torch and ONNX Runtime, on outputs for the same input


class ExportError(Exception):
    """A model that cannot be exported; the message is one sentence with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One file of a bundle, before it is written."""

    file: str
    module: nn.Module
    """in evaluation mode"""
    inputs: tuple[Tensor, ...]
    """a batch of two"""
    names: tuple[str, ...] = ("input",)
    output: str = "outputs"
    lengths: tuple[str | None, ...] = (None,)
    """of each input: what its second axis is called, if it may have any length"""


def write_network(network: Network, folder: Path) -> int | None:
    """Export a network with a batch of any size, or of 1 where that does not work.

    Returns
    -------
    int or None
        The only batch size that the file takes; None if it takes any.

    Raises
    ------
    ExportError
        If neither gives the outputs of the network.
    """
    reasons: list[str] = []
    for batch in (None, 1):
        if batch and any(network.lengths):
            break
        try:
            _to_onnx(network, folder / network.file, batch)
        except Exception as error:  # noqa: BLE001  the exporter raises whatever its passes raise
            first_line = (str(error).strip().splitlines() or [""])[0]
            reasons.append(f"{type(error).__name__}: {first_line[:200]}")
        else:
            return batch
    raise ExportError(
        f"Expected a network that can be exported to ONNX; {type(network.module).__name__} cannot "
        f"({'; '.join(reasons)})."
    )


@torch.no_grad()
def _to_onnx(network: Network, path: Path, batch: int | None) -> None:
    dynamic = torch.export.Dim.DYNAMIC
    shapes = tuple({0: dynamic, **({1: dynamic} if length else {})} for length in network.lengths)
    inputs = network.inputs if batch is None else tuple(one[:1] for one in network.inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            network.module,
            inputs,
            dynamo=True,
            dynamic_shapes=shapes if batch is None else None,
            opset_version=OPSET,
            input_names=list(network.names),
            output_names=[network.output],
            verbose=False,
        )
    if program is None:
        raise ExportError("the exporter gave no program")
    program.save(str(path), external_data=False)
    _compare(network, inputs, path, sizes=(1, 2, 3) if batch is None else (1,))


@torch.inference_mode()
def _compare(network: Network, inputs: Sequence[Tensor], path: Path, sizes: Sequence[int]) -> None:
    """Run both networks: a size that was traced as a constant shows here."""
    session = open_session(path.read_bytes())
    for size in sizes:
        given = [one.repeat(size, *[1] * (one.dim() - 1))[:size] for one in inputs]
        for cut in (0, 1) if any(network.lengths) else (0,):  # one step less, where it may be
            batch = [
                one[:, : one.shape[1] - cut] if cut and length == "time" else one
                for one, length in zip(given, network.lengths, strict=True)
            ]
            found = run_session(session, network, batch)
            off = float(np.abs(found - network.module(*batch).numpy()).max())
            if not off <= _TOLERANCE:
                raise ExportError(f"its outputs are off by {off:.2g} with a batch of {size}")


def open_session(content: bytes) -> Any:
    """Return a network for ONNX Runtime on one CPU thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run_session(session: Any, network: Network, inputs: Sequence[Tensor]) -> np.ndarray[Any, Any]:
    """Return the outputs of an exported network."""
    given = {
        name: one.cpu().numpy().astype(example.numpy().dtype, copy=False)
        for name, one, example in zip(network.names, inputs, network.inputs, strict=True)
    }
    [found] = session.run([network.output], given)
    return np.asarray(found)
