import numpy as np
import pytest

import store
from experiments import studies
from experiments.checks import CHECKS, check_runs, failing, mute, muted, unmute
from experiments.errors import UsageError
from experiments.evaluating.curve_checks import over_fit, spikes
from experiments.evaluating.findings import Level
from experiments.search.search_spec import load_study
from store import audit
from store.layout import Home
from store.testing import make_run

EPOCHS = 12


def good_curves():
    falling = 0.2 + np.exp(-np.arange(EPOCHS) / 2)
    val = 0.3 + np.exp(-np.arange(EPOCHS) / 2)
    val[-2:] += 0.005
    acc = 0.9 - 0.4 * np.exp(-np.arange(EPOCHS) / 2)
    acc[-2:] -= 0.005
    return {"train/loss": falling.tolist(), "val/loss": val.tolist(), "val/acc": acc.tolist()}


def good_predictions(count=400, seed=0):
    generator = np.random.default_rng(seed)
    score = generator.random(count)
    label = (generator.random(count) < score).astype(int)  # calibrated by construction
    return label, np.stack([1 - score, score], axis=1)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("checks") / "home"


@pytest.fixture
def codes(place):
    def found(*, curves=None, predictions=None, splits=None, **options):
        run_id = make_run(
            place,
            metrics={**good_curves(), **(curves or {})},
            predictions=splits or {"val": predictions or good_predictions()},
            classes=("no", "yes"),
            steps_per_epoch=1,
            **options,
        )
        with store.open(place) as opened:
            return {one.code: one for one in check_runs(opened, [run_id])}

    return found


def test_a_sound_run_has_no_finding(codes):
    assert codes() == {}


def test_an_over_fitted_run_is_told_with_its_figures(codes):
    val = np.concatenate([np.linspace(1, 0.4, 6), np.linspace(0.45, 0.8, 6)])
    found = codes(curves={"val/loss": val.tolist()})

    assert found["T01"].severity is Level.WARN
    assert "ends at 0.8" in found["T01"].why
    assert "training.patience" in found["T01"].fix


def test_a_validation_loss_that_rises_with_the_training_loss_is_no_over_fit():
    steps = np.arange(10.0)
    rising = np.concatenate([np.linspace(1, 0.5, 5), np.linspace(0.6, 1, 5)])

    assert over_fit((steps, rising), (steps, rising)) == 0
    assert over_fit((steps, np.linspace(1, 0, 10)), (steps, rising)) > 0.5


def test_a_run_that_hardly_learns_is_under_fitted(codes):
    found = codes(curves={"train/loss": np.linspace(0.7, 0.68, 40).tolist()})

    assert "only went from 0.6992 to 0.6808" in found["T02"].why


def test_a_run_that_was_still_improving_was_stopped_too_early(codes):
    found = codes(curves={"val/acc": np.linspace(0.5, 0.9, EPOCHS).tolist()})

    assert "still improving" in found["T03"].why
    assert "T04" not in found


def test_a_last_value_that_is_barely_the_best_is_told_apart(codes):
    values = [0.5, 0.7, 0.8, 0.85, 0.88, 0.89, 0.895, 0.899, 0.9, 0.9, 0.9, 0.901]
    found = codes(curves={"val/acc": values})

    assert "best at its last value" in found["T04"].why
    assert "T03" not in found


def test_nan_fails_and_says_where(codes):
    found = codes(curves={"val/f1": [0.1, float("nan"), float("inf"), 0.2]})

    assert found["N01"].severity is Level.FAIL
    assert found["N01"].why == "val/f1 was NaN or infinite 2 times."


def test_spikes_are_counted_as_jumps_not_as_noise():
    generator = np.random.default_rng(0)
    calm = 1 + 0.05 * generator.normal(size=400)
    jumpy = calm.copy()
    jumpy[[50, 200, 201]] = 9

    assert spikes(calm) == 0
    assert spikes(jumpy) == 2
    assert spikes(np.exp(-np.arange(400) / 40)) == 0
    assert spikes(np.full(400, 0.5)) == 0
    assert spikes(np.arange(5.0)) == 0


def test_a_class_that_is_never_said_is_dead(codes):
    label, _ = good_predictions()
    scores = np.tile([0.9, 0.1], (len(label), 1))
    found = codes(predictions=(label, scores))

    assert found["P01"].why.startswith("It never says yes, although")
    assert found["P01"].severity is Level.FAIL


def test_no_better_than_guessing_fails(codes):
    label, scores = good_predictions(seed=1)
    found = codes(predictions=(label, scores[np.random.default_rng(5).permutation(len(label))]))

    assert "always saying" in found["P02"].why


def test_a_rare_class_does_not_make_a_good_ranking_look_like_guessing(codes):
    generator = np.random.default_rng(3)
    chance = generator.beta(0.4, 8, 4_000)
    label = (generator.random(4_000) < chance).astype(int)
    found = codes(predictions=(label, np.stack([1 - chance, chance], axis=1)))

    assert "P02" not in found


def test_probabilities_that_are_too_sure_are_miscalibrated(codes):
    label, scores = good_predictions(2_000)
    sharp = 1 / (1 + np.exp(-6 * (scores[:, 1] - 0.5)))
    sharp = sharp**3 / (sharp**3 + (1 - sharp) ** 3)
    found = codes(predictions=(label, np.stack([1 - sharp, sharp], axis=1)))

    assert "ECE" in found["P03"].why


