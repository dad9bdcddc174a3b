"""Export a run's best model: ``python -m trainers.export RUN_ID --home HOME --out FOLDER``.

Writes what a model needs outside the training code, and stored inputs to check it with::

    weights.safetensors  the weights, by their names in the network
    model.onnx           the network: input -> logits
    preprocessing.json   from an example to the network's input; how scores follow from logits
    vocabulary.json      for texts: the characters of id 2, 3, ...
    labels.json          class names, by their index
    config.json          what was trained, and how it was exported
    check/               inputs of stored predictions, as they were before any preprocessing

Exit codes: 0 exported, 1 failed, 2 this run cannot be exported.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import store
from store.layout import Home
from trainers.catalog import DATA
from trainers.checkpoints import load_model
from trainers.data.dataset import PADDING, UNKNOWN, ImageInput, TextInput, model_input_from_mapping
from trainers.data.raw import RawData, RawTexts
from trainers.errors import DataError, SpecError
from trainers.models.classifier import Classifier
from trainers.spec import RunSpec, load_spec

OPSET = 18
NUM_CHECKED = 512
_TOLERANCE = 1e-4  # between torch and ONNX Runtime, on logits of the same input


class ExportError(Exception):
    """A model that cannot be exported; the message is one sentence with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Inputs for tracing the network, and what to call them."""

    inputs: Tensor
    preprocessing: dict[str, Any]


def export(run_id: str, home: Home, folder: Path, *, split: str, count: int = NUM_CHECKED) -> None:
    """Write a run's best model and inputs to check it with into a folder.

    Parameters
    ----------
    run_id
        The run.
    home
        The store's folder.
    folder
        Where to write; made if it is missing.
    split
        Whose inputs are written for the check.
    count
        How many of them, spread evenly over the split.

    Raises
    ------
    ExportError
        If the run has no checkpoint, or its model cannot be exported.
    """
    checkpoint = home.run(run_id).checkpoints / "best.ckpt"
    if not checkpoint.is_file():
        raise ExportError(
            f"Expected a checkpoint of run {run_id}; {checkpoint} does not exist. Only runs that "
            "Bakeoff trained can be exported."
        )
    model = load_model(checkpoint)
    card = model.card
    example = _example(card["input"])
    folder.mkdir(parents=True, exist_ok=True)
    batch = write_onnx(model, example.inputs, folder / "model.onnx")
    write_weights(model, folder / "weights.safetensors")
    preprocessing = dict(example.preprocessing)
    vocabulary = preprocessing.pop("vocabulary", None)
    if vocabulary is not None:
        _write_json(folder / "vocabulary.json", vocabulary)
    _write_json(folder / "preprocessing.json", {**preprocessing, "scores": "softmax"})
    _write_json(folder / "labels.json", card["classes"])
    _write_json(
        folder / "config.json",
        {
            "format": 1,
            "run": run_id,
            "variant": "float32",
            "task": "classification",
            "spec": card["spec"],
            "onnx": {"input": "input", "output": "logits", "batch": batch, "opset": OPSET},
            "parameters": sum(p.numel() for p in model.parameters()),
            "exported_with": {"torch": torch.__version__},
        },
    )
    chosen = _chosen_ids(home, run_id, split, count)
    write_check_inputs(load_spec(card["spec"]), chosen, folder / "check")


def write_onnx(model: Classifier, inputs: Tensor, path: Path) -> int | None:
    """Export the network with a batch of any size, or of 1 where that does not work.

    Parameters
    ----------
    model
        In evaluation mode.
    inputs
        A batch of two.
    path
        The ``.onnx`` file.

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
        try:
            _to_onnx(model, inputs if batch is None else inputs[:1], path, batch)
        except Exception as error:  # noqa: BLE001  the exporter raises whatever its passes raise
            first_line = (str(error).strip().splitlines() or [""])[0]
            reasons.append(f"{type(error).__name__}: {first_line[:200]}")
        else:
            return batch
    raise ExportError(
        f"Expected a network that can be exported to ONNX; {type(model).__name__} cannot "
        f"({'; '.join(reasons)})."
    )


def _to_onnx(model: Classifier, inputs: Tensor, path: Path, batch: int | None) -> None:
    shapes = ({0: torch.export.Dim("batch")},) if batch is None else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            model,
            (inputs,),
            dynamo=True,
            dynamic_shapes=shapes,
            opset_version=OPSET,
            input_names=["input"],
            output_names=["logits"],
            verbose=False,
        )
    if program is None:
        raise ExportError("the exporter gave no program")
    program.save(str(path), external_data=False)
    _compare(model, inputs, path, sizes=(1, 2, 3) if batch is None else (1,))


