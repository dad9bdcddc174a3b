"""Checks of how a training went: its curves, their ends, and the load of its machine."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.evaluating.findings import Examined, Finding, finding

FloatArray = NDArray[np.float64]

_LOSSES = ("loss", "nll")
_FEWEST_EPOCHS = 4
_RISE = 0.10
"""Share by which the validation loss rises above its best in an over-fitted run."""
_STILL = 0.05
"""Share of the whole improvement that falls into the last quarter of a run stopped too early."""
_LITTLE = 0.10
"""Share by which the training loss falls in an under-fitted run, at most."""
_JUMP = 5.0
"""How far above its neighbours' median, in their typical distance, a spike lies; see `spikes`."""
_IDLE, _BUSY = 50.0, 90.0


def check_curves(store: Examined, run_id: str, record: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what the curves of a run tell."""
    rows = {row["metric"]: row for row in store.series([run_id]).to_pylist()}
    yield from _not_finite(run_id, rows)
    train = _curve(store, run_id, rows, _name(rows, "train"))
    val = _curve(store, run_id, rows, _name(rows, "val"))
    yield from _fit(run_id, train, val)
    yield from _ending(store, run_id, record, rows)
    yield from _spikes(run_id, train)
    yield from _input_bound(store, run_id, rows)


def over_fit(train: tuple[FloatArray, FloatArray], val: tuple[FloatArray, FloatArray]) -> float:
    """Return by which share the validation loss ends above its best while training still gained.

    Parameters
    ----------
    train, val
        Steps and losses, each of shape (n,); less is better.

    Returns
    -------
    float
        0 where there is no over-fitting to be seen.
    """
    steps, losses = val
    if len(losses) < _FEWEST_EPOCHS or not np.isfinite(losses).all():
        return 0.0
    best = int(losses.argmin())
    if len(losses) - 1 - best < 2 or losses[best] <= 0:
        return 0.0
    then, now = (_around(train, steps[place]) for place in (best, -1))
    rise = float(np.median(losses[-2:]) / losses[best] - 1)
    return rise if now < then and rise > 0 else 0.0


def spikes(values: FloatArray) -> int:
    """Count the values that jump far above those around them.

    A spike is `_JUMP` typical distances above the median of the 25 values around it, and at least
    twice that median.
    """
    values = values[np.isfinite(values)]
    if len(values) < 25:
        return 0
    window = np.lib.stride_tricks.sliding_window_view(np.pad(values, 12, mode="edge"), 25)
    middle = np.median(window, axis=1)
    distance = np.median(np.abs(window - middle[:, None]), axis=1)
    typical = max(float(np.median(distance)), 1e-12)
    is_high = (values - middle > _JUMP * np.maximum(distance, typical)) & (values > 2 * middle)
    starts = np.diff(is_high.astype(np.int8), prepend=0) == 1
    return int(starts.sum())


def _not_finite(run_id: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    bad = {
        name: (row["n_nan"] or 0) + (row["n_inf"] or 0)
        for name, row in rows.items()
        if not name.startswith("system/")
    }
    bad = {name: count for name, count in bad.items() if count}
    if bad:
        worst = max(bad, key=lambda name: bad[name])
        others = f" and {len(bad) - 1} more metrics" if len(bad) > 1 else ""
        told = f"{worst} was NaN or infinite {bad[worst]:,} times{others}."
        yield finding("N01", run_id, told)


def _fit(
    run_id: str, train: tuple[FloatArray, FloatArray], val: tuple[FloatArray, FloatArray]
) -> Iterator[Finding]:
    rise = over_fit(train, val)
    if rise > _RISE:
        best, last = float(val[1].min()), float(val[1][-1])
        yield finding(
            "T01",
            run_id,
            f"The validation loss ends at {last:.4g}, {rise:.0%} above its best of {best:.4g}, while "
            "the training loss went on falling.",
        )
    losses = train[1][np.isfinite(train[1])]
    if len(losses) >= 20:
        tenth = max(1, len(losses) // 10)
        first, last = float(np.median(losses[:tenth])), float(np.median(losses[-tenth:]))
        if first > 0 and last > (1 - _LITTLE) * first:
            yield finding(
                "T02",
                run_id,
                f"The training loss only went from {first:.4g} to {last:.4g}: it hardly learnt.",
            )


def _ending(
    store: Examined, run_id: str, record: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]
) -> Iterator[Finding]:
    name = _key_metric(rows, record)
    if name is None:
        return
    steps, values = _curve(store, run_id, rows, name)
    signed = values if rows[name]["goal"] == "max" else -values
    if len(signed) < _FEWEST_EPOCHS or not np.isfinite(signed).all():
        return
    if int(signed.argmax()) != len(signed) - 1:
        return
    quarter = max(1, len(signed) // 4)
    whole = float(signed[-1] - signed[0])
    late = float(signed[-1] - signed[: len(signed) - quarter].max())
    ended = (record.get("summary") or {}).get("ended_by")
    if whole > 0 and late > _STILL * whole:
        told = f"{name} was still improving: {late / whole:.0%} of its gain came at the very end"
        why = f" ({ended})" if ended else ""
        yield finding("T03", run_id, f"{told}, in the last {quarter} of {len(signed)} values{why}.")
    else:
        yield finding("T04", run_id, f"{name} was best at its last value, step {int(steps[-1]):,}.")


def _spikes(run_id: str, train: tuple[FloatArray, FloatArray]) -> Iterator[Finding]:
    count = spikes(train[1])
    if count:
        times = "once" if count == 1 else f"{count} times"
        yield finding("N02", run_id, f"The training loss jumped {times} far above its neighbours.")


def _input_bound(
    store: Examined, run_id: str, rows: Mapping[str, Mapping[str, Any]]
) -> Iterator[Finding]:
    gpus = [name for name in rows if name.startswith("system/gpu") and "utilization" in name]
    loads = [float(np.nanmean(_curve(store, run_id, rows, name)[1])) for name in gpus]
    if not loads or max(loads) >= _IDLE:
        return
    cpu = _curve(store, run_id, rows, "system/process_cpu_percent")[1]
    busy = float(np.nanmean(cpu)) if len(cpu) else math.nan
    if busy >= _BUSY:
        yield finding(
            "G01",
            run_id,
            f"The GPU was busy {max(loads):.0f} % of the time while the process kept "
            f"{busy / 100:.1f} CPU cores busy: it waits for its input.",
        )


def _key_metric(rows: Mapping[str, Mapping[str, Any]], record: Mapping[str, Any]) -> str | None:
    """Return the metric by which the best checkpoint was chosen, else a validation metric."""
    training = record.get("config", {}).get("training")
    watched = training.get("monitor") if isinstance(training, Mapping) else None
    if isinstance(watched, str) and watched in rows and rows[watched]["goal"]:
        return watched
    names = [name for name, row in rows.items() if name.startswith("val") and row["goal"]]
    return min(names, key=lambda name: (rows[name]["goal"] == "min", name), default=None)


def _name(rows: Mapping[str, Any], split: str) -> str | None:
    names = [f"{part}/{loss}" for part in _parts(split) for loss in _LOSSES]
    return next((name for name in names if name in rows), None)


def _parts(split: str) -> Sequence[str]:
    return ("val", "valid", "validation") if split == "val" else (split,)


def _curve(
    store: Examined, run_id: str, rows: Mapping[str, Any], name: str | None
) -> tuple[FloatArray, FloatArray]:
    """Return steps and values; of a long curve enough to keep its spikes."""
    if name is None or name not in rows:
        return np.zeros(0), np.zeros(0)
    table = store.curves(name, [run_id], width=1_000)
    steps, values = (table[column].to_numpy().astype(np.float64) for column in ("x", "value"))
    return steps, values


def _around(curve: tuple[FloatArray, FloatArray], step: float) -> float:
    """Return the median of the last values up to a step."""
    steps, values = curve
    upto = values[(steps <= step) & np.isfinite(values)]
    return float(np.median(upto[-5:])) if len(upto) else math.nan
