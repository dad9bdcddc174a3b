"""The exact bootstrap of a comparison, for the record: minutes, so in a process of its own.

The screen's intervals come from influence values; this resamples the examples and computes every
metric anew. ``python -m experiments.exact --home H --split val --out FILE RUN RUN ...`` writes JSON.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import store
from experiments.comparison import Gathered, checkpoint, gather_all
from experiments.evaluating.evidence import Candidate
from experiments.evaluating.overview import metrics_for
from experiments.statistics import Interval, bootstrap_metrics

RESAMPLES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactMetric:
    """One metric of all candidates, by resampling."""

    metric: str
    values: tuple[Interval, ...]
    """one a candidate, percentile limits"""
    differences: tuple[Interval, ...]
    """candidate minus the first one, on the same resamples; one less"""
    undefined: int
    """resamples that leave the metric undefined for some candidate, and are left out"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactRecord:
    """What the bootstrap found, with all that is needed to compute it again."""

    candidates: tuple[str, ...]
    runs: tuple[str, ...]
    split: str
    num_examples: int
    metrics: tuple[ExactMetric, ...]
    level: float
    resamples: int
    seed: int
    method: str = "bootstrap of examples (n out of n), percentile limits, NumPy PCG64"

    def to_json(self) -> str:
        """Return it as JSON; what is not defined is null."""
        return json.dumps(_plain(asdict(self)), indent=1)


def exact(
    gathered: Gathered,
    metrics: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ExactRecord:
    """Resample the examples of candidates and compute every metric anew.

    Raises
    ------
    ValueError
        If the candidates cannot be compared, or a metric cannot be resampled.
    """
    evidence = gathered.evidence
    if evidence is None or gathered.is_blocked:
        told = " ".join(problem.text for problem in gathered.problems)
        raise ValueError(f"Expected candidates that can be compared. {told}")
    names = tuple(metrics or metrics_for(evidence.first))
    outputs = [checkpoint(evidence, candidate) for candidate in gathered.candidates]
    draws = bootstrap_metrics(
        names, evidence.label, outputs, group=evidence.group, resamples=resamples, seed=seed
    )
    estimates = bootstrap_estimates(names, evidence.label, outputs)
    found = []
    for name in names:
        drawn = draws[name]
        usable = drawn[~np.isnan(drawn).any(axis=1)]
        found.append(
            ExactMetric(
                metric=name,
                values=tuple(
                    _limits(value, usable[:, k], level) for k, value in enumerate(estimates[name])
                ),
                differences=tuple(
                    _limits(value - estimates[name][0], usable[:, k] - usable[:, 0], level)
                    for k, value in enumerate(estimates[name])
                    if k
                ),
                undefined=len(drawn) - len(usable),
            )
        )
    return ExactRecord(
        candidates=tuple(candidate.name for candidate in gathered.candidates),
        runs=tuple(candidate.run_ids[0] for candidate in gathered.candidates),
        split=gathered.split,
        num_examples=len(evidence.label),
        metrics=tuple(found),
        level=level,
        resamples=resamples,
        seed=seed,
    )


def bootstrap_estimates(
    metrics: Sequence[str], label: np.ndarray, outputs: Sequence[np.ndarray]
) -> dict[str, list[float]]:
    """Return each metric of each model on all examples."""
    from experiments.statistics import influences

    found = influences(metrics, label, outputs)
    return {name: [float(value) for value in found[name].estimate] for name in metrics}


def _limits(estimate: float, drawn: np.ndarray, level: float) -> Interval:
    if not len(drawn) or math.isnan(estimate):
        return Interval(estimate=estimate, low=math.nan, high=math.nan)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate=estimate, low=float(low), high=float(high))


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute one record and write it whole."""
    parser = argparse.ArgumentParser(prog="python -m experiments.exact")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--home", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resamples", type=int, default=RESAMPLES)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        with store.open(options.home) as opened:
            candidates = [
                Candidate(name=opened.run(run_id)["name"], run_ids=(opened.run(run_id)["run_id"],))
                for run_id in options.runs
            ]
            gathered = gather_all(opened, candidates, options.split)
        found = exact(gathered, resamples=options.resamples, seed=options.seed)
    except (store.StoreError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    temporary = options.out.with_suffix(".tmp")
    temporary.write_text(found.to_json(), encoding="utf-8")
    temporary.replace(options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
