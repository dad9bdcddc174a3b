import json

import numpy as np
import pytest

import store
from experiments.comparison import gather_all
from experiments.evaluating.evidence import Candidate
from experiments.exact import exact, main
from experiments.statistics import paired_difference
from store.testing import make_run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("exact") / "home"


@pytest.fixture(scope="module")
def ids(place):
    generator = np.random.default_rng(0)
    label = generator.integers(0, 2, 600)
    found = []
    for shift in (0.8, 1.4):
        score = 1 / (1 + np.exp(-(shift * (2 * label - 1) + generator.normal(size=600))))
        scores = np.stack([1 - score, score], axis=1)
        found.append(make_run(place, name=f"m{shift}", predictions={"val": (label, scores)}))
    return found


def test_the_exact_intervals_are_those_of_the_screen_up_to_noise(place, ids):
    candidates = [Candidate(name=run_id, run_ids=(run_id,)) for run_id in ids]
    with store.open(place) as opened:
        gathered = gather_all(opened, candidates, "val")
    found = exact(gathered, ["accuracy", "roc_auc", "brier"], resamples=400, seed=3)
    again = exact(gathered, ["accuracy", "roc_auc", "brier"], resamples=400, seed=3)
    evidence = gathered.evidence
    assert evidence is not None
    runs = evidence.runs

    assert found == again
    for one in found.metrics:
        pair = runs[ids[1]].output, runs[ids[0]].output
        screen = paired_difference(one.metric, evidence.label, *pair)
        [difference] = one.differences
        assert difference.estimate == pytest.approx(screen.estimate)
        assert difference.low == pytest.approx(screen.low, abs=0.2 * (screen.high - screen.low))
        assert difference.high == pytest.approx(screen.high, abs=0.2 * (screen.high - screen.low))


def test_the_record_is_written_whole_with_its_seed(place, ids, tmp_path):
    out = tmp_path / "exact.json"
    code = main([*ids, "--home", str(place), "--out", str(out), "--resamples", "20", "--seed", "7"])
    record = json.loads(out.read_text(encoding="utf-8"))

    assert code == 0
    assert (record["seed"], record["resamples"], record["runs"]) == (7, 20, ids)
    assert len(record["metrics"][0]["differences"]) == 1


def test_what_cannot_be_compared_is_said(place, ids, tmp_path, capsys):
    out = str(tmp_path / "x.json")

    assert main([*ids, "--home", str(place), "--split", "test", "--out", out]) == 1
    assert "no test predictions" in capsys.readouterr().err
