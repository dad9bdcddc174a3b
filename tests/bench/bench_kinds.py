"""Each kind trained by Lightning and recorded at every step, against a plain PyTorch loop.

    python tests/bench/bench_kinds.py [PRESET ...]     all if none is named; --seconds 10

The same model, data, batches, optimizer, schedule and clipping; one epoch that takes the plain loop
about ten seconds, pairs of runs one after the other so that a busy machine slows both: wall time,
which needs quiet cores, and CPU time, which does with less. The preset's training examples are
repeated, or cut, to make an epoch of that length; presets whose data are so small that a step takes
less than about 50 ms get the batches and widths of larger data (`SIZES`; `--preset-sizes` leaves
them as they are). What is measured is the fit alone: validation, checkpoints and record included on
the one side, validation on the other.
"""

import argparse
import math
import statistics
import tempfile
import time
import warnings
from contextlib import redirect_stdout
from copy import deepcopy
from dataclasses import replace
from io import StringIO
from pathlib import Path

import torch

import store
from experiments.specs import read_spec
from trainers.data.module import ResidentData
from trainers.fit import _fit, _make_trainer, _prepare_torch
from trainers.models.schedule import build_optimizer, lr_share
from trainers.preparing import Plan, prepare
from trainers.stopping import StopSwitch

PAIRS = 2
TRIED_BATCHES = 30  # to learn how long a step takes
PRESETS = (
    "cnn_classic_mnist",
    "multiscale_mnist",
    "transfer_digits",
    "lstm_reviews",
    "lstm_credit",
    "lstm_weather",
    "transformer_reviews",
    "masked_reviews",
    "gpt_reviews",
    "seq2seq_pronunciations",
    "mlp_cancer",
    "recommender_neural",
)
FIXED = ("epochs=1", "threads=1", "log_every=1", "average=none")  # the loop averages nothing
SIZES = {
    "cnn_classic_mnist": ("training.batch_size=256",),
    "lstm_reviews": ("training.batch_size=256",),
    "transformer_reviews": ("training.batch_size=256",),
    "seq2seq_pronunciations": ("training.batch_size=256",),
    "transfer_digits": ("training.batch_size=128", "model.frozen_epochs=0"),  # nor does it freeze
    "lstm_credit": ("training.batch_size=1024",),
    "lstm_weather": ("training.batch_size=256", "model.hidden=128"),
    "masked_reviews": ("training.batch_size=64",),
    "mlp_cancer": ("training.batch_size=2048", "model.widths=[512,512]"),
    "recommender_neural": ("training.batch_size=8192", "model.factors=64", "model.hidden=256"),
}
Seconds = tuple[float, float]
"""Of the clock, and of the CPU."""


def now() -> Seconds:
    return time.perf_counter(), time.process_time()


def since(started: Seconds) -> Seconds:
    wall, cpu = now()
    return wall - started[0], cpu - started[1]


def plan_of(preset: str, home: Path, sizes: tuple[str, ...]) -> Plan:
    spec = read_spec(preset, [*(f"training.{setting}" for setting in FIXED), *sizes])
    _prepare_torch(spec.training)
    return prepare(spec, StopSwitch(), home=home, run_id=None, resume=False)


def sized(plan: Plan, batches: int) -> Plan:
    """Return a fresh start with so many batches an epoch."""
    train = plan.data.train
    rows = torch.arange(batches * plan.spec.training.batch_size) % len(train)
    chosen = replace(
        train,
        inputs=train.inputs[rows],
        labels=train.labels[rows],
        ids=tuple(map(str, rows.tolist())),
        slices={},
        groups=None,
        texts=None,
    )
    data = replace(plan.data, train=chosen)
    return replace(plan, data=data, model=deepcopy(plan.model))


def recorded(plan: Plan, home: Path) -> Seconds:
    """Return the time of a recorded fit."""
    with store.init("bench", home=home, capture=False) as run:
        trainer, _ = _make_trainer(run, run.folder, plan)
        started = now()
        _fit(trainer, plan)
        return since(started)


def plain(plan: Plan) -> Seconds:
    """Return the time of a loop that does the same and records nothing."""
    model, config, task = plan.model, plan.spec.training, plan.model.task
    data = ResidentData(plan.data, plan.spec.data, config, seed=plan.spec.seed)
    train, val = data.train_dataloader(), data.val_dataloader()
    optimizer = build_optimizer(model.parts(), config)
    total = len(train) * config.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: lr_share(step, total, config.schedule, config.warmup)
    )
    started = now()
    for _ in range(config.epochs):
        model.train()
        for batch in train:
            inputs, labels = task.prepare(*batch, training=True)
            loss = task.loss(model.answer(inputs, labels), labels)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
            optimizer.step()
            schedule.step()
        model.eval()
        judged, kept = [], []
        with torch.no_grad():
            for batch in val:
                inputs, labels = task.prepare(*batch, training=False)
                judged.append(task.judge(model.answer(inputs, labels), labels))
                kept.append(
                    labels if labels.is_floating_point() or labels.dim() == 1 else labels[:, :1]
                )
            task.scores(torch.cat(judged), torch.cat(kept))
            task.whole_scores(model, "val")
    return since(started)


def batches_for(plan: Plan, seconds: float) -> int:
    """Return how many batches take the plain loop so long."""
    few, more = (plain(sized(plan, count * TRIED_BATCHES))[1] for count in (1, 2))
    return math.ceil(seconds / max(more - few, 1e-3) * TRIED_BATCHES)


def main() -> None:
    """Print a row a preset."""
    parser = argparse.ArgumentParser()
    parser.add_argument("presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--seconds", type=float, default=10.5)
    parser.add_argument("--preset-sizes", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| preset | plain loop | steps | a step | recorded / plain, wall | CPU |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for preset in arguments.presets:
            plan = plan_of(preset, home, () if arguments.preset_sizes else SIZES.get(preset, ()))
            with redirect_stdout(StringIO()):
                recorded(sized(plan, TRIED_BATCHES), home)  # warms up
                batches = batches_for(plan, arguments.seconds)
                pairs = [
                    (recorded(sized(plan, batches), home), plain(sized(plan, batches)))
                    for _ in range(PAIRS)
                ]
            wall, cpu = (
                statistics.median(ours[clock] / theirs[clock] for ours, theirs in pairs)
                for clock in (0, 1)
            )
            base = statistics.median(theirs[1] for _, theirs in pairs)
            step = f"{1e3 * base / batches:.0f} ms"
            print(
                f"| {preset} | {base:.1f} CPU s | {batches:,} | {step} | {wall:.3f} | {cpu:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
