"""Recommenders that learn ratings, and those that learn lists."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

import store
from trainers.configs import RecommenderConfig
from trainers.data.inputs import RatingInput
from trainers.fit import train
from trainers.models.recommender import Recommender
from trainers.spec import load_spec

USERS, ITEMS = 40, 30


@pytest.fixture
def tastes(tmp_path: Path) -> str:
    """Half the people like the first half of the items, the others the second."""
    rng = np.random.default_rng(0)
    lines = ["user,item,rating"]
    for user in range(USERS):
        half = user % 2
        for item in rng.permutation(ITEMS)[:16]:
            likes = (item >= ITEMS // 2) == half
            lines.append(f"u{user},i{item},{5 if likes else 1}")
    path = tmp_path / "ratings.csv"
    path.write_text("\n".join(lines), "utf-8")
    return str(path)


def trained(path: str, home: Path, loss: str, variant: str = "mf") -> str:
    spec = {
        "data": {"kind": "ratings_csv", "path": path},
        "model": {"kind": "recommender", "variant": variant, "factors": 8, "dropout": 0.0},
        "training": {"epochs": 10, "batch_size": 32, "lr": 3e-2, "loss": loss, "threads": 1},
    }
    outcome = train(load_spec(spec), home=home)
    assert outcome.status == "finished", outcome.message
    return outcome.run_id


@pytest.mark.parametrize(("loss", "variant"), [("softmax", "mf"), ("bpr", "neural")])
def test_lists_name_what_people_like(loss: str, variant: str, tastes: str, home: Path):
    run_id = trained(tastes, home, loss, variant)
    with store.open(home) as opened:
        rows = {r["metric"]: r["last"] for r in opened.series([run_id]).to_pylist()}
        monitor = opened.run(run_id)["config"]["training"]["monitor"]

    assert monitor == "val/ndcg@10"
    assert rows["test/ndcg@10"] > 0.45
    assert 0.1 < rows["test/popular_ndcg@10"] < 0.4


def test_each_user_has_a_row_of_hits_where_ratings_are_learnt_too(tastes: str, home: Path):
    run_id = trained(tastes, home, "auto")
    with store.open(home) as opened:
        kept = opened.predictions(run_id, "test_lists")
        scores = {r["metric"]: r["last"] for r in opened.series([run_id]).to_pylist()}

    assert all(name.startswith("u") for name in kept["example_id"].to_pylist())
    hits = np.array(kept["scores"].to_pylist())
    assert hits.shape[1] == 20
    assert hits[:, :10].any(axis=1).mean() == pytest.approx(scores["test/hit@10"])


@pytest.mark.parametrize("variant", ["mf", "neural"])
def test_a_table_of_scores_says_what_single_pairs_say(variant: Literal["mf", "neural"]):
    config = RecommenderConfig(variant=variant, factors=4, hidden=8)
    model = Recommender(config, RatingInput(num_users=5, num_items=7), 1).eval()
    for biases in model.biases:
        torch.nn.init.normal_(biases)
    pairs = torch.cartesian_prod(torch.arange(5), torch.arange(7))

    with torch.no_grad():
        assert torch.allclose(model.score_all().flatten(), model(pairs)[:, 0], atol=1e-6)
