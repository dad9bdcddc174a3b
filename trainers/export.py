"""Export a run's best model: ``python -m trainers.export RUN_ID --home HOME --out FOLDER``.

Writes what a model needs outside the training code, and stored inputs to check it with::

    weights.safetensors  the weights, by their names in the network
    model.onnx           the network: input -> outputs; of text-to-text models encoder and decoder
    preprocessing.json   from an example to the network's input, and from its outputs to scores
    vocabulary.json      for texts: the characters or words by id
    labels.json          class names, or the names of the numbers, in the order of the outputs
    config.json          what was trained, and how it was exported
    check/               inputs of stored predictions, as they were before any preprocessing

Exit codes: 0 exported, 1 failed, 2 this run cannot be exported.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import store
from store.layout import Home
from trainers.catalog import DATA
from trainers.checkpoints import load_model
from trainers.data.inputs import PretrainedInput, TextInput, model_input_from_mapping
from trainers.data.raw import RawTexts
from trainers.errors import DataError, SpecError
from trainers.export_ensemble import header_of, members_of, write_ensemble
from trainers.export_inputs import describe, write_inputs
from trainers.export_networks import OPSET, ExportError, Network, write_network
from trainers.export_texts import (
    TARGET_VOCABULARY,
    check_texts,
    is_language,
    text_networks,
    text_scores,
)
from trainers.spec import load_spec

NUM_CHECKED = 512
INT8_SUFFIX = "-int8.onnx"


def export(run_id: str, home: Home, folder: Path, *, split: str, count: int = NUM_CHECKED) -> None:
    """Write a run's best model and inputs to check it with into a folder.

    Parameters
    ----------
    run_id
        The run: trained, an int8 variant of one, or an ensemble.
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
    folder.mkdir(parents=True, exist_ok=True)
    if members_of(home, run_id):
        write_ensemble(
            home,
            run_id,
            folder,
            write_member=lambda member, part: export(member, home, part, split=split, count=0),
        )
        model = load_best(home, _trained(home, run_id))
    else:
        model = _export_one(run_id, home, folder)
    chosen = _chosen_ids(home, run_id, split, count)
    _write_check_inputs(model, chosen, split, folder / "check")


def _export_one(run_id: str, home: Home, folder: Path) -> Any:
    """Write a trained model, or an int8 variant of one; return the trained one."""
    source = _trained(home, run_id)
    model = load_best(home, source)
    called = write_model(model, folder)
    for path in _int8(home, run_id):
        (folder / path.name.replace(INT8_SUFFIX, ".onnx")).write_bytes(path.read_bytes())
    config = {
        "format": 1,
        "run": run_id,
        "parent": source if source != run_id else None,
        "variant": "int8" if source != run_id else "float32",
        "spec": model.card["spec"],
        "onnx": called,
        "parameters": sum(p.numel() for p in model.parameters()),
        "exported_with": {"torch": torch.__version__},
    }
    _write_json(folder / "config.json", config)
    return model


def _trained(home: Home, run_id: str) -> str:
    """Return the run that was trained: of a variant its parent, of an ensemble the first member's."""
    if members := members_of(home, run_id):
        return _trained(home, members[0])
    return parent_of(home, run_id) if _int8(home, run_id) else run_id


def _int8(home: Home, run_id: str) -> list[Path]:
    return sorted(home.run(run_id).files.glob(f"*{INT8_SUFFIX}"))


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
            f"Expected a checkpoint of run {run_id}; {checkpoint} does not exist. Only models that "
            "Bakeoff trained can be exported, and ensembles of them."
        )
    try:
        model = load_model(checkpoint)
    except (DataError, SpecError, RuntimeError, KeyError) as error:
        raise ExportError(f"Expected a checkpoint that can be loaded; got {error}.") from error
    if isinstance(model_input_from_mapping(model.card["input"]), PretrainedInput):
        raise ExportError(
            "Expected a model whose texts Bakeoff cuts into tokens itself; got one of a Hugging Face "
            f"checkpoint, which cannot be exported yet. Its weights are in {checkpoint}."
        )
    outputs_of(model)
    return model


def parent_of(home: Home, run_id: str) -> str:
    """Return the run that a variant was made from."""
    return str((header_of(home, run_id).get("parents") or [run_id])[0])


