import math

import numpy as np
import pyarrow as pa
import pytest

from experiments.evaluating.conditions import ConditionError, select
from experiments.evaluating.predicted import Predicted
from experiments.evaluating.slices import (
    Slice,
    SliceState,
    condition_slice,
    gain_of,
    judge_slices,
    slices_of,
)
from experiments.statistics import paired_difference


def predicted_with(label, scores, **slices):
    """Return predictions as a run would have stored them."""
    scores = np.asarray(scores, dtype=float)
    scores = scores[:, None] if scores.ndim == 1 else scores
    return Predicted(
        example_id=pa.chunked_array([[f"e{i}" for i in range(len(label))]]),
        label=np.asarray(label),
        scores=scores,
        task="classification",
        classes=("no", "yes"),
        group=None,
        slices={name: pa.chunked_array([values]) for name, values in slices.items()},
    )


def scores_with(label, accuracy, generator):
    right = generator.random(len(label)) < accuracy
    sure = 0.5 + generator.random(len(label)) / 2
    return np.where(right == (label == 1), sure, 1 - sure)


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_a_text_column_gives_one_slice_a_value_and_numbers_give_bands():
    label = np.tile([0, 1], 50)
    predicted = predicted_with(
        label, label * 0.8 + 0.1, region=["north", "south"] * 50, age=list(range(100))
    )
    found = slices_of(predicted)

    assert [one.name for one in found] == [
        "region = north", "region = south", "0 ≤ age < 24", "24 ≤ age < 49", "49 ≤ age < 74",
        "74 ≤ age ≤ 99", "label = no", "label = yes",
    ]  # fmt: skip
    bands = np.sum([one.mask for one in found if one.column == "age"], axis=0)
    assert (bands == 1).all()


def test_few_whole_numbers_are_values_and_missing_ones_belong_nowhere():
    label = np.zeros(6, int)
    predicted = predicted_with(label, np.full(6, 0.1), stars=[1, 2, 1, None, 2, 2])
    found = slices_of(predicted, ["stars"])

    assert [(one.name, one.mask.sum()) for one in found] == [("stars = 1", 2), ("stars = 2", 3)]


def test_a_slice_says_what_the_paired_difference_of_its_examples_says(generator):
    label = generator.integers(0, 2, 2_000)
    a, b = (scores_with(label, accuracy, generator) for accuracy in (0.85, 0.8))
    mask = generator.random(2_000) < 0.4
    [found] = judge_slices("accuracy", label, [Slice(column="x", name="x", mask=mask)], a, b)
    alone = paired_difference("accuracy", label[mask], a[mask], b[mask])

    assert found.difference == alone
    assert found.n == mask.sum()
    assert found.share == pytest.approx(mask.mean())


def test_a_slice_that_broke_is_found_and_the_others_are_fine(generator):
    label = generator.integers(0, 2, 6_000)
    old = scores_with(label, 0.9, generator)
    new = old.copy()
    foggy = np.arange(6_000) < 600
    new[foggy] = scores_with(label[foggy], 0.6, generator)
    weather = np.where(foggy, "fog", np.where(np.arange(6_000) % 2, "sun", "rain"))
    predicted = predicted_with(label, new, weather=weather.tolist())
    found = judge_slices(
        "accuracy", label, slices_of(predicted, ["weather"]), new, old, margin=0.02
    )

    assert {one.name: one.state for one in found} == {
        "weather = fog": SliceState.WORSE,
        "weather = sun": SliceState.FINE,
        "weather = rain": SliceState.FINE,
    }


def test_a_loss_counts_in_the_other_direction(generator):
    label = generator.integers(0, 2, 4_000)
    old = scores_with(label, 0.9, generator)
    new = scores_with(label, 0.6, generator)
    everything = Slice(column="x", name="all", mask=np.ones(4_000, bool))
    [found] = judge_slices("brier", label, [everything], new, old, margin=0.01)

    assert found.difference is not None
    assert found.difference.estimate > 0
    assert gain_of(found, "brier").high < 0
    assert found.state is SliceState.WORSE


