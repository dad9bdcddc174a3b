import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import store
from experiments.comparison import (
    Candidate,
    ComparisonSpec,
    Severity,
    compare,
    suggested_margin,
)
from experiments.evaluating.evidence import data_problem
from experiments.evaluating.verdict import Word, amount, judge, span
from experiments.statistics import Interval
from store.testing import make_run

SPEC = ComparisonSpec(metric="accuracy", margin=0.01)


def scores_with(accuracy, label, seed):
    """Return P(class 1) that is right for a share of the examples."""
    generator = np.random.default_rng(seed)
    right = generator.random(len(label)) < accuracy
    sure = 0.5 + generator.random(len(label)) / 2
    positive = np.where(right == (label == 1), sure, 1 - sure)
    return np.stack([1 - positive, positive], axis=1)


def run_with(home, scores, label, *, name="run", classes=("no", "yes"), **options):
    options.setdefault("facts", {"data_hash": "d" * 16})
    return make_run(
        home, name=name, predictions={"val": (label, scores)}, classes=classes, **options
    )


@pytest.fixture
def label():
    return np.random.default_rng(0).integers(0, 2, 2_000)


def compared(home, candidates, spec=SPEC):
    with store.open(home) as opened:
        return compare(opened, candidates, spec)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.02, 0.03, Word.CLEARLY_BETTER),
        (0.01, 0.03, Word.CLEARLY_BETTER),
        (0.002, 0.008, Word.BETTER_BUT_LITTLE),
        (0.002, 0.03, Word.BETTER),
        (-0.03, -0.02, Word.CLEARLY_WORSE),
        (-0.005, 0.005, Word.PRACTICALLY_EQUAL),
        (-0.01, 0.01, Word.PRACTICALLY_EQUAL),
        (-0.008, -0.002, Word.PRACTICALLY_EQUAL),
        (-0.03, -0.002, Word.WORSE),
        (-0.005, 0.03, Word.NOT_WORSE),
        (-0.03, 0.03, Word.CANNOT_TELL),
        (float("nan"), float("nan"), Word.NOT_JUDGED),
    ],
)
def test_every_interval_has_its_word(low, high, word):
    assert judge(Interval(estimate=(low + high) / 2, low=low, high=high), 0.01) is word


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(1e-4, 0.5))
def test_a_smaller_gain_never_sounds_better(low, width, margin):
    order = [
        Word.CLEARLY_WORSE,
        Word.WORSE,
        Word.CANNOT_TELL,
        Word.NOT_WORSE,
        Word.BETTER,
        Word.CLEARLY_BETTER,
    ]
    here = judge(Interval(estimate=low, low=low, high=low + width), margin)
    lower = judge(Interval(estimate=low - 0.1, low=low - 0.1, high=low - 0.1 + width), margin)
    assume(here in order and lower in order)

    assert order.index(lower) <= order.index(here)


def test_a_margin_of_nothing_is_refused(home):
    with pytest.raises(ValueError, match="margin above 0"):
        judge(Interval(estimate=0, low=0, high=0), 0.0)


def test_figures_are_told_as_people_say_them():
    assert amount(0.014, "accuracy") == "+1.4 points"
    assert amount(-0.01, "accuracy") == "\N{MINUS SIGN}1.0 point"
    assert amount(-0.0213, "log_loss") == "\N{MINUS SIGN}0.021"
    assert span(Interval(estimate=0, low=-0.002, high=0.026), "f1") == "\N{MINUS SIGN}0.2 to +2.6"


def test_a_real_difference_is_found_and_told(home, label):
    weak = run_with(home, scores_with(0.80, label, 1), label, name="weak")
    strong = run_with(home, scores_with(0.90, label, 2), label, name="strong")
    found = compared(
        home,
        [Candidate(name="weak", run_ids=(weak,)), Candidate(name="strong", run_ids=(strong,))],
    )
    [verdict] = found.verdicts

    assert not found.problems
    assert verdict.word is Word.CLEARLY_BETTER
    assert verdict.difference.estimate == pytest.approx(0.10, abs=0.03)
    assert verdict.sentence.startswith("strong is clearly better than weak on accuracy: +")
    assert "2,000 examples" in verdict.sentence
    assert "not assessed" in verdict.recipe_sentence
    assert verdict.next_step == ""
    assert found.frame()["verdict"].tolist() == ["clearly better"]


def test_the_other_way_round_is_the_opposite(home, label):
    a = run_with(home, scores_with(0.80, label, 1), label, name="a")
    b = run_with(home, scores_with(0.85, label, 2), label, name="b")
    one, two = (Candidate(name="a", run_ids=(a,)), Candidate(name="b", run_ids=(b,)))
    [there] = compared(home, [one, two]).verdicts
    [back] = compared(home, [two, one]).verdicts

    assert there.difference.estimate == pytest.approx(-back.difference.estimate)
    assert there.difference.low == pytest.approx(-back.difference.high)