def write_model(model: Any, folder: Path) -> dict[str, Any]:
    """Write networks, weights, preprocessing and labels; return how the networks are called.

    Raises
    ------
    ExportError
        If the model cannot be exported.
    """
    card = model.card
    described = describe(model_input_from_mapping(card["input"]), card["spec"]["data"])
    labels, scores = outputs_of(model)
    facts = {**described.preprocessing, "scores": scores}
    called: dict[str, Any] = {"opset": OPSET}
    for network in networks_of(model):
        batch = write_network(network, folder)
        called |= {"input": network.names[0], "output": network.output, "batch": batch}
    write_weights(model, folder / "weights.safetensors")
    if described.vocabulary is not None:
        _write_json(folder / "vocabulary.json", list(described.vocabulary))
    if card.get("target", {}).get("vocabulary"):
        _write_json(folder / TARGET_VOCABULARY, list(card["target"]["vocabulary"]))
    _write_json(folder / "preprocessing.json", facts)
    _write_json(folder / "labels.json", labels)
    return called


def networks_of(model: Any) -> tuple[Network, ...]:
    """Return the networks of a model, each with a batch of two."""
    batch = describe(model_input_from_mapping(model.card["input"]), {}).batch
    if is_language(model):
        return text_networks(model, batch)
    return (Network(file="model.onnx", module=model, inputs=(batch,)),)


def outputs_of(model: Any) -> tuple[list[str], dict[str, Any]]:
    """Return what the outputs are called, and how scores follow from them.

    Raises
    ------
    ExportError
        If nobody could make sense of them.
    """
    card = model.card
    target: dict[str, Any] = card.get("target") or {"kind": "classes"}
    if is_language(model):
        text = model_input_from_mapping(card["input"])
        assert isinstance(text, TextInput)  # noqa: S101 - the catalog lets no other through
        return ["loss"], text_scores(model, text)
    if target["kind"] == "classes":
        return list(card["classes"]), {"kind": "softmax"}
    if target["kind"] == "several":
        heads = [_of_target(head) for head in target["heads"]]
        return heads[0]["labels"], {"kind": "several", "heads": heads}
    found = _of_target(target)
    return found.pop("labels"), found


def _of_target(target: dict[str, Any]) -> dict[str, Any]:
    """Return the same of a target by its own description."""
    name = (list(target["names"]) or ["value"])[0]
    if target["kind"] == "classes":
        return {"kind": "softmax", "name": name, "labels": list(target["classes"])}
    if target["kind"] in {"numbers", "ratings"}:
        names = list(target["names"]) or ["value"]
        scale = {"mean": list(target["mean"]), "std": list(target["std"])}
        return {"kind": "linear", "name": name, "labels": names, **scale}
    raise ExportError(
        f"Expected a model of classes, numbers or texts; got one of {target['kind']}. "
        "Release another run."
    )


def write_weights(model: Any, path: Path) -> None:
    """Write the weights as safetensors, which holds numbers and cannot hold code."""
    from safetensors.torch import save_file

    tensors = {name: value.contiguous().clone() for name, value in model.state_dict().items()}
    save_file(tensors, path)


def _write_check_inputs(model: Any, chosen: Sequence[str], split: str, folder: Path) -> None:
    """Write inputs of stored predictions as their source has them; nothing if that is gone."""
    spec = load_spec(model.card["spec"])
    try:
        raw = DATA[spec.data.kind].load()(spec.data) if chosen else None
    except DataError as error:
        sys.stderr.write(f"No inputs to check with: {error}\n")
        return
    if raw is None:
        return
    place = {example: index for index, example in enumerate(raw.ids)}
    found = [(example, place[example]) for example in chosen if example in place]
    if not found:
        return
    folder.mkdir(exist_ok=True)
    if is_language(model) and isinstance(raw, RawTexts):
        items = check_texts(model, spec, raw, found, split)
        checked = {"ids": [example for example, _ in found], "kind": "items", "items": items}
        _write_json(folder / "inputs.json", checked)
    else:
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
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--split", default="test", help="whose inputs to check with")
    parser.add_argument("--count", type=int, default=NUM_CHECKED, help="how many of them")
    options = parser.parse_args(arguments)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    os.environ["BAKEOFF_CAPTURE"] = "0"
    torch.set_num_threads(1)
    place = Home.locate(options.home)
    try:
        export(options.run_id, place, options.out, split=options.split, count=options.count)
    except (ExportError, SpecError, DataError, store.StoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
