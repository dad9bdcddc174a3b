"""The lines of a chart: joined, smoothed, folded and clipped on all points, then reduced."""

import json

import numpy as np
import pytest

import store
from store import testing
from store.line_questions import FACTS, NUMBERS
from store.m4 import bands
from store.smoothing import ema

_NAMES = {
    "raw": ("x", "value", "step"),
    "smooth": ("x", "value", "step"),
    "band": ("x", "value", "low", "high", "n"),
}


@pytest.fixture
def asked(home):
    """Record runs of some metrics, then ask for their lines: facts, and columns of each line."""

    def ask(*runs, metrics=("m",), grouped=False, **view):
        ids = [testing.make_run(home, metrics=values) for values in runs]
        with store.open(home) as s:
            table = s.ask(
                "lines",
                metrics=list(metrics),
                run_ids=[] if grouped else ids,
                groups=[ids] if grouped else [],
                view=view,
            )
        facts = json.loads((table.schema.metadata or {})[FACTS])
        numbers, lines, start = table[NUMBERS].to_numpy(), [], 0
        for line in facts["lines"]:
            end = start + line["n"] * line["columns"]
            columns = numbers[start:end].reshape(line["columns"], -1)
            lines.append((line["kind"], dict(zip(_NAMES[line["kind"]], columns, strict=False))))
            start = end
        return facts, lines

    return ask


def test_a_zoomed_line_is_smoothed_as_the_whole_line_is(asked):
    values = np.random.default_rng(0).normal(size=300).tolist()

    _, [(raw, _), (smooth, line)] = asked({"m": values}, weight=0.9, lo=20, hi=30)

    assert (raw, smooth) == ("raw", "smooth")
    np.testing.assert_array_equal(line["x"], np.arange(19, 32))
    np.testing.assert_allclose(line["value"], ema(np.array(values), 0.9)[19:32])


def test_who_has_the_raw_lines_is_told_the_smoothed_ones_alone(asked):
    values = {"m": [1.0, 2.0, 4.0]}

    _, [_, (_, smooth)] = asked(values, weight=0.5)
    _, [(kind, alone)] = asked(values, weight=0.5, ghosts=False)
    _, [(raw, _)] = asked(values, ghosts=False)

    assert (kind, raw) == ("smooth", "raw")
    np.testing.assert_array_equal(alone["value"], smooth["value"])


def test_a_spike_of_one_step_survives_at_every_zoom(asked):
    values = np.zeros(20_000)
    values[12_345] = 9.0

    facts, [(_, raw), (_, smooth)] = asked({"m": values.tolist()}, width=100, weight=0.5)

    assert raw["x"][raw["value"].argmax()] == 12_345
    assert len(raw["x"]) < 1_000
    assert smooth["value"].max() == ema(values, 0.5).max()
    assert facts["extent"] == [0, 19_999]


def test_a_logarithmic_axis_has_its_own_columns_and_nothing_from_zero_down(asked):
    _, [(_, line)] = asked({"m": np.arange(50_000.0).tolist()}, width=200, log_x=True)

    assert line["x"][0] == 1
    np.testing.assert_array_equal(line["x"][:20], np.arange(1, 21))  # a tenth of the axis
    assert len(line["x"]) < 1_000


def test_a_formula_has_a_value_where_all_its_metrics_have_one(home, asked):
    run = testing.init(home=home, capture=False, monitor=False)
    for step in range(10):
        run.log({"a": float(step)}, step=step)
        if step % 3 == 1:
            run.log({"b": 10.0 * step}, step=step)
    run.finish()

    with store.open(home) as s:
        exact = s.curves("=b - a", [run.id])
        carried = s.curves("=last(b) - a", [run.id], x="epoch")
        last = s.curves("=last(b) - a", [run.id])

    np.testing.assert_array_equal(exact["step"], [1, 4, 7])
    np.testing.assert_array_equal(exact["value"], [9, 36, 63])
    assert len(carried) == 0, "no epoch was logged"
    np.testing.assert_array_equal(last["value"], [np.nan, 9, 8, 7, 36, 35, 34, 63, 62, 61])


def test_a_metric_as_axis_stands_at_its_value_or_the_last_before(home):
    run = testing.init(home=home, capture=False, monitor=False)
    for step, seen in ((0, 100.0), (2, 300.0), (4, 200.0)):
        run.log({"seen": seen}, step=step)
    for step in range(6):
        run.log({"m": float(step)}, step=step)
    run.finish()

    with store.open(home) as s:
        table = s.curves("m", [run.id], x="seen")

    np.testing.assert_array_equal(table["x"], [100, 100, 200, 200, 300, 300])
    np.testing.assert_array_equal(table["step"], [0, 1, 4, 5, 2, 3])


@pytest.mark.parametrize("kind", ["std", "se", "ci95", "minmax"])
def test_a_band_is_that_of_all_points_smoothed_when_asked(asked, kind):
    runs = np.random.default_rng(1).normal(size=(4, 80))

    _, [(name, line)] = asked(
        *({"m": values.tolist()} for values in runs), grouped=True, band=kind, weight=0.5
    )

    made = bands([np.arange(80.0)] * 4, [ema(values, 0.5) for values in runs], 1000, kind)
    assert name == "band"
    for column, wanted in (("x", made.x), ("value", made.mean), ("low", made.low)):
        np.testing.assert_allclose(line[column], wanted)
    assert set(line["n"]) == {4}


def test_clipping_counts_the_points_outside(asked):
    values = np.concatenate([np.linspace(0, 1, 197), [50.0, 60.0, np.nan]])

    facts, _ = asked({"m": values.tolist()}, clip=True)

    assert (facts["clip"]["outside"], facts["clip"]["total"]) == (2, 199)
    assert facts["clip"]["high"] < 2


def test_a_bad_formula_is_refused(home):
    run = testing.make_run(home, metrics={"m": [1.0]})
    with store.open(home) as s, pytest.raises(store.FormulaError, match="got the end"):
        s.ask("lines", metrics=["=m +"], run_ids=[run])
