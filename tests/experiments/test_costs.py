import math

import numpy as np
import pytest

from experiments.evaluating.costs import cost_of, cost_problems, log_spread, pareto


def record(device="cpu", **cost):
    return {"device": device, "cost": cost}


def test_costs_are_of_the_checkpoint_with_the_range_of_its_seeds():
    found = cost_of([record(latency_p95_ms=4.0), record(latency_p95_ms=5.0, flops=10)])

    assert dict(found.values) == {"latency_p95_ms": 4.0}
    assert (found.low["latency_p95_ms"], found.high["latency_p95_ms"]) == (4.0, 5.0)
    assert log_spread(found, "latency_p95_ms") == pytest.approx(math.log(5 / 4) / 2)
    assert log_spread(found, "flops") == 0


def test_older_runs_recorded_their_costs_elsewhere_and_nonsense_is_left_out():
    found = cost_of(
        [
            {
                "parameters": 10,
                "summary": {"checkpoint_bytes": 99, "latency_p50_ms": math.nan},
                "cost": {"energy_j": None, "train_seconds": -1, "flops": True},
            }
        ]
    )

    assert dict(found.values) == {"parameters": 10.0, "checkpoint_bytes": 99.0}


def test_costs_that_do_not_compare_are_said():
    costs = {
        "a": cost_of([record("cpu", latency_p95_ms=1.0, flops=5)]),
        "b": cost_of([record("cuda:0", latency_p95_ms=2.0)]),
    }

    latency, operations = cost_problems(costs)
    assert "different devices (a: cpu; b: cuda:0), so they do not compare" in latency
    assert operations == "Operations an example was not measured for b."


def test_the_front_is_what_nothing_beats():
    found = pareto([0.9, 0.8, 0.85, 0.7], np.zeros((4, 4)), [10.0, 5.0, 12.0, 5.0])

    assert found.on_front.tolist() == [True, True, False, False]
    assert found.chance.tolist() == [1, 1, 0, 0]
    assert found.is_sure.all()


def test_equal_models_are_all_on_the_front_and_an_unknown_cost_never_is():
    found = pareto([0.9, 0.9, 0.95], np.zeros((3, 3)), [5.0, 5.0, math.nan])

    assert found.on_front.tolist() == [True, True, False]


def test_uncertain_qualities_make_the_front_uncertain():
    covariance = 0.01**2 * np.eye(2)
    found = pareto([0.90, 0.905], covariance, [5.0, 4.0])
    # The cheaper one is always on; the other when its quality is higher: P(Z < -0.005/0.01414).
    assert found.chance[1] == 1
    assert found.chance[0] == pytest.approx(0.362, abs=0.03)
    assert not found.is_sure[0]


def test_less_can_be_better_and_costs_can_vary():
    found = pareto([0.1, 0.2], np.zeros((2, 2)), [10.0, 9.9], spread=[0.2, 0.2], goal="min")

    assert found.on_front.tolist() == [True, True]
    assert 0.4 < found.chance[1] < 0.65
