"""The history chart of a study: every point names its trial, the best so far loses no step."""

from typing import Any

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


def _traces() -> dict[str, Any]:
    figure: Any = study_charts.history(_points(), "accuracy", mode="light")
    return {trace.name: trace for trace in figure.data}


def test_each_kind_of_trial_is_drawn_with_its_numbers():
    drawn = _traces()
    assert list(drawn["complete"].x) == [1, 2, 3, 5]
    assert list(drawn["complete"].customdata) == [1, 2, 3, 5]
    assert list(drawn["breaks a limit"].x) == [4]
    assert list(drawn["pruned"].x) == [0]


def test_the_best_so_far_keeps_its_steps_and_its_end():
    best = _traces()["best so far"]
    assert list(best.x) == [0, 1, 2, 5]
    assert list(best.y)[1:] == [0.4, 0.7, 0.7]