def test_less_is_better_for_a_loss(home, label):
    weak = run_with(home, scores_with(0.70, label, 1), label, name="weak")
    strong = run_with(home, scores_with(0.95, label, 2), label, name="strong")
    found = compared(
        home,
        [Candidate(name="weak", run_ids=(weak,)), Candidate(name="strong", run_ids=(strong,))],
        ComparisonSpec(metric="brier", margin=0.01),
    )
    [verdict] = found.verdicts

    assert verdict.difference.estimate < 0
    assert verdict.word is Word.CLEARLY_BETTER


def test_too_few_examples_give_no_claim_but_a_next_step(home, label):
    a = run_with(home, scores_with(0.80, label, 1)[:150], label[:150], name="a")
    b = run_with(home, scores_with(0.80, label, 2)[:150], label[:150], name="b")
    found = compared(home, [Candidate(name="a", run_ids=(a,)), Candidate(name="b", run_ids=(b,))])
    [verdict] = found.verdicts

    assert verdict.word is Word.CANNOT_TELL
    assert "cannot be told apart" in verdict.sentence
    assert "150 examples" in verdict.next_step
    assert "would show one of the margin" in verdict.next_step


def test_the_same_outputs_are_practically_equal(home, label):
    scores = scores_with(0.8, label, 1)
    a = run_with(home, scores, label, name="a")
    b = run_with(home, scores, label, name="b")
    found = compared(home, [Candidate(name="a", run_ids=(a,)), Candidate(name="b", run_ids=(b,))])

    assert found.verdicts[0].word is Word.PRACTICALLY_EQUAL


def test_seeds_say_whether_the_recipe_wins(home, label):
    groups = {}
    for name, accuracy in (("old", 0.80), ("new", 0.88)):
        runs = [
            run_with(home, scores_with(accuracy, label, 10 * seed + len(name)), label, seed=seed)
            for seed in range(3)
        ]
        groups[name] = Candidate(name=name, run_ids=tuple(runs))
    found = compared(home, [groups["old"], groups["new"]])
    [verdict] = found.verdicts

    assert verdict.recipe is not None
    assert verdict.recipe_word in {Word.CLEARLY_BETTER, Word.BETTER}
    assert verdict.recipe_sentence.startswith("As recipes, over 3 and 3 seeds: ")


def test_many_candidates_are_allowed_for(home, label):
    candidates = [
        Candidate(
            name=f"c{index}",
            run_ids=(run_with(home, scores_with(0.8, label, index), label, name=f"c{index}"),),
        )
        for index in range(5)
    ]
    alone = compared(home, candidates[:2]).verdicts[0].difference
    found = compared(home, candidates)
    together = found.verdicts[0].difference

    assert together.high - together.low > alone.high - alone.low
    assert "allowing for 4 candidates" in found.verdicts[0].sentence


def problems_of(home, candidates, spec=SPEC):
    found = compared(home, candidates, spec)
    blocked = [p.text for p in found.problems if p.severity is Severity.BLOCKS]
    assert found.is_blocked == bool(blocked)
    assert bool(found.verdicts) != found.is_blocked
    return " ".join(blocked)


def test_different_data_is_said_before_any_ranking(home, label):
    ids = []
    for data_hash in ("aaaa", "bbbb"):
        facts = {"data_hash": data_hash}
        ids.append(run_with(home, scores_with(0.8, label, 1), label, name=data_hash, facts=facts))
    pair = [Candidate(name=run_id, run_ids=(run_id,)) for run_id in ids]

    assert "saw different data (aaaa: aaaa; bbbb: bbbb)" in problems_of(home, pair)


def test_a_run_that_does_not_say_which_data_it_saw_is_a_warning_wherever_it_is_asked():
    def told(*hashes):
        records = [{"data_hash": one} if one else {} for one in hashes]
        return data_problem(records, ["one", "two", "three"][: len(hashes)])

    assert told("aaaa", "aaaa") is None
    partly, unknown, different = told("aaaa", None), told(None, None), told("aaaa", "bbbb", None)
    assert partly is not None
    assert unknown is not None
    assert different is not None
    assert partly.severity is unknown.severity is Severity.WARNS
    assert partly.text == "two does not say which data it saw; the others saw the same."
    assert unknown.text.startswith("None of these runs says which data it saw")
    assert different.severity is Severity.BLOCKS
    assert "(aaaa: one; bbbb: two)" in different.text


def test_missing_predictions_are_named(home, label):
    a = run_with(home, scores_with(0.8, label, 1), label)
    b = make_run(home, name="b")
    pair = [Candidate(name="a", run_ids=(a,)), Candidate(name="b", run_ids=(b,))]

    told = problems_of(home, pair)
    assert told.startswith("b has no val predictions. Trainers store them when a run ends;")
    neither = problems_of(home, pair, ComparisonSpec(metric="accuracy", margin=0.01, split="test"))
    assert neither.startswith("a and b have no test predictions.")


