"""Throughput of each kind on a CUDA device: examples/s, tokens/s, FLOP/s and their share of the peak.

    python tests/bench/bench_gpu.py [KIND ...]           full sizes; --tiny on a machine without a GPU

The whole training path is measured (loader, Lightning, optimizer, record at every tenth step), on
invented data that lie on the device, with bf16, torch.compile, fused AdamW and torch's attention.
The fastest of the epochs counts, so that compiling does not. FLOPs are those of forward and
backward as torch's counter sees them (three forwards); what is recomputed does not count. `MFU` is
their share of the device's dense bf16 peak, for devices whose peak is known here.
"""

import argparse
import contextlib
import io
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import store
from trainers.checkpoints import build_model
from trainers.cost import count_flops, peak_memory_bytes
from trainers.data.dataset import Dataset, Split
from trainers.data.inputs import ImageInput, ModelInput, TextInput
from trainers.data.targets import Target
from trainers.fit import _fit, _make_trainer, _prepare_torch
from trainers.parents import Parents
from trainers.preparing import Plan
from trainers.spec import load_spec
from trainers.stopping import StopSwitch

PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12}
"""Dense bf16 FLOP/s, from the makers' data sheets; the SXM ones where there are several."""
EPOCHS = 3


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind at one size."""

    model: Mapping[str, Any]
    batch: int
    steps: int
    tokens: int = 0
    """Of each example, for texts; 0 for images."""
    vocabulary: int = 0
    pixels: int = 0


def gpt(width: int, heads: int, layers: int) -> dict[str, Any]:
    return {"kind": "gpt", "embedding": width, "heads": heads, "layers": layers, "dropout": 0.0}


FULL = {
    "gpt 124M": Case(model=gpt(768, 12, 12), batch=16, steps=40, tokens=1024, vocabulary=50_302),
    "encoder": Case(
        model={
            "kind": "transformer", "embedding": 512, "heads": 8, "layers": 6, "feedforward": 2048,
        },
        batch=128, steps=100, tokens=256, vocabulary=30_000,
    ),
    "lstm": Case(
        model={"kind": "lstm", "embedding": 300, "hidden": 512, "bidirectional": False},
        batch=256, steps=100, tokens=128, vocabulary=30_000,
    ),
    "cnn": Case(model={"kind": "cnn", "channels": [64, 128, 256]}, batch=1024, steps=48, pixels=32),
    "resnet": Case(
        model={"kind": "multiscale", "channels": [64, 128, 256], "blocks": 2},
        batch=1024, steps=48, pixels=32,
    ),
}  # fmt: skip
TINY = {
    "gpt 124M": Case(model=gpt(16, 2, 1), batch=4, steps=2, tokens=16, vocabulary=50),
    "encoder": Case(
        model={"kind": "transformer", "embedding": 16, "heads": 2, "layers": 1, "feedforward": 16},
        batch=4, steps=2, tokens=16, vocabulary=50,
    ),
    "lstm": Case(
        model={"kind": "lstm", "embedding": 8, "hidden": 8}, batch=4, steps=2, tokens=16,
        vocabulary=50,
    ),
    "cnn": Case(model={"kind": "cnn", "channels": [4], "dense": 8}, batch=4, steps=2, pixels=8),
    "resnet": Case(model={"kind": "multiscale", "channels": [4]}, batch=4, steps=2, pixels=8),
}  # fmt: skip


def input_of(case: Case) -> ModelInput:
    if case.tokens:
        words = tuple(f"w{number}" for number in range(case.vocabulary))
        return TextInput(max_length=case.tokens, vocabulary=words)
    grey = (127.0,) * 3
    return ImageInput(channels=3, height=case.pixels, width=case.pixels, mean=grey, std=grey)


def split_of(case: Case, count: int) -> Split:
    generator = torch.Generator().manual_seed(0)
    if case.tokens:
        inputs = torch.randint(
            2, case.vocabulary, (count, case.tokens), dtype=torch.int32, generator=generator
        )
    else:
        size = (count, 3, case.pixels, case.pixels)
        inputs = torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)
    labels = torch.arange(count) % 2
    return Split(inputs=inputs, labels=labels, ids=tuple(map(str, range(count))), slices={})


def plan_of(case: Case, *, on_gpu: bool) -> Plan:
    training = {
        "epochs": EPOCHS,
        "batch_size": case.batch,
        "precision": "bf16-mixed" if on_gpu else "32-true",
        "compile": on_gpu,
    }
    kind = "reviews" if case.tokens else "digits"
    spec = load_spec({"data": {"kind": kind}, "model": case.model, "training": training})
    target = Target(kind="classes", classes=("no", "yes"), counts=(1, 1))
    model = build_model(spec, input_of(case), target)
    spec = spec.model_copy(
        update={
            "training": spec.training.model_copy(update={"monitor": f"val/{model.task.monitor}"})
        }
    )
    model.training_config = spec.training
    model.card.update(spec=spec.to_mapping())
    train, held = split_of(case, case.batch * case.steps), split_of(case, case.batch)
    data = Dataset(
        input=input_of(case), target=target, train=train, val=held, test=held, hash="", facts={}
    )
    if on_gpu:
        model.compile_network()
    stop = StopSwitch()
    return Plan(spec=spec, data=data, model=model, stop=stop, parents=Parents(), start=None)


def measure(name: str, case: Case, device: torch.device, home: Path) -> str:
    """Return a row."""
    plan = plan_of(case, on_gpu=device.type == "cuda")
    _prepare_torch(plan.spec.training)
    flops = 3 * (count_flops(plan.model, plan.data.test.inputs[:1]) or 0)
    with store.init("gpu", home=home, capture=False) as run:
        trainer, _ = _make_trainer(run, run.folder, plan)
        with contextlib.redirect_stdout(io.StringIO()):
            _fit(trainer, plan)
    with store.open(home) as opened:
        rows = {row["metric"]: row for row in opened.series([run.id]).to_pylist()}
    rate = rows["examples_per_s"]["max"]
    busy = next(
        (f"{row['last']:.0f} %" for key, row in rows.items() if "gpu" in key and "util" in key), "-"
    )
    peak = next((value for key, value in PEAKS.items() if key in device_name(device)), None)
    share = f"{rate * flops / peak:.1%}" if peak else "-"
    tokens = f"{rate * case.tokens:,.0f}" if case.tokens else "-"
    memory = peak_memory_bytes(device) / 1e9
    return (
        f"| {name} | {sum(p.numel() for p in plan.model.parameters()) / 1e6:.1f} M | {rate:,.0f} "
        f"| {tokens} | {rate * flops / 1e12:.3g} | {share} | {busy} | {memory:.1f} GB |"
    )


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def main() -> None:
    """Print a row a kind."""
    parser = argparse.ArgumentParser(description="Throughput of each kind on a CUDA device.")
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(FULL)}")
    parser.add_argument("--tiny", action="store_true", help="sizes that a CPU can do")
    options = parser.parse_args()
    if not torch.cuda.is_available() and not options.tiny:
        print("no CUDA device: GPU throughput is not measured here (--tiny shows that this works)")
        return
    warnings.simplefilter("ignore")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    cases = TINY if options.tiny else FULL
    print(f"{device_name(device)}, torch {torch.__version__}\n")
    print("| kind | parameters | examples/s | tokens/s | TFLOP/s | MFU | GPU busy | memory |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.kinds or cases:
            print(measure(name, cases[name], device, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
