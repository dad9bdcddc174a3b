"""An int8 variant of a trained model: a run of its own, so that it is compared like any candidate.

Weights become 8-bit whole numbers (ONNX Runtime's dynamic quantisation); what the run records is
said by the quantised networks, run by ONNX Runtime.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import store
from store.layout import Home
from trainers.data.dataset import Dataset, load_dataset
from trainers.data.inputs import PADDING, model_input_from_mapping
from trainers.errors import DataError, SpecError
from trainers.evaluate import latency, record_predictions
from trainers.export import INT8_SUFFIX, load_best, networks_of
from trainers.export_networks import (
    ExportError,
    Network,
    open_session,
    run_session,
    write_network,
)
from trainers.models.recommender import Recommender
from trainers.models.seq2seq import Memory, Seq2Seq
from trainers.spec import load_spec
from trainers.tasks.language import MaskedTask

_TAG = "int8"
_Run = Callable[..., Tensor]


def quantise(
    home: Home, run_ids: tuple[str, ...], *, name: str | None
) -> tuple[str, dict[str, float]]:
    """Record the int8 variant of a run as a run; return its id and its scores on the test split.

    Raises
    ------
    SpecError
        If there is more than one run, or its model cannot be exported or quantised.
    DataError
        If the run's data have changed.
    """
    if len(run_ids) != 1:
        raise SpecError([f"Expected one run for an int8 variant; got {len(run_ids)}."])
    parent = json.loads(home.run(run_ids[0]).header.read_text(encoding="utf-8"))
    try:
        model = load_best(home, run_ids[0])
        spec = load_spec(model.card["spec"])
        data = load_dataset(spec.data, known=model_input_from_mapping(model.card["input"]))
        if model.card.get("data_hash") not in {None, data.hash}:
            raise DataError(
                f"Expected the data that run {run_ids[0]} has learnt from; they have changed."
            )
        files = _use_int8(model)
    except ExportError as error:
        raise SpecError([str(error)]) from error
    run = store.init(
        parent["project"],
        name=name or f"{parent['name']}-int8",
        config={**parent["config"], "variant": _TAG},
        tags=[*dict.fromkeys([*parent.get("tags", ()), _TAG])],
        seed=parent.get("seed"),
        parents=run_ids,
        home=home.path,
        capture=False,
        monitor=False,
    )
    with run:
        for file, content in files.items():
            path = run.files / file
            path.write_bytes(content)
            run.log_artifact(path, file, "model")
        scores = _evaluate(run, model, data, sum(map(len, files.values())))
    return run.id, scores


def _use_int8(model: Any) -> dict[str, bytes]:
    """Let quantised networks answer for a model; return them by file name."""
    with tempfile.TemporaryDirectory() as scratch:
        files: dict[str, bytes] = {}
        runs: list[_Run] = []
        for network in networks_of(model):
            batch = write_network(network, Path(scratch))
            content = _quantised(Path(scratch) / network.file)
            files[network.file.replace(".onnx", INT8_SUFFIX)] = content
            runs.append(_runner(network, open_session(content), batch))
    _answer_by(model, runs)
    return files


def _quantised(path: Path) -> bytes:
    """Return a network with 8-bit weights."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.getLogger().setLevel(logging.ERROR)  # it advises pre-processing, which breaks dynamo's
    network = onnx.load(path)
    network.graph.ClearField("value_info")  # shapes that dynamo names and ONNX Runtime mistrusts
    onnx.save(network, path)
    target = path.with_name("int8.onnx")
    try:
        quantize_dynamic(path, target, weight_type=QuantType.QUInt8)
    except Exception as error:  # the quantiser raises whatever its passes raise
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise ExportError(
            f"Expected a network that can be quantised; got {first_line[:200]}."
        ) from error
    return target.read_bytes()


def _runner(network: Network, session: Any, batch: int | None) -> _Run:
    """Return a function that answers as the network does, for texts of any length too."""

    def run(*inputs: Tensor) -> Tensor:
        time = inputs[0].shape[1]
        full = tuple(
            _lengthened(one, 2 if length else example.shape[1])
            for one, example, length in zip(inputs, network.inputs, network.lengths, strict=True)
        )
        size = batch or len(full[0])
        parts = [
            torch.from_numpy(
                run_session(session, network, [one[start : start + size] for one in full])
            )
            for start in range(0, len(full[0]), size)
        ]
        outputs = torch.cat(parts)
        is_each_token = outputs.dim() == 3 and outputs.shape[1] == full[0].shape[1]
        return outputs[:, :time] if is_each_token else outputs

    return run


def _lengthened(inputs: Tensor, length: int) -> Tensor:
    """Return batches of texts with padding up to a length; they come as long as the longest."""
    missing = length - inputs.shape[1]
    is_text = inputs.dim() == 2 and not inputs.is_floating_point()
    return F.pad(inputs, (0, missing), value=PADDING) if is_text and missing > 0 else inputs


def _answer_by(model: Any, runs: list[_Run]) -> None:
    """Put other networks in the place of a model's own."""
    if isinstance(model, Seq2Seq):
        read, say = runs
        length = int(model.card["input"]["max_length"])

        def memory_of(source_BS: Tensor) -> Memory:
            source_BS = _lengthened(source_BS, length)
            return Memory(read(source_BS), (source_BS != PADDING)[:, None, None, :])

        def said(written_BT: Tensor, memory: Memory) -> Tensor:
            return say(written_BT, memory.states, memory.allowed[:, 0, 0].int())

        model.read, model._say = memory_of, said  # noqa: SLF001  its two halves
        return
    [run] = runs
    model.forward = run
    if isinstance(model.task, MaskedTask):
        model.answer = lambda inputs, labels: run(inputs)[labels != PADDING]
    if isinstance(model, Recommender):
        model.score = lambda users_U, items_M: run(torch.cartesian_prod(users_U, items_M)).view(
            len(users_U), len(items_M)
        )


def _evaluate(run: store.Run, model: Any, data: Dataset, num_bytes: int) -> dict[str, float]:
    """Record predictions, scores, size and speed of the quantised networks."""
    for metric, goal in model.task.goals.items():
        run.define_metric(f"test/{metric}", goal=goal)
    scores = record_predictions(run, model, data, torch.device("cpu"))
    run.log({f"test/{key}": value for key, value in scores.items()}, step=0, epoch=0)
    cost = {
        **latency(model, data.test),
        "parameters": sum(p.numel() for p in model.parameters()),
        "checkpoint_bytes": num_bytes,
    }
    run.summary.update(cost)
    run.describe(
        device="cpu, 1 thread, ONNX Runtime int8",
        variant=_TAG,
        data_hash=data.hash,
        data=data.facts,
        classes=list(data.classes),
        cost=cost,
    )
    return scores
