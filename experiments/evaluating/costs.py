"""What models cost to run and to train, and which trade-offs are worth a look: the Pareto front."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Unit = Literal["ms", "bytes", "s", "J", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostKind:
    """One thing that a model costs; less is better."""

    key: str
    """as runs record it"""
    name: str
    unit: Unit


_KINDS: Final[tuple[tuple[str, str, Unit], ...]] = (
    ("latency_p50_ms", "Latency, median", "ms"),
    ("latency_p95_ms", "Latency, 95th percentile", "ms"),
    ("checkpoint_bytes", "Size on disk", "bytes"),
    ("parameters", "Parameters", ""),
    ("flops", "Operations an example", ""),
    ("peak_memory_bytes", "Peak memory in training", "bytes"),
    ("train_seconds", "Training time", "s"),
    ("energy_j", "Training energy", "J"),
)
COSTS: Final = tuple(CostKind(key=key, name=name, unit=unit) for key, name, unit in _KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one candidate costs."""

    values: Mapping[str, float]
    """cost key -> of the checkpoint that would be released; those that were not measured are left
    out"""
    low: Mapping[str, float]
    high: Mapping[str, float]
    """cost key -> smallest and largest among the recipe's seeds"""
    device: str
    """where it was measured; latencies of different devices cannot be compared"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Which models are on the Pareto front: nothing else is better and cheaper."""

    on_front: NDArray[np.bool_]
    """shape (k,), taking the estimates as they are"""
    chance: NDArray[np.float64]
    """shape (k,), share of joint draws of all qualities and costs in which the model is on it"""

    @property
    def is_sure(self) -> NDArray[np.bool_]:
        """Whether at least nine in ten draws agree, shape (k,)."""
        return (self.chance >= 0.9) | (self.chance <= 0.1)


def cost_of(records: Sequence[Mapping[str, Any]]) -> Cost:
    """Return what a candidate costs, from the records of its runs; the first is the checkpoint."""
    found = [_recorded(record) for record in records]
    keys = [kind.key for kind in COSTS if kind.key in found[0]]
    spread = {key: [one[key] for one in found if key in one] for key in keys}
    return Cost(
        values=MappingProxyType({key: found[0][key] for key in keys}),
        low=MappingProxyType({key: min(values) for key, values in spread.items()}),
        high=MappingProxyType({key: max(values) for key, values in spread.items()}),
        device=str(records[0].get("device") or ""),
    )


def cost_problems(costs: Mapping[str, Cost]) -> tuple[str, ...]:
    """Say what keeps the costs of several candidates from being compared."""
    problems: list[str] = []
    devices = {name: cost.device for name, cost in costs.items() if "latency_p95_ms" in cost.values}
    if len(set(devices.values())) > 1:
        told = "; ".join(f"{name}: {device or 'unknown'}" for name, device in devices.items())
        problems.append(
            f"Latencies were measured on different devices ({told}), so they do not compare. "
            "Measure them on one."
        )
    for kind in COSTS:
        missing = [name for name, cost in costs.items() if kind.key not in cost.values]
        if missing and len(missing) < len(costs):
            problems.append(f"{kind.name} was not measured for {', '.join(missing)}.")
    return tuple(problems)


def pareto(
    quality: ArrayLike,
    covariance: ArrayLike,
    cost: ArrayLike,
    *,
    spread: ArrayLike | None = None,
    goal: Literal["max", "min"] = "max",
    draws: int = 4_000,
    seed: int = 0,
) -> Front:
    """Find the models that no other beats in quality at the same or a lower cost.

    Parameters
    ----------
    quality
        One per model, shape (k,).
    covariance
        Of the qualities, shape (k, k).
    cost
        One per model, shape (k,), less is better; NaN: never on the front.
    spread
        Standard deviation of the logarithm of each cost, shape (k,); none by default.
    goal
        Whether more or less quality is better.
    draws, seed
        Joint draws, and the seed of NumPy's PCG64.
    """
    theta = np.asarray(quality, dtype=np.float64)
    theta = theta if goal == "max" else -theta
    price = np.asarray(cost, dtype=np.float64)
    sigma = np.asarray(covariance, dtype=np.float64)
    if theta.shape != price.shape or sigma.shape != (len(theta), len(theta)):
        raise ValueError(
            f"Expected one quality and one cost a model; got {theta.shape} and {price.shape}."
        )
    rng = np.random.Generator(np.random.PCG64(seed))
    value, direction = np.linalg.eigh((np.nan_to_num(sigma) + np.nan_to_num(sigma).T) / 2)
    root = direction * np.sqrt(np.clip(value, 0.0, None))
    qualities = theta + rng.standard_normal((draws, len(theta))) @ root.T
    prices = np.broadcast_to(price, qualities.shape)
    if spread is not None:
        prices = price * np.exp(rng.standard_normal(qualities.shape) * np.asarray(spread))
    return Front(
        on_front=_front(theta[None], price[None])[0],
        chance=_front(qualities, prices).mean(axis=0),
    )


def log_spread(cost: Cost, key: str) -> float:
    """Return the standard deviation of a cost's logarithm, guessed from the range of its seeds."""
    low, high = cost.low.get(key, 0.0), cost.high.get(key, 0.0)
    if not 0 < low < high:
        return 0.0
    return math.log(high / low) / 2


def _front(quality: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which models of each row are not dominated, shape (draws, k)."""
    on = np.isfinite(quality) & np.isfinite(cost)
    for j in range(quality.shape[1]):
        better = (quality[:, [j]] >= quality) & (cost[:, [j]] <= cost)
        strictly = (quality[:, [j]] > quality) | (cost[:, [j]] < cost)
        on &= ~(better & strictly)
    return on


def _recorded(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the costs that a run recorded, wherever it did."""
    found: dict[str, float] = {}
    for source in (record, record.get("summary") or {}, record.get("cost") or {}):
        for kind in COSTS:
            value = source.get(kind.key)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if math.isfinite(value) and value >= 0:
                found[kind.key] = float(value)
    return found
