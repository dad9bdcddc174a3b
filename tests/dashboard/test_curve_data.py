"""Curves for the browser: lines and bands as the store says, nothing when there is no news."""

import time

import numpy as np

import store
from dashboard import curve_data, data
from dashboard.wire import CurveQuery, decode
from store import testing
from store.line_questions import LineView


def query(runs, *, metrics=("val/loss",), groups=(), version=None, mark="", **view):
    return CurveQuery(
        metrics=metrics,
        runs=tuple(runs),
        groups=groups,
        view=LineView(**view),
        version=version,
        mark=mark,
    )


def answered(question):
    answer = curve_data.answer(question)
    assert answer is not None
    return decode(answer)


def test_each_run_and_metric_is_a_line(runs):
    series, header = answered(query(runs[:2], metrics=("train/loss", "val/loss", "nothing")))

    assert [(s.run, s.metric) for s in series] == [
        (run, metric) for metric in ("train/loss", "val/loss", "nothing") for run in runs[:2]
    ]
    x, value = series[0].columns
    np.testing.assert_array_equal(x, np.arange(50))
    assert len(value) == 50
    assert len(series[-1].columns[0]) == 0
    assert header["running"] == []
    assert header["extent"] == [0, 49]
    assert header["version"] == f"{data.state().version}:{header['mark']}"


def test_on_another_axis_the_step_comes_along(runs):
    (line,), _ = answered(query(runs[:1], x="epoch"))

    x, _, step = line.columns
    np.testing.assert_array_equal(step, np.arange(50))
    np.testing.assert_allclose(x, np.arange(50) / 10)


def test_a_browser_that_has_drawn_the_newest_gets_nothing(runs):
    version = data.state().version

    assert curve_data.answer(query(runs, version=version)) is None
    assert curve_data.answer(query(runs, version=version - 1)) is not None


def test_when_only_others_changed_the_lines_are_not_sent_again(runs):
    _, first = answered(query(runs[:1]))

    lines, again = answered(query(runs[:1], version=-1, mark=first["mark"]))

    assert (lines, again["same"]) == ([], True)


def test_a_group_is_a_band(runs):
    (band,), _ = answered(query([], groups=(tuple(runs[:3]),), band="minmax"))

    x, mean, low, high, count = band.columns
    assert (band.run, band.kind) == (runs[0], "band")
    assert len(x) == 50
    assert (low <= mean).all()
    assert (mean <= high).all()
    assert set(count) == {3}


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
    np.testing.assert_array_equal(line.columns[1], [1.0, 0.5])
    data.close()
