"""The history chart of a study: every point names its trial, the best so far loses no step."""

import pyarrow as pa

from dashboard import study_charts


def _points() -> pa.Table:
    nan = float("nan")
    return pa.table(
        {
            "number": [0, 1, 2, 3, 4, 5],
            "value": [0.5, 0.4, 0.7, 0.6, 0.9, 0.1],
            "best": [nan, 0.4, 0.7, 0.7, 0.7, 0.7],
            "state": ["pruned", "complete", "complete", "complete", "complete", "complete"],
            "is_feasible": [True, True, True, True, False, True],
        }
    )


def test_each_kind_of_trial_is_drawn_with_its_numbers():
    figure = study_charts.history(_points(), "accuracy", mode="light")
    drawn = {trace.name: list(trace.x) for trace in figure.data}
    assert drawn["complete"] == [1, 2, 3, 5]
    assert drawn["breaks a limit"] == [4]
    assert drawn["pruned"] == [0]
    complete = next(trace for trace in figure.data if trace.name == "complete")
    assert list(complete.customdata) == [1, 2, 3, 5]


def test_the_best_so_far_keeps_its_steps_and_its_end():
    figure = study_charts.history(_points(), "accuracy", mode="light")
    best = next(trace for trace in figure.data if trace.name == "best so far")
    assert list(best.x) == [0, 1, 2, 5]
    assert list(best.y)[1:] == [0.4, 0.7, 0.7]