@torch.inference_mode()
def _compare(model: Classifier, inputs: Tensor, path: Path, sizes: Sequence[int]) -> None:
    """Run both networks: a size that was traced as a constant shows here."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for size in sizes:
        batch = inputs.repeat(size, *[1] * (inputs.dim() - 1))[:size]
        [found] = session.run(["logits"], {"input": batch.numpy()})
        off = float(np.abs(np.asarray(found) - model(batch).numpy()).max())
        if not off <= _TOLERANCE:
            raise ExportError(f"its outputs are off by {off:.2g} with a batch of {size}")


def write_weights(model: Classifier, path: Path) -> None:
    """Write the weights as safetensors, which holds numbers and cannot hold code."""
    from safetensors.torch import save_file

    save_file(
        {name: value.contiguous().clone() for name, value in model.state_dict().items()}, path
    )


def write_check_inputs(spec: RunSpec, chosen: Sequence[str], folder: Path) -> None:
    """Write inputs of stored predictions as their source has them; nothing if that is gone."""
    try:
        raw = DATA[spec.data.kind].load()(spec.data) if chosen else None
    except DataError as error:
        sys.stderr.write(f"No inputs to check with: {error}\n")
        return
    if raw is None:
        return
    place = {example: index for index, example in enumerate(raw.ids)}
    found = [(example, place[example]) for example in chosen if example in place]
    if found:
        folder.mkdir(exist_ok=True)
        _write_inputs(raw, found, folder)


def _chosen_ids(home: Home, run_id: str, split: str, count: int) -> list[str]:
    from store import predictions

    try:
        ids = predictions.read(home.run(run_id), split)["example_id"].to_pylist()
    except store.PredictionsNotFoundError:
        return []
    at = np.unique(np.linspace(0, len(ids) - 1, min(count, len(ids))).round().astype(int))
    return [ids[index] for index in at]


def _write_inputs(raw: RawData, found: list[tuple[str, int]], folder: Path) -> None:
    ids = [example for example, _ in found]
    rows = [index for _, index in found]
    if isinstance(raw, RawTexts):
        inputs: Any = {"kind": "text", "items": [raw.contents[index] for index in rows]}
    else:
        root = Path(str(raw.facts.get("source", "")))
        if all((root / example).is_file() for example in ids):
            inputs = {"kind": "path", "items": [str((root / example).resolve()) for example in ids]}
        else:
            np.save(folder / "inputs.npy", np.asarray(raw.contents)[rows], allow_pickle=False)
            inputs = {"kind": "array", "items": None}
    _write_json(folder / "inputs.json", {"ids": ids, **inputs})


def _example(mapping: dict[str, Any]) -> Example:
    """Return a batch of two for tracing, and the preprocessing that leads to it."""
    try:
        model_input = model_input_from_mapping(mapping)
    except (KeyError, TypeError) as error:
        raise ExportError(f"Expected images or texts as input; got {sorted(mapping)}.") from error
    generator = torch.Generator().manual_seed(0)
    if isinstance(model_input, ImageInput):
        size = (2, model_input.channels, model_input.height, model_input.width)
        return Example(
            inputs=torch.randint(0, 256, size, dtype=torch.uint8, generator=generator),
            preprocessing={
                "modality": "image",
                "dtype": "uint8",
                "channels": model_input.channels,
                "height": model_input.height,
                "width": model_input.width,
            },
        )
    if isinstance(model_input, TextInput):
        length = model_input.max_length
        tokens = torch.randint(1, model_input.num_tokens, (2, length), generator=generator)
        tokens[1, length // 2 :] = PADDING
        return Example(
            inputs=tokens.to(torch.int32),
            preprocessing={
                "modality": "text",
                "dtype": "int32",
                "max_length": length,
                "padding": PADDING,
                "unknown": UNKNOWN,
                "vocabulary": list(model_input.vocabulary),
            },
        )
    raise ExportError(
        f"Expected images or texts as input; got {type(model_input).__name__}, which cannot be "
        "exported yet."
    )


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Export one run and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m trainers.export", description="Export a model."
    )
    parser.add_argument("run_id", metavar="RUN_ID")
    parser.add_argument("--home", type=Path, help="folder of the store")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--split", default="test", help="whose inputs to check with")
    parser.add_argument("--count", type=int, default=NUM_CHECKED, help="how many of them")
    options = parser.parse_args(arguments)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    try:
        export(
            options.run_id,
            Home.locate(options.home),
            options.out,
            split=options.split,
            count=options.count,
        )
    except (ExportError, SpecError, store.StoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
