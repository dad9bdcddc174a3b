"""Curves for the browser: lines and bands as the store says, nothing when there is no news."""

import time

import numpy as np

import store
from dashboard import curve_data, data
from dashboard.wire import CurveQuery, decode
from store import testing
from store.line_chart import LineView


def query(runs, *, metrics=("val/loss",), groups=(), version=None, cursor="", **view):
    return CurveQuery(
        metrics=metrics,
        runs=tuple(runs),
        groups=groups,
        view=LineView(**view),
        version=version,
        cursor=cursor,
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
    assert header["version"].startswith(f"{data.state().version}:")


def test_on_another_axis_the_step_comes_along(runs):
    (line,), _ = answered(query(runs[:1], x="epoch"))

    x, _, step = line.columns
    np.testing.assert_array_equal(step, np.arange(50))
    np.testing.assert_allclose(x, np.arange(50) / 10)


def test_a_browser_that_has_drawn_the_newest_gets_nothing(runs):
    version = data.state().version

    assert curve_data.answer(query(runs, version=version)) is None
    assert curve_data.answer(query(runs, version=version - 1)) is not None


def test_a_browser_is_told_only_what_is_new_to_it(home):
    run = testing.init(home=home, capture=False, monitor=False)
    for step in range(105):
        run.log({"val/loss": 1 / (1 + step)}, step=step)
    (whole,), first = answered(query([run.id], width=50))
    run.log({"val/loss": 7.0}, step=105)
    time.sleep(0.6)  # as long as a panel waits before it asks again
    _, _, cursor = first["version"].partition(":")

    (news,), after = answered(query([run.id], width=50, cursor=cursor))
    nothing, same = answered(query([run.id], width=50, cursor=after["version"].partition(":")[2]))

    assert (whole.since, first["is_all"], len(whole.columns[0])) == (None, True, 105)
    assert not after["is_all"]
    assert news.since is not None
    assert 100 < news.since <= news.columns[0][0]
    assert news.columns[1][-1] == 7.0
    assert (nothing, same["is_all"]) == ([], False)
    run.finish()
    data.close()


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
