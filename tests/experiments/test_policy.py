from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import store
from experiments.releasing import policy
from experiments.releasing.measured import Model
from experiments.releasing.policy import DEFAULT_TEXT, Policy, PolicyError
from experiments.releasing.usual_metric import settled
from store import audit
from store.layout import Home


@pytest.fixture
def place(home: Path) -> Home:
    return Home(home).create()


def test_a_store_starts_with_a_policy_that_is_on_record(place):
    found = policy.read(place)

    assert found == policy.parse(DEFAULT_TEXT).default
    assert (place.releases / "release.yaml").read_text(encoding="utf-8") == DEFAULT_TEXT
    assert [revision.number for revision in policy.history(place)] == [1]


def test_looking_at_a_store_that_is_not_there_makes_nothing(tmp_path):
    assert policy.read(Home(tmp_path / "none")).gates
    assert not (tmp_path / "none").exists()


def test_every_saved_version_is_kept_with_its_author_and_can_be_compared(place):
    policy.read(place)
    policy.save(place, "gates: [val/acc >= 0.9]\n", who="ann", reason="first")
    policy.save(place, "gates: [val/acc >= 0.95]\n", who="bob", reason="stricter")

    assert [(one.number, one.who) for one in policy.history(place)] == [
        (1, "bakeoff"),
        (2, "ann"),
        (3, "bob"),
    ]
    changed = policy.difference(place, 2, 3).splitlines()
    assert "-gates: [val/acc >= 0.9]" in changed
    assert "+gates: [val/acc >= 0.95]" in changed
    assert policy.read(place).gates == ("val/acc >= 0.95",)
    assert [entry.action for entry in audit.entries(place)] == ["policy"] * 3
    with pytest.raises(PolicyError, match="from 1 to 3; got 9"):
        policy.difference(place, 1, 9)


def test_saving_the_same_again_is_no_new_version(place):
    policy.read(place)
    policy.save(place, DEFAULT_TEXT, who="ann")

    assert len(policy.history(place)) == 1


def test_a_change_made_in_the_file_becomes_a_version_when_the_next_is_saved(place):
    policy.read(place)
    (place.releases / "release.yaml").write_text("gates: []\n", encoding="utf-8")
    policy.save(place, "gates: [ECE <= 0.1]\n", who="ann")

    assert [one.reason for one in policy.history(place)][1] == "edited as a file"
    assert policy.history(place)[1].text == "gates: []\n"


def test_a_line_has_its_own_values_over_those_of_all(place):
    text = "metric: macro_f1\nmargin: 0.02\nlines:\n  digits:\n    gates: [val/f1 >= 0.9]\n"
    policies = policy.save(place, text, who="ann")

    assert policies.of("digits") == Policy(metric="macro_f1", margin=0.02, gates=("val/f1 >= 0.9",))
    assert policies.of("other") == policies.default == Policy(metric="macro_f1", margin=0.02)


def test_yaml_may_take_a_gate_with_a_colon_for_a_mapping():
    assert policy.parse("gates:\n  - checks: none failing\n").default.gates == (
        "checks: none failing",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gates: [", "YAML"),
        ("- 1", "to have keys"),
        ("metrics: accuracy", "Expected one of metric"),
        ("metric: speed", "metric to be one of"),
        ("margin: 0", "margin to be a number above 0"),
        ("margin: true", "margin to be a number above 0"),
        ("level: 95", "level to be a number from 0.5"),
        ("min_slice: 3", "min_slice to be a whole number from 10"),
        ("split: ../test", "split to be the name of a split"),
        ("gates: val/acc > 1", "gates to be a list of gates"),
        ("gates: [val/acc !! 3]", "gates, gate 1: Expected"),
        ("lines: {../x: {}}", "Expected a model line"),
        ("lines: {digits: {gates: [nope]}}", "lines.digits.gates, gate 1"),
        ("!!python/object/apply:os.system ['true']", "YAML"),
    ],
)
def test_a_wrong_policy_is_refused_in_words_and_changes_nothing(place, text, words):
    policy.read(place)

    with pytest.raises(PolicyError, match=words.replace("/", "/")):
        policy.save(place, text, who="ann")

    assert policy.read_text(place) == DEFAULT_TEXT
    assert len(policy.history(place)) == 1


def test_all_problems_are_told_at_once():
    with pytest.raises(PolicyError) as caught:
        policy.parse("margin: 0\nlevel: 2\ngates: [x]\n")

    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("is_number", "metric", "margin"), [(False, "accuracy", 0.01), (True, "mae", 0.05)]
)
def test_what_decides_follows_from_what_the_model_says(home, is_number, metric, margin):
    label = np.arange(40) % 2
    with store.init("p", home=home, capture=False, monitor=False) as run:
        ids = [f"e{number}" for number in range(40)]
        if is_number:
            run.log_predictions("test", ids, label.astype(float), label + 1.0, task="regression")
        else:
            run.log_predictions("test", ids, label, np.eye(2)[label], classes=["a", "b"])
    wanted = policy.parse(policy.DEFAULT_TEXT).default
    with store.open(home) as opened:
        found = settled(wanted, Model(opened, run.id))
        own = settled(replace(wanted, metric="brier"), Model(opened, run.id))

    assert (found.metric, found.margin) == (metric, margin)
    assert (own.metric, own.margin) == ("brier", wanted.margin)
