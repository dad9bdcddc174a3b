"""Export a run's best model: ``python -m trainers.export RUN_ID --home HOME --out FOLDER``.

Writes what a model needs outside the training code, and stored inputs to check it with::

    weights.safetensors  the weights, by their names in the network
    model.onnx           the network: input -> outputs
    preprocessing.json   from an example to the network's input, and from its outputs to scores
    vocabulary.json      for texts: the characters or words by id
    labels.json          class names, or the names of the numbers, in the order of the outputs
    config.json          what was trained, and how it was exported
    check/               inputs of stored predictions, as they were before any preprocessing

``--int8`` makes a new run of a smaller variant instead; see `trainers.int8`.
Exit codes: 0 exported, 1 failed, 2 this run cannot be exported.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import store
from store.layout import Home
from trainers.catalog import DATA
from trainers.checkpoints import load_model
from trainers.data.inputs import model_input_from_mapping
from trainers.errors import DataError, SpecError
from trainers.export_inputs import describe, write_inputs
from trainers.spec import RunSpec, load_spec

OPSET = 18
NUM_CHECKED = 512
INT8_NAME = "model-int8.onnx"
_TOLERANCE = 1e-4  # between torch and ONNX Runtime, on outputs for the same input


class ExportError(Exception):
    """A model that cannot be exported; the message is one sentence with the reason."""


def export(run_id: str, home: Home, folder: Path, *, split: str, count: int = NUM_CHECKED) -> None:
    """Write a run's best model and inputs to check it with into a folder.

    Parameters
    ----------
    run_id
        The run: trained, or an int8 variant of one.
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
    int8 = home.run(run_id).files / INT8_NAME
    source = parent_of(home, run_id) if int8.is_file() else run_id
    model = load_best(home, source)
    folder.mkdir(parents=True, exist_ok=True)
    batch = write_model(model, folder)
    if int8.is_file():
        (folder / "model.onnx").write_bytes(int8.read_bytes())
    card = model.card
    config = {
        "format": 1,
        "run": run_id,
        "parent": source if int8.is_file() else None,
        "variant": "int8" if int8.is_file() else "float32",
        "spec": card["spec"],
        "onnx": {"input": "input", "output": "outputs", "batch": batch, "opset": OPSET},
        "parameters": sum(p.numel() for p in model.parameters()),
        "exported_with": {"torch": torch.__version__},
    }
    _write_json(folder / "config.json", config)
    chosen = _chosen_ids(home, run_id, split, count)
    _write_check_inputs(load_spec(card["spec"]), chosen, folder / "check")


def load_best(home: Home, run_id: str) -> Any:
    """Return the model of a run's best checkpoint.

    Raises
    ------
    ExportError
        If there is none that can be loaded.
    """
    checkpoint = home.run(run_id).checkpoints / "best.ckpt"
    if not checkpoint.is_file():
        raise ExportError(
            f"Expected a checkpoint of run {run_id}; {checkpoint} does not exist. Only runs that "
            "Bakeoff trained can be exported."
        )
    try:
        return load_model(checkpoint)
    except (DataError, SpecError, RuntimeError, KeyError) as error:
        raise ExportError(f"Expected a checkpoint that can be loaded; got {error}.") from error


def parent_of(home: Home, run_id: str) -> str:
    """Return the run that a variant was made from."""
    header = json.loads(home.run(run_id).header.read_text(encoding="utf-8"))
    return str((header.get("parents") or [run_id])[0])


def write_model(model: Any, folder: Path) -> int | None:
    """Write network, weights, preprocessing and labels; return the only batch size, if there is one.

    Raises
    ------
    ExportError
        If the model cannot be exported.
    """
    card = model.card
    described = describe(model_input_from_mapping(card["input"]))
    labels, scores = _outputs(card)
    batch = write_onnx(model, described.batch, folder / "model.onnx")
    write_weights(model, folder / "weights.safetensors")
    if described.vocabulary is not None:
        _write_json(folder / "vocabulary.json", list(described.vocabulary))
    _write_json(folder / "preprocessing.json", {**described.preprocessing, "scores": scores})
    _write_json(folder / "labels.json", labels)
    return batch


def _outputs(card: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Return what the outputs are called, and how scores follow from them."""
    target = card.get("target") or {"kind": "classes"}
    if target["kind"] == "classes":
        return list(card["classes"]), {"kind": "softmax"}
    if target["kind"] in {"numbers", "ratings"}:
        names = list(target["names"]) or ["value"]
        scale = {"mean": list(target["mean"]), "std": list(target["std"])}
        return names, {"kind": "linear", **scale}
    raise ExportError(
        f"Expected a model of classes or numbers; got one of {target['kind']}, which writes text "
        "and cannot be exported yet."
    )


def write_onnx(model: Any, inputs: Tensor, path: Path) -> int | None:
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


def _to_onnx(model: Any, inputs: Tensor, path: Path, batch: int | None) -> None:
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
            output_names=["outputs"],
            verbose=False,
        )
    if program is None:
        raise ExportError("the exporter gave no program")
    program.save(str(path), external_data=False)
    _compare(model, inputs, path, sizes=(1, 2, 3) if batch is None else (1,))


@torch.inference_mode()
def _compare(model: Any, inputs: Tensor, path: Path, sizes: Sequence[int]) -> None:
    """Run both networks: a size that was traced as a constant shows here."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for size in sizes:
        batch = inputs.repeat(size, *[1] * (inputs.dim() - 1))[:size]
        [found] = session.run(["outputs"], {"input": batch.numpy()})
        off = float(np.abs(np.asarray(found) - model(batch).numpy()).max())
        if not off <= _TOLERANCE:
            raise ExportError(f"its outputs are off by {off:.2g} with a batch of {size}")


def write_weights(model: Any, path: Path) -> None:
    """Write the weights as safetensors, which holds numbers and cannot hold code."""
    from safetensors.torch import save_file

    tensors = {name: value.contiguous().clone() for name, value in model.state_dict().items()}
    save_file(tensors, path)


def _write_check_inputs(spec: RunSpec, chosen: Sequence[str], folder: Path) -> None:
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
        write_inputs(raw, found, folder)


def _chosen_ids(home: Home, run_id: str, split: str, count: int) -> list[str]:
    """Return examples spread evenly over a split; several numbers of one example are one."""
    from store import predictions

    try:
        table = predictions.read(home.run(run_id), split)
    except store.PredictionsNotFoundError:
        return []
    has_parts = "slice.output" in table.column_names
    ids = list(dict.fromkeys(table["group" if has_parts else "example_id"].to_pylist()))
    at = np.unique(np.linspace(0, len(ids) - 1, min(count, len(ids))).round().astype(int))
    return [ids[index] for index in at]


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Export one run and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m trainers.export", description="Export a model."
    )
    parser.add_argument("run_id", metavar="RUN_ID")
    parser.add_argument("--home", type=Path, help="folder of the store")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", type=Path, help="folder to write to")
    target.add_argument("--int8", action="store_true", help="make a run of the int8 variant")
    parser.add_argument("--split", default="test", help="whose inputs to check with")
    parser.add_argument("--count", type=int, default=NUM_CHECKED, help="how many of them")
    options = parser.parse_args(arguments)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    os.environ["BAKEOFF_CAPTURE"] = "0"
    torch.set_num_threads(1)
    place = Home.locate(options.home)
    try:
        if options.int8:
            from trainers.int8 import make_int8_run

            sys.stdout.write(f"{make_int8_run(options.run_id, place)}\n")
        else:
            export(options.run_id, place, options.out, split=options.split, count=options.count)
    except (ExportError, SpecError, DataError, store.StoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