def test_small_slices_are_shown_but_not_judged(generator):
    label = generator.integers(0, 2, 1_000)
    old, new = scores_with(label, 0.95, generator), scores_with(label, 0.3, generator)
    tiny = Slice(column="x", name="tiny", mask=np.arange(1_000) < 40)
    [found] = judge_slices("accuracy", label, [tiny], new, old)

    assert found.state is SliceState.NOT_JUDGED
    assert found.difference is not None
    assert found.difference.estimate < -0.3
    assert found.note == "40 examples: fewer than 100 are not judged"


def test_one_class_has_accuracy_but_no_auc(generator):
    label = np.ones(300, int)
    scores = scores_with(label, 0.8, generator)
    everything = Slice(column="x", name="all", mask=np.ones(300, bool))
    [auc] = judge_slices("roc_auc", label, [everything], scores)
    [accuracy] = judge_slices("accuracy", label, [everything], scores)
    [macro] = judge_slices("macro_f1", label, [everything], scores)

    assert auc.value is None
    assert auc.note == "ROC AUC is not defined here: only one class occurs"
    assert accuracy.value is not None
    assert accuracy.value.estimate == pytest.approx((scores >= 0.5).mean())
    assert macro.note == "1 of 2 classes do not occur here and count as 0 or not at all"


def test_an_empty_slice_and_nan_scores_are_said(generator):
    label = generator.integers(0, 2, 300)
    scores = scores_with(label, 0.8, generator)
    nothing = Slice(column="x", name="none", mask=np.zeros(300, bool))
    everything = Slice(column="x", name="all", mask=np.ones(300, bool))
    broken = scores.copy()
    broken[3] = math.nan
    [empty] = judge_slices("accuracy", label, [nothing], scores)
    [missing] = judge_slices("accuracy", label, [everything], broken)

    assert empty.note == "no example: nothing is defined here"
    assert missing.note.startswith("not defined: Expected scores without NaN; got 1 NaN")


@pytest.mark.slow
def test_equal_models_rarely_have_a_slice_that_is_called_worse():
    generator = np.random.default_rng(7)
    alarms, naive = 0, 0
    rounds = 200
    for _ in range(rounds):
        label = generator.integers(0, 2, 4_000)
        old, new = (scores_with(label, 0.85, generator) for _ in range(2))
        parts = generator.integers(0, 20, 4_000)
        slices = [Slice(column="x", name=str(i), mask=parts == i) for i in range(20)]
        found = judge_slices("accuracy", label, slices, new, old)
        alarms += any(one.state is SliceState.WORSE for one in found)
        differences = [one.difference for one in found if one.difference is not None]
        assert len(differences) == len(found)
        naive += any(difference.high < 0 for difference in differences)

    assert alarms / rounds <= 0.06
    assert naive / rounds > 0.2


def test_conditions_pick_examples():
    label = [0, 1, 0, 1]
    predicted = predicted_with(
        label, [0.1] * 4, region=["north", "south", None, "north"], age=[10, 20, 30, 40]
    )

    def picked(text):
        return np.flatnonzero(select(predicted, text)).tolist()

    assert picked("region = north") == [0, 3]
    assert picked("region != north") == [1]
    assert picked("age >= 20 and not label = yes") == [2]
    assert picked("(region = 'south' or age > 30) and label = yes") == [1, 3]
    assert picked("id ~ E2") == [2]
    assert condition_slice(predicted, " age < 15 ").name == "age < 15"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got nothing"),
        ("region", "got the end"),
        ("region = ", "Expected a value; got the end"),
        ("colour = red", "Expected a column of region, label, id; got 'colour'"),
        ("region < 3", "Expected numbers on both sides of <"),
        ("(region = north", "Expected a closing bracket; got the end"),
        ("region = north south", "Expected and, or, or the end; got 'south'"),
        ("(" * 40 + "region = north" + ")" * 40, "brackets inside each other"),
        ("x" * 2_000, "at most 1000 characters"),
    ],
)
def test_a_condition_that_is_wrong_says_where(text, said):
    predicted = predicted_with([0, 1], [0.1, 0.9], region=["north", "south"])

    with pytest.raises(ConditionError) as error:
        select(predicted, text)
    assert said in str(error.value)