def test_seeds_of_one_recipe_are_not_compared_as_recipes(home, label):
    ids = [run_with(home, scores_with(0.8, label, k), label, seed=k) for k in range(2)]
    pair = [Candidate(name="one", run_ids=tuple(ids)), Candidate(name="two", run_ids=(*ids[::-1],))]
    [verdict] = compared(home, pair).verdicts

    assert verdict.recipe is None
    assert "one are seeds of one recipe" in verdict.recipe_sentence


def test_scores_or_labels_that_are_all_the_same_are_said(home, label):
    plain = run_with(home, scores_with(0.8, label, 1), label)
    constant = run_with(home, np.full((len(label), 2), 0.5), label)
    alone = run_with(home, scores_with(0.8, label, 1), np.zeros_like(label))

    def told(*run_ids):
        found = compared(
            home, [Candidate(name=f"c{k}", run_ids=(r,)) for k, r in enumerate(run_ids)]
        )
        assert found.verdicts
        return " ".join(problem.text for problem in found.problems)

    assert told(plain, plain) == ""
    assert told(plain, constant).startswith("c1 gives every example the same score")
    assert told(alone, alone).startswith("All 2,000 examples are ")


def test_other_examples_other_labels_and_other_classes_block(home, label):
    whole = run_with(home, scores_with(0.8, label, 1), label)
    part = run_with(home, scores_with(0.8, label, 1)[:1_500], label[:1_500])
    turned = run_with(home, scores_with(0.8, label, 1), 1 - label)
    other = run_with(home, scores_with(0.8, label, 1), label, classes=("cat", "dog"))

    def against(run_id):
        first = Candidate(name="whole", run_ids=(whole,))
        return problems_of(home, [first, Candidate(name="x", run_ids=(run_id,))])

    assert "500 of 2,000 examples lack a prediction" in against(part)
    assert "different labels" in against(turned)
    assert "differ in classes" in against(other)


def test_a_few_missing_examples_only_warn(home, label):
    whole = run_with(home, scores_with(0.8, label, 1), label)
    most = run_with(home, scores_with(0.85, label, 1)[:1_990], label[:1_990])
    pair = [Candidate(name="whole", run_ids=(whole,)), Candidate(name="most", run_ids=(most,))]
    found = compared(home, pair)

    assert [problem.severity for problem in found.problems] == [Severity.WARNS]
    assert "10 of 2,000" in found.problems[0].text
    assert found.num_examples == 1_990


def test_scores_that_are_not_finite_block(home, label):
    scores = scores_with(0.8, label, 1)
    scores[3, 0] = np.nan
    a = run_with(home, scores_with(0.8, label, 2), label)
    b = run_with(home, scores, label)
    pair = [Candidate(name="a", run_ids=(a,)), Candidate(name="b", run_ids=(b,))]

    assert "not finite" in problems_of(home, pair)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "roc_auc", "brier"])
def test_three_examples_have_a_defined_outcome(home, metric):
    label = np.array([0, 1, 1])
    a = run_with(home, np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), label)
    b = run_with(home, np.array([[0.8, 0.2], [0.3, 0.7], [0.4, 0.6]]), label)
    pair = [Candidate(name="a", run_ids=(a,)), Candidate(name="b", run_ids=(b,))]
    found = compared(home, pair, ComparisonSpec(metric=metric, margin=0.01))

    assert found.verdicts[0].word in {Word.NOT_JUDGED, Word.CANNOT_TELL}


def test_many_classes_are_compared(home):
    generator = np.random.default_rng(3)
    label = generator.integers(0, 30, 3_000)
    ids = []
    for strength in (1.0, 3.0):
        scores = generator.random((3_000, 30))
        scores[np.arange(3_000), label] += strength * generator.random(3_000)
        scores /= scores.sum(axis=1, keepdims=True)
        ids.append(run_with(home, scores, label, classes=[f"c{i}" for i in range(30)]))
    pair = [Candidate(name=name, run_ids=(i,)) for name, i in zip("ab", ids, strict=True)]
    found = compared(home, pair, ComparisonSpec(metric="macro_f1", margin=0.01))

    assert found.verdicts[0].word is Word.CLEARLY_BETTER


@pytest.mark.parametrize("count", [1, 11])
def test_the_number_of_candidates_has_limits(home, count):
    with pytest.raises(ValueError, match="2 to 10 candidates"):
        compared(home, [Candidate(name=str(i), run_ids=("x",)) for i in range(count)])


def test_a_margin_is_suggested_from_the_baselines_error():
    assert suggested_margin("accuracy", 0.90) == pytest.approx(0.01)
    assert suggested_margin("accuracy", 0.999) == pytest.approx(0.002)
    assert suggested_margin("ndcg@10", 0.18) == pytest.approx(0.018)
    assert suggested_margin("log_loss", 0.5) > 0
