"""Each kind trained by Lightning and recorded at every step, against a plain PyTorch loop.

    python tests/bench/bench_kinds.py [PRESET ...]     three kinds if none is named, or: all

The same model, data, batches, optimizer, schedule and clipping; CPU seconds of one epoch, pairs of
runs one after the other so that a busy machine slows both. What is measured is the fit alone:
validation, checkpoint and record included on the one side, validation on the other. The dense
layers read an invented table, since the presets' tables are too small for an epoch of seconds.
"""

import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch

import store
from experiments.specs import read_spec
from trainers.data.module import ResidentData
from trainers.fit import _fit, _make_trainer, _prepare_torch
from trainers.models.schedule import build_optimizer, lr_share
from trainers.preparing import Plan, prepare
from trainers.stopping import StopSwitch

PAIRS = 2
ROWS, COLUMNS = 60_000, 10  # of the invented table
QUICK = ("cnn_classic_mnist", "lstm_credit", "transformer_reviews")
PRESETS = {
    "cnn_classic_mnist": ["data.max_examples=3000"],
    "lstm_reviews": ["data.max_examples=3000"],
    "transformer_reviews": ["data.max_examples=3000"],
    "lstm_credit": [
        "data.max_examples=15000",
        "training.average=none",
    ],  # the loop averages nothing
    "gpt_reviews": ["data.max_examples=1000"],
    "seq2seq_pronunciations": ["data.max_examples=4000"],
    "mlp_cancer": ["data.kind=table_csv", "data.path=HOME/table.csv"],
    "recommender_mf": [],
}


def write_table(path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(ROWS, COLUMNS))
    labels = (numbers[:, 0] + numbers[:, 1] ** 2 > 1).astype(int)
    head = ",".join([*(f"c{column}" for column in range(COLUMNS)), "label"])
    content = np.column_stack([numbers, labels])
    np.savetxt(path, content, "%.4g", delimiter=",", header=head, comments="")


def plan_of(preset: str, home: Path) -> Plan:
    settings = [setting.replace("HOME", str(home)) for setting in PRESETS[preset]]
    spec = read_spec(
        preset, ["training.epochs=1", *settings, "training.threads=1", "training.log_every=1"]
    )
    _prepare_torch(spec.training)
    return prepare(spec, StopSwitch(), home=home, run_id=None, resume=False)


def recorded(preset: str, home: Path) -> float:
    """Return the CPU seconds of a recorded fit."""
    plan = plan_of(preset, home)
    with store.init("bench", home=home, capture=False) as run:
        trainer, _ = _make_trainer(run, run.folder, plan)
        started = time.process_time()
        _fit(trainer, plan)
        return time.process_time() - started


def plain(preset: str, home: Path) -> float:
    """Return the CPU seconds of a loop that does the same and records nothing."""
    plan = plan_of(preset, home)
    model, config, task = plan.model, plan.spec.training, plan.model.task
    data = ResidentData(plan.data, plan.spec.data, config, seed=plan.spec.seed)
    train, val = data.train_dataloader(), data.val_dataloader()
    optimizer = build_optimizer(model.parameter_groups(), config)
    total = len(train) * config.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: lr_share(step, total, config.schedule, config.warmup)
    )
    started = time.process_time()
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
    return time.process_time() - started


def main(presets: list[str]) -> None:
    """Print a row a preset."""
    warnings.simplefilter("ignore")
    print("| preset | epoch, plain loop | recorded at every step / plain |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_table(home / "table.csv")
        names = list(PRESETS) if presets == ["all"] else presets or list(QUICK)
        for preset in names:
            recorded(preset, home)  # warms up
            pairs = [(recorded(preset, home), plain(preset, home)) for _ in range(PAIRS)]
            ratio = statistics.median(ours / theirs for ours, theirs in pairs)
            base = statistics.median(theirs for _, theirs in pairs)
            print(f"| {preset} | {base:.1f} CPU s | {ratio:.3f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
