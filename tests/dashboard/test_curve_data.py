"""Curves for the browser: exact where they fit, smoothed on everything, nothing when no news."""

import dataclasses
import time

import numpy as np

import store
from dashboard import curve_data, data
from dashboard.smoothing import ema
from dashboard.wire import CurveQuery, decode
from store import testing


def query(runs, **options):
    return CurveQuery(metrics=("val/loss",), runs=tuple(runs), **options)


def answered(question):
    answer = curve_data.answer(question)
    assert answer is not None
    return decode(answer)


def test_each_run_and_metric_is_a_line(runs):
    both = dataclasses.replace(query(runs[:2]), metrics=("train/loss", "val/loss", "nothing"))

    series, header = answered(both)

    assert [(s.run, s.metric) for s in series] == [
        (run, metric) for metric in ("train/loss", "val/loss") for run in runs[:2]
    ]
    np.testing.assert_array_equal(series[0].x, np.arange(50))
    assert series[0].step is None
    assert header["running"] == []
    assert header["version"] == data.state().version


def test_on_another_axis_the_step_comes_along(runs):
    (line,), _ = answered(query(runs[:1], x="epoch"))

    assert line.step is not None
    np.testing.assert_array_equal(line.step, np.arange(50))
    np.testing.assert_allclose(line.x, np.arange(50) / 10)


def test_a_browser_that_has_drawn_the_newest_gets_nothing(runs):
    version = data.state().version

    assert curve_data.answer(query(runs, version=version)) is None
    assert curve_data.answer(query(runs, version=version - 1)) is not None


def test_a_zoomed_line_is_smoothed_as_the_whole_line_is(runs):
    (_, whole), _ = answered(query(runs[:1], weight=0.9))
    (raw, part), _ = answered(query(runs[:1], weight=0.9, low=20, high=30))

    assert (whole.is_smooth, raw.is_smooth, part.is_smooth) == (True, False, True)
    seen = np.isin(whole.x, part.x)
    np.testing.assert_allclose(part.value, whole.value[seen])


def test_a_spike_survives_in_a_long_curve(home):
    values = np.zeros(20_000)
    values[12_345] = 9.0
    run = testing.make_run(home, metrics={"val/loss": values.tolist()})

    (raw, smooth), _ = answered(query([run], pixels=100, weight=0.5))

    assert raw.x[raw.value.argmax()] == 12_345
    assert len(raw.x) < 1_000
    assert smooth.value.max() == ema(values, 0.5).max()
    data.close()


def test_a_living_run_is_named_as_running(home):
    run = testing.init(home=home, capture=False, monitor=False)
    run.log({"val/loss": 1.0})

    _, header = answered(query([run.id]))

    assert header["running"] == [run.id]
    run.finish()
    data.close()


def test_a_hub_that_left_is_replaced_by_another(home):
    run = testing.make_run(home, metrics={"val/loss": [1.0, 0.5]})
    before = data.state()

    assert store.stop_hub(home)
    time.sleep(data.STATE_TTL_S)

    assert data.state().runs == before.runs
    (line,), _ = answered(query([run]))
    np.testing.assert_array_equal(line.value, [1.0, 0.5])
    data.close()
