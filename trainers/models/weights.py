"""Weights from files; nothing in a file can run code."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainers.errors import DataError, SpecError, first_line


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of a .safetensors file or of a checkpoint.

    Raises
    ------
    DataError
        If the file is missing, damaged, or holds more than weights.
    """
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (OSError, SafetensorError) as error:
            raise DataError(f"Expected the weight file {path}; got {error}. Check it.") from error
    content = read_plain(path)
    weights = content.get("state_dict", content)
    return {name: value for name, value in weights.items() if isinstance(value, Tensor)}


def read_plain(path: Path) -> dict[str, Any]:
    """Return what a checkpoint file holds, if that is tensors and plain values only.

    Raises
    ------
    DataError
        If the file is missing or damaged, or loading it would run code that it contains.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an odd pickle: it is refused below if it is one
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(
            f"Expected {path} to hold weights and plain values only; it holds other objects, which "
            "could run code, and is refused. Save its state_dict, or use .safetensors."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        reason = first_line(error)
        raise DataError(f"Expected the checkpoint {path}; got {reason}. Check the file.") from error
    if not isinstance(content, dict):
        raise DataError(f"Expected a dictionary in {path}; got {type(content).__name__}.")
    return content


def load_into(module: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Load weights that fit exactly.

    Raises
    ------
    SpecError
        If they are those of another architecture; the first difference is named.
    """
    own = module.state_dict()
    differing = [
        name for name in own if name not in weights or weights[name].shape != own[name].shape
    ] or [name for name in weights if name not in own]
    if differing:
        name = differing[0]
        found = tuple(weights[name].shape) if name in weights else "nothing"
        wanted = tuple(own[name].shape) if name in own else "nothing"
        raise SpecError(
            [
                (
                    f"Expected weights of the same architecture in {path}; got {found} for {name}, where "
                    f"the model has {wanted} ({len(differing)} differences). Give the model's settings "
                    "of that checkpoint."
                )
            ]
        )
    module.load_state_dict(weights)