def test_scores_that_are_not_numbers_are_found(codes):
    label, scores = good_predictions()
    scores[5] = np.nan

    assert codes(predictions=(label, scores))["N01"].why.startswith("1 of 400 val predictions")


def test_examples_in_two_splits_are_a_leak(place):
    label, scores = good_predictions()
    run = store.init("p", home=place, capture=False, monitor=False)
    ids = [f"e{i}" for i in range(400)]
    run.log_predictions("val", ids, label, scores)
    run.log_predictions("test", [*ids[:7], *(f"t{i}" for i in range(393))], label, scores)
    run.describe(data={"hashes": {"train": "aa", "val": "bb", "test": "aa"}})
    run.finish()
    with store.open(place) as opened:
        told = [one.why for one in check_runs(opened, [run.id]) if one.code == "D01"]

    assert sorted(told) == [
        "test and val have 7 examples in common.",
        "train and test hold the same examples.",
    ]


def test_a_gpu_that_waits_for_its_input_is_told(codes):
    busy = {
        "system/gpu0/utilization_percent": [20.0] * 8,
        "system/process_cpu_percent": [180.0] * 8,
    }
    idle = {**busy, "system/process_cpu_percent": [10.0] * 8}

    assert "busy 20 % of the time" in codes(curves=busy)["G01"].why
    assert "G01" not in codes(curves=idle)
    assert "G01" not in codes(curves={"system/process_cpu_percent": [100.0] * 8})


def test_seeds_that_differ_more_than_recipes_and_other_data_are_about_all_runs(place):
    ids = []
    for group, values in (("a", (0.80, 0.90)), ("b", (0.84, 0.88))):
        for value in values:
            curves = {"val/acc": [0.5, value, value - 0.01, value - 0.01]}
            facts = {"data_hash": group * 8}
            ids.append(make_run(place, group=group, metrics=curves, facts=facts))
    with store.open(place) as opened:
        found = {one.code: one for one in check_runs(opened, ids) if not one.run_id}

    assert set(found) == {"S02", "D02"}
    assert "leads" in found["S02"].why
    assert "saw different data" in found["D02"].why


def test_a_parameter_at_the_edge_of_what_was_searched_is_told(home):
    spec = load_study(
        {
            "name": "learning rates",
            "base": {"data": {"kind": "mnist"}, "model": {"kind": "cnn"}},
            "space": {"training.lr": {"low": 1e-4, "high": 1e-2, "log": True}},
            "objective": {"metric": "val/f1", "goal": "max"},
        }
    )
    study = studies.create(home, spec, start=False)
    ids = [
        make_run(
            home,
            config={"training": {"lr": lr}},
            facts={"labels": {"study": study.id, "trial": "1"}},
        )
        for lr in (9.9e-3, 1e-3)
    ]
    with store.open(home) as opened:
        found = [one for one in check_runs(opened, ids) if one.code == "S01"]

    assert [one.run_id for one in found] == ids[:1]
    assert found[0].why == (
        "training.lr is 0.0099, at the upper end (0.01) of what learning rates searched."
    )


def test_a_muted_check_no_longer_fails_and_who_muted_it_is_on_record(home):
    label, _ = good_predictions()
    dead = np.tile([0.9, 0.1], (len(label), 1))
    run_id = make_run(home, project="p", predictions={"val": (label, dead)})
    place = Home.locate(home)
    mute(place, "p", "P01", reason="rare by design", who="kim")
    with store.open(home) as opened:
        quiet = {one.code: one for one in check_runs(opened, [run_id])}
    unmute(place, "p", "P01", who="kim")
    with store.open(home) as opened:
        loud = {one.code: one for one in check_runs(opened, [run_id])}

    assert quiet["P01"].muted
    assert quiet["P01"].muted_reason == "rare by design"
    assert "P01" not in {one.code for one in failing(tuple(quiet.values()))}
    assert "P01" in {one.code for one in failing(tuple(loud.values()))}
    assert muted(place, "p") == {}
    assert [(e.action, e.who) for e in audit.entries(place)] == [("mute", "kim"), ("unmute", "kim")]


def test_muting_needs_a_known_code_and_a_reason(home):
    place = Home.locate(home)

    with pytest.raises(UsageError, match="Expected a check of T01"):
        mute(place, "p", "X99", reason="why not")
    with pytest.raises(UsageError, match="Expected a reason"):
        mute(place, "p", "P01", reason=" ")


def test_every_check_says_what_to_do():
    for code, check in CHECKS.items():
        assert check.code == code
        assert check.fix.endswith(".")


def test_lists_no_better_than_what_is_popular_are_warned_about(tmp_path):
    generator = np.random.default_rng(0)
    hits = np.zeros((80, 20))
    hits[np.arange(80), generator.integers(0, 20, 80)] = 1
    ids = [f"u{user}" for user in range(80)]

    def found(popular):
        with store.init("p", home=tmp_path, monitor=False, capture=False) as run:
            run.log({"val/popular_ndcg@10": popular}, step=0)
            run.log_predictions("val_lists", ids, np.ones(80), hits, task="ranking")
            run.log_predictions("val", ids, np.ones(80), np.ones(80), task="regression")
        with store.open(tmp_path) as opened:
            return {one.code: one for one in check_runs(opened, [run.id])}

    assert "what most people like has 0.900" in found(0.9)["P04"].why
    assert "P04" not in found(0.01)
