"""Lists, tokens and texts: stored, compared, searched for the worst, and decided by."""

from pathlib import Path

import numpy as np
import pytest

import store
from experiments.checks import check_runs
from experiments.comparison import Candidate, ComparisonSpec, compare
from experiments.evaluating.answers import at_each_place, cumulative, intervals
from experiments.evaluating.flips import between, flips
from experiments.evaluating.mistakes import described, mistakes
from experiments.evaluating.overview import metrics_for
from experiments.evaluating.predicted import Predicted
from experiments.evaluating.verdict import Word
from experiments.releasing.measured import Model
from experiments.releasing.policy import AUTO, Policy
from experiments.releasing.usual_metric import settled

WANTED = ["the cat sat", "a dog ran", "it rained", "we left", "no", "yes"] * 20


def record(home: Path, name: str, split: str, ids, label, scores, task: str) -> str:
    with store.init("demo", name=name, home=home, monitor=False, capture=False) as run:
        run.log_predictions(split, ids, label, scores, task=task)
        run.describe(data_hash="d")
    return run.id


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def ids(home: Path) -> dict[str, list[str]]:
    rng = np.random.default_rng(0)
    tokens, rate = rng.integers(2, 50, 200), rng.gamma(9, 0.25, 200)
    liked = rng.integers(1, 6, 200)
    found: dict[str, list[str]] = {"tokens": [], "texts": [], "lists": []}
    for place, name in enumerate(("worse", "better")):
        loss = tokens * rate * (1 - 0.2 * place)
        sums = np.stack([loss, rng.binomial(tokens, 0.4 + 0.1 * place)], axis=1)
        keys = [f"t{row}" for row in range(200)]
        found["tokens"].append(record(home, name, "val", keys, tokens, sums, "tokens"))
        wrote = [text if row % 4 <= 1 + place else text[::-1] for row, text in enumerate(WANTED)]
        keys = [f"w{row}" for row in range(len(WANTED))]
        found["texts"].append(record(home, name, "val", keys, WANTED, wrote, "texts"))
        hits = np.zeros((200, 20))
        hits[: 80 + 60 * place, 2 - place] = 1
        keys = [f"u{row}" for row in range(200)]
        found["lists"].append(record(home, name, "val_lists", keys, liked, hits, "ranking"))
    return found


def read(home: Path, run_id: str, split: str = "val") -> Predicted:
    with store.open(home) as opened:
        return Predicted.of(opened.predictions(run_id, split))


@pytest.mark.parametrize(
    ("kind", "metric", "split"),
    [
        ("tokens", "perplexity", "val"),
        ("texts", "exact_match", "val"),
        ("lists", "ndcg@10", "val_lists"),
    ],
)
def test_the_better_one_is_found_by_the_metric_that_suits_it(home, ids, kind, metric, split):
    worse, better = ids[kind]
    with store.open(home) as opened:
        policy = settled(Policy(metric=AUTO, split=split), Model(opened, worse))
        assert policy.metric == metric
        assert policy.margin > 0
        found = compare(
            opened,
            [
                Candidate(name="worse", run_ids=(worse,)),
                Candidate(name="better", run_ids=(better,)),
            ],
            ComparisonSpec(metric=metric, margin=policy.margin, split=split),
        )
    assert not found.is_blocked
    assert found.verdicts[0].word in {Word.CLEARLY_BETTER, Word.BETTER}


@pytest.mark.parametrize("kind", ["tokens", "texts", "lists"])
def test_a_metric_of_another_task_is_refused_in_words(home, ids, kind):
    split = "val_lists" if kind == "lists" else "val"
    sides = [Candidate(name=run_id, run_ids=(run_id,)) for run_id in ids[kind]]
    with store.open(home) as opened:
        found = compare(opened, sides, ComparisonSpec(metric="accuracy", margin=0.01, split=split))

    assert found.is_blocked
    assert "Expected a metric of" in found.problems[-1].text


def test_each_task_has_its_metrics_with_intervals(home, ids):
    for kind, split in (("tokens", "val"), ("texts", "val"), ("lists", "val_lists")):
        one = read(home, ids[kind][1], split)
        found = intervals(one, metrics_for(one))
        assert not [told for told in found.values() if isinstance(told, str)]


def test_lists_are_cut_at_every_place(home, ids):
    found = at_each_place(read(home, ids["lists"][0], "val_lists"), "hit_rate")

    assert found.k.tolist() == list(range(1, 21))
    assert found.value.tolist() == [0, 0, *[0.4] * 18]
    assert found.low[5] < 0.4 < found.high[5]


def test_flips_are_of_texts_too(home, ids):
    worse, better = (read(home, run_id) for run_id in ids["texts"])
    found = flips(better, worse)
    rows = between(better, worse, found.rows("fixed", most=3))

    assert (found.fixed, found.broken) == (30, 0)
    assert all(row["candidate"] == row["label"] != row["baseline"] for row in rows)


def test_the_worst_come_first(home, ids):
    texts, tokens = (read(home, ids[kind][0]) for kind in ("texts", "tokens"))
    lists = read(home, ids["lists"][1], "val_lists")
    first = [described(one, mistakes(one)[:1])[0] for one in (texts, tokens, lists)]

    assert first[0]["score"] < 0.6
    assert first[1]["said"] == pytest.approx((tokens.scores[:, 0] / tokens.label).max())
    assert (first[2]["said"], first[2]["score"]) == ("", 0.0)


def test_no_check_takes_such_predictions_for_classes(home, ids):
    with store.open(home) as opened:
        for run_ids in ids.values():
            assert {one.code for one in check_runs(opened, run_ids)} <= {"G01"}


def test_shares_rise_to_one():
    values, shares = cumulative(np.arange(1000.0)[::-1])

    assert (values[0], values[-1], shares[-1]) == (0, 999, 1)
