"""A study file: what it accepts, what it prefills, and how it says what is wrong."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.search.dimensions import apply, suggest
from experiments.search.search_checks import check_values
from experiments.search.search_spec import (
    StudySpecError,
    load_study,
    preset_studies,
    read_study,
)
from trainers.spec import load_spec

BASE = {
    "base": "cnn_mnist",
    "set": {"data.kind": "digits"},
    "space": {"training.lr": "auto"},
    "objective": "val/f1",
}

_WORDS = (
    *("low", "high", "log", "step", "choices", "only", "when", "field", "kind", "metric"),
    *("training.lr", "model.dense", "model.channels", "goal", "name"),
)

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["training.lr", "model.kind", "val/f1", "auto", "tpe", "$(id)", "../x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_WORDS) | st.text(max_size=6),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


def problems_of(**changes):
    with pytest.raises(StudySpecError) as caught:
        load_study({**BASE, **changes})
    return caught.value.problems


@pytest.mark.parametrize("name", preset_studies())
def test_every_preset_study_can_be_searched(name):
    assert read_study(name).n_trials > 0


def test_a_study_survives_the_way_through_its_file():
    study = load_study(
        {
            **BASE,
            "space": {
                "training.lr": {"low": 1e-4, "high": 1e-1, "log": True},
                "model.channels": [[8, 16], [16, 32]],
                "model.dense": {"low": 16, "high": 64, "step": 16},
                "data.augment": "auto",
            },
            "constraints": ["parameters <= 1e6", "val/acc >= 0.5"],
            "starts": [{"training.lr": 0.01, "model.channels": [8, 16]}],
            "sampler": {"kind": "tpe", "startup_trials": 3},
            "pruner": "hyperband",
        }
    )

    assert load_study(json.loads(json.dumps(study.to_mapping()))) == study


def test_ranges_are_those_that_the_settings_suggest():
    study = load_study({**BASE, "space": ["training.lr", "model.channels", "model.dense"]})

    lr, channels, dense = study.space
    assert (lr.low, lr.high, lr.log, lr.kind) == (1e-4, 1e-2, True, "float")
    assert channels.choices == ([16, 32], [32, 64], [16, 32, 64])
    assert (dense.low, dense.high, dense.kind) == (32, 256, "int")


def test_every_problem_is_said_at_once_and_in_words():
    found = problems_of(
        space={"training.lt": None, "model.dense": {"low": 0, "high": 64}},
        objective="test/f1",
        sampler="tbe",
        n_trials=0,
        colour="red",
    )

    text = "\n".join(found)
    assert len(found) == 6
    assert "Did you mean 'training.lr'?" in text
    assert "limits of model.dense, [1, 8192]" in text
    assert "validation data" in text
    assert "one of tpe, gp" in text
    assert "whole number in [1, 1000000]" in text
    assert all(problem.startswith("Expected ") for problem in found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objective": ["val/f1", "val/loss"], "pruner": "median"}, "no pruner with several"),
        ({"objective": ["val/f1", "val/loss"], "sampler": "cmaes"}, "one objective with CMA-ES"),
        ({"sampler": "grid"}, "Give it a step or choices"),
        ({"pruner": "wilcoxon"}, "at least 5 seeds"),
        ({"space": {"model.channels": {"low": 1, "high": 2}}}, "Expected choices"),
        ({"space": {"training.optimizer": ["adamw", "adamv"]}}, "adamv"),
        ({"starts": [{"training.lr": 5}]}, "Expected training.lr in"),
        ({"starts": [{"training.lx": 5}]}, "Did you mean 'training.lr'?"),
        ({"constraints": ["latency below 5"]}, "Expected a constraint such as"),
        ({"space": {"model.dense": {"when": {"model.nix": 1}}}}, "model.nix"),
        ({"space": {"training.lr": {"low": 0, "high": 1, "log": True}}}, "above 0"),
        ({"storage": "postgresql://ada:secret@host/db"}, "without a password"),
        ({"set": {"data.kind": "reviews"}}, "base: Expected a model that reads"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_go_together_is_said(changes, words):
    assert words in "\n".join(problems_of(**changes))


@given(body=plain, objective=plain, starts=plain, constraints=plain)
def test_nonsense_is_refused_in_words_and_never_crashes(body, objective, starts, constraints):
    mapping = {**BASE, "space": body, "objective": objective, "starts": starts}

    with contextlib.suppress(StudySpecError):  # anything else is a crash
        load_study({**mapping, "constraints": constraints})


@given(mapping=plain)
def test_any_file_is_a_study_or_a_sentence(mapping):
    with pytest.raises(StudySpecError):
        load_study(mapping)


@pytest.mark.parametrize("kind", ["random", "tpe", "qmc", "nsga2", "nsga3", "gp", "cmaes"])
@pytest.mark.filterwarnings("ignore")  # Optuna's own
def test_every_sampler_draws_runs_that_can_be_trained(kind):
    import optuna

    from experiments.search.samplers import make_sampler

    study = load_study(
        {
            "base": "lstm_reviews",
            "space": {
                "model.kind": ["lstm", "transformer"],
                "model.hidden": "auto",
                "depth": {
                    "field": "model.layers", "low": 1, "high": 3,
                    "when": {"model.kind": "transformer"},
                },
                "training.lr": "auto",
            },
            "objective": "val/f1",
            "sampler": {"kind": kind, "startup_trials": 4, "population": 4},
        }
    )  # fmt: skip
    searched = optuna.create_study(sampler=make_sampler(study, 0))
    kinds = set()
    for _ in range(10):
        trial = searched.ask()
        values = suggest(trial, study.space)
        spec = load_spec(apply(study.base, study.space, values))
        kinds.add(spec.model.kind)
        assert ("model.hidden" in values) == (spec.model.kind == "lstm")
        assert ("depth" in values) == (spec.model.kind == "transformer")
        searched.tell(trial, values["training.lr"])

    assert kinds == {"lstm", "transformer"}


def test_a_grid_holds_every_combination_once():
    import optuna

    from experiments.search.samplers import grid_size, make_sampler

    study = load_study(
        {
            **BASE,
            "space": {
                "training.optimizer": ["adamw", "sgd"],
                "model.dense": {"low": 16, "high": 48, "step": 16},
            },
            "sampler": "grid",
        }
    )
    searched = optuna.create_study(sampler=make_sampler(study, 0))
    seen = set()
    for _ in range(6):
        trial = searched.ask()
        seen.add(tuple(sorted(suggest(trial, study.space).items())))
        searched.tell(trial, 1.0)

    assert grid_size(study) == 6
    assert len(seen) == 6


def test_a_narrowed_parameter_keeps_its_range_and_takes_allowed_values_only():
    import optuna

    from experiments.search.samplers import make_sampler

    study = load_study(
        {
            **BASE,
            "space": {
                "training.lr": {"low": 1e-4, "high": 1e-2, "only": [0.001]},
                "model.channels": {"choices": [[8], [16], [32]], "only": [[8], [32]]},
            },
        }
    )
    searched = optuna.create_study(sampler=make_sampler(study, 0))
    drawn = [suggest(searched.ask(), study.space) for _ in range(6)]

    assert {values["training.lr"] for values in drawn} == {0.001}
    assert {tuple(values["model.channels"]) for values in drawn} == {(8,), (32,)}


def test_values_by_hand_are_checked_against_their_ranges():
    study = load_study(BASE)

    assert check_values(study, {"training.lr": 0.005}) == []
    assert "Expected training.lr in [0.0001, 0.01]" in check_values(study, {"training.lr": 9})[0]
