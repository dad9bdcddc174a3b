from pathlib import Path

import numpy as np
import pytest

import store
from experiments.errors import UsageError
from experiments.release import release
from experiments.releasing.choose import Decision, candidates_of, choose
from experiments.releasing.policy import Policy
from store.layout import Home
from store.testing import make_run

GATES = ("verdict vs champion in {better, equivalent}", "accuracy >= 0.6")


def predictions(accuracy, seed):
    label = np.random.default_rng(0).integers(0, 2, 2_000)
    right = np.random.default_rng(seed).random(2_000) < accuracy
    positive = np.where(right == (label == 1), 0.9, 0.1)
    return {"test": (label, np.stack([1 - positive, positive], axis=1))}


@pytest.fixture
def place(home: Path) -> Home:
    return Home(home).create()


def a_run(home, accuracy, seed, **options):
    return make_run(home, predictions=predictions(accuracy, seed), seed=seed, **options)


def a_champion(home, run_id):
    with store.open(home) as opened:
        release(opened, "digits", [run_id], reason="r", override="o", export=False)


def chosen(home, runs, **policy):
    with store.open(home) as opened:
        return choose(
            opened,
            "digits",
            candidates_of(opened, runs),
            policy=Policy(**{"gates": GATES, "margin": 0.01, **policy}),
        )


def test_the_better_candidate_is_recommended_with_its_reason(home, place):
    a_champion(home, a_run(home, 0.8, 0, name="old"))
    better = a_run(home, 0.9, 1, name="better")
    worse = a_run(home, 0.7, 2, name="worse")

    found = chosen(home, [worse, better])

    assert found.champion is not None
    assert found.recommendation.decision is Decision.RELEASE
    assert found.recommendation.candidate == "better"
    assert found.recommendation.sentence.startswith("Release better. All gates are passed.")
    decisions = {one.candidate.name: one.decision for one in found.options}
    assert decisions == {"worse": Decision.NO, "better": Decision.RELEASE}
    verdicts = [one.verdict for one in found.options]
    assert all("allowing for 2 candidates" in one.sentence for one in verdicts if one)


def test_a_tie_is_no_reason_to_change(home, place):
    old = a_run(home, 0.9, 0, name="old")
    a_champion(home, old)
    same = a_run(home, 0.9, 0, name="same")

    found = chosen(home, [same], margin=0.02)

    assert found.options[0].decision is Decision.COST
    assert found.recommendation.candidate is None
    assert found.recommendation.sentence.startswith("Keep digits@v1.")


def test_what_cannot_be_told_is_not_decided_and_says_what_would_settle_it(home, place):
    a_champion(home, a_run(home, 0.8, 0))
    near = a_run(home, 0.8, 1, name="near")

    found = chosen(home, [near], margin=0.001)

    assert found.recommendation.decision is Decision.OPEN
    assert "cannot be told" in found.recommendation.sentence
    assert "examples" in found.recommendation.sentence


def test_a_failed_gate_is_a_no_even_for_the_best(home, place):
    a_champion(home, a_run(home, 0.8, 0))
    best = a_run(home, 0.95, 1, name="best")

    found = chosen(home, [best], gates=(*GATES, "accuracy >= 0.99"))

    assert found.options[0].decision is Decision.NO
    assert "accuracy >= 0.99" in found.options[0].reason


def test_the_first_release_of_a_line_needs_its_gates_only(home, place):
    good, best = a_run(home, 0.8, 1, name="good"), a_run(home, 0.9, 2, name="best")

    found = chosen(home, [good, best])

    assert found.champion is None
    assert found.recommendation.candidate == "best"
    assert "there is no champion yet" in found.recommendation.sentence
    assert chosen(home, [good]).recommendation.candidate == "good"


def test_the_champion_itself_is_no_candidate(home, place):
    old = a_run(home, 0.8, 0)
    a_champion(home, old)

    found = chosen(home, [old])

    assert found.recommendation.decision is Decision.IS_CHAMPION
    assert found.recommendation.candidate is None


def test_a_candidate_without_predictions_is_told_not_ranked(home, place):
    a_champion(home, a_run(home, 0.8, 0))
    bare = make_run(home, name="bare")

    found = chosen(home, [bare])

    assert found.options[0].decision is Decision.OPEN
    assert found.options[0].verdict is None
    assert "predictions" in found.options[0].reason


def test_a_group_is_one_candidate_whose_lowest_seed_would_be_released(home, place):
    runs = [a_run(home, 0.9, seed, group='a "group"', name=f"s{seed}") for seed in (3, 1, 2)]
    with store.open(home) as opened:
        [found] = candidates_of(opened, ['group:a "group"'])
        assert found.run_ids == (runs[1], runs[2], runs[0])
        with pytest.raises(UsageError, match="finished runs"):
            candidates_of(opened, ["group:nobody"])


def test_runs_of_one_name_stay_apart(home, place):
    runs = [a_run(home, 0.9, seed, name="same") for seed in (0, 1)]

    found = chosen(home, runs)

    assert len({one.candidate.name for one in found.options}) == 2


def test_there_is_a_most_of_candidates(home, place):
    with store.open(home) as opened, pytest.raises(UsageError, match="1 to 9"):
        choose(opened, "digits", [])
