"""An int8 variant of a trained model: a run of its own, so that it is compared like any candidate.

Weights become 8-bit whole numbers (ONNX Runtime's dynamic quantisation); the run's predictions are
those of the quantised network, made by ONNX Runtime.
"""

from __future__ import annotations

import itertools
import json
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import store
from store.layout import Home
from trainers.data.dataset import Dataset, Split, load_dataset
from trainers.data.inputs import model_input_from_mapping
from trainers.export import INT8_NAME, ExportError, load_best, write_model
from trainers.spec import load_spec

_BATCH = 256
_NUM_WARM_UP, _NUM_TIMED = 10, 200
_TAG = "int8"


def make_int8_run(run_id: str, home: Home) -> str:
    """Quantise a run's best model, evaluate it, and return the id of the new run.

    Parameters
    ----------
    run_id
        The run whose model it is.
    home
        The store's folder.

    Raises
    ------
    ExportError
        If the model cannot be exported or quantised.
    DataError
        If the data cannot be had any more.
    """
    model = load_best(home, run_id)
    parent = json.loads(home.run(run_id).header.read_text(encoding="utf-8"))
    spec = load_spec(model.card["spec"])
    data = load_dataset(spec.data, known=model_input_from_mapping(model.card["input"]))
    with tempfile.TemporaryDirectory() as scratch:
        batch = write_model(model, Path(scratch))
        quantised = _quantised(Path(scratch) / "model.onnx")
    run = store.init(
        parent["project"],
        name=f"{parent['name']}-int8",
        config=parent["config"],
        tags=[*parent.get("tags", ()), _TAG],
        seed=parent.get("seed"),
        parents=[run_id],
        home=home.path,
        capture=False,
        monitor=False,
    )
    with run:
        path = run.files / INT8_NAME
        path.write_bytes(quantised)
        run.log_artifact(path, INT8_NAME, "model")
        _evaluate(run, model, data, path, batch)
        run.finish("finished")
    return run.id


def _quantised(path: Path) -> bytes:
    """Return the network with 8-bit weights."""
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


def _evaluate(run: store.Run, model: Any, data: Dataset, path: Path, batch: int | None) -> None:
    """Record predictions, scores, size and speed of the quantised network."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    task = model.task
    for goal in ("max", "min"):
        for name in (metric for metric, aim in task.goals.items() if aim == goal):
            for split in ("val", "test"):
                run.define_metric(f"{split}/{name}", goal=goal)
    for name, split in (("val", data.val), ("test", data.test)):
        outputs = torch.from_numpy(_outputs(session, split, batch))
        judged = task.judge(outputs, split.labels)
        rows = task.rows(judged, split)
        run.log_predictions(
            name,
            rows.ids,
            rows.label,
            rows.scores,
            slices=rows.slices,
            group=rows.group,
            classes=rows.classes,
            task=rows.task,
        )
        scores = task.scores(judged, split.labels)
        run.log({f"{name}/{key}": value for key, value in scores.items()}, step=0, epoch=0)
    cost = {
        **_latency(session, data.test),
        "parameters": sum(p.numel() for p in model.parameters()),
        "checkpoint_bytes": path.stat().st_size,
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


def _outputs(session: Any, split: Split, batch: int | None) -> NDArray[np.float32]:
    inputs = split.inputs.numpy()
    size = batch or _BATCH
    parts = [
        session.run(["outputs"], {"input": inputs[start : start + size]})[0]
        for start in range(0, len(inputs), size)
    ]
    return np.concatenate(parts)


def _latency(session: Any, split: Split) -> dict[str, float]:
    """Return ``latency_p50_ms`` and ``latency_p95_ms`` of single examples."""
    taken: list[float] = []
    inputs = split.inputs.numpy()
    for row in itertools.islice(itertools.cycle(range(len(inputs))), _NUM_WARM_UP + _NUM_TIMED):
        started = time.perf_counter()
        session.run(["outputs"], {"input": inputs[row : row + 1]})
        taken.append((time.perf_counter() - started) * 1e3)
    p50, p95 = np.percentile(taken[_NUM_WARM_UP:], [50, 95])
    return {"latency_p50_ms": float(p50), "latency_p95_ms": float(p95)}
