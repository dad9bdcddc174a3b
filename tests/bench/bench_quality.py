"""How good the presets are on their test split, three seeds, beside a library's simple baseline.

    python tests/bench/bench_quality.py [PRESET ...]     the quick ones if none is named, or: all

Prints one row of a table a preset. Baselines learn from the same training split and are judged on
the same test split; nothing was tuned on either.
"""

import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ngrams import KneserNey
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import store
from experiments.specs import read_spec
from trainers.data.dataset import Dataset, load_dataset
from trainers.data.encoding import decode_targets, decode_texts
from trainers.data.inputs import RatingInput, TextInput
from trainers.fit import train
from trainers.tasks.ratings import ranking_scores
from trainers.tasks.similarity import similarity

SEEDS = (1, 2, 3)
QUICK = ("mlp_cancer", "mlp_diabetes", "lstm_weather", "transfer_digits")
Baselines = dict[str, float]


def rows_of(data: Dataset, *, last: bool = False) -> tuple[Any, Any, Any, Any]:
    """Return train and test inputs as flat rows, and both labels."""
    parts = [split.inputs.float() for split in (data.train, data.test)]
    if last:  # the judged event alone
        ends = [(~part.isnan().all(-1)).sum(1) - 1 for part in parts]
        parts = [part[torch.arange(len(part)), end] for part, end in zip(parts, ends, strict=True)]
    x, y = (part.flatten(1).nan_to_num(0.0).numpy() for part in parts)
    return x, y, data.train.labels.numpy(), data.test.labels.numpy()


def text_input(data: Dataset) -> TextInput:
    assert isinstance(data.input, TextInput)
    return data.input


def rating_sizes(data: Dataset) -> tuple[int, int]:
    assert isinstance(data.input, RatingInput)
    return data.input.num_users, data.input.num_items


def images(data: Dataset) -> Baselines:
    train_x, test_x, train_y, test_y = rows_of(data)
    models = {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        "5 nearest": KNeighborsClassifier(5),
    }
    return {
        name: model.fit(train_x, train_y).score(test_x, test_y) for name, model in models.items()
    }


def reviews(data: Dataset) -> Baselines:
    texts = [decode_texts(split.inputs, text_input(data)) for split in (data.train, data.test)]
    sizes = (1, 2)
    words = TfidfVectorizer(token_pattern=r"\S+", ngram_range=sizes, sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char", ngram_range=sizes, sublinear_tf=True)
    vectors = words if text_input(data).tokens == "words" else characters
    model = make_pipeline(vectors, LogisticRegression(max_iter=300))
    model.fit(texts[0], data.train.labels.numpy())
    return {"TF-IDF + logistic": model.score(texts[1], data.test.labels.numpy())}


def rare(data: Dataset, *, last: bool) -> Baselines:
    train_x, test_x, train_y, test_y = rows_of(data, last=last)
    models = {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
        "gradient boosting": HistGradientBoostingClassifier(random_state=0),
    }
    return {
        name + (" (last event)" if last else ""): average_precision_score(
            test_y, model.fit(train_x, train_y).predict_proba(test_x)[:, 1]
        )
        for name, model in models.items()
    }


def table(data: Dataset) -> Baselines:
    train_x, test_x, train_y, test_y = rows_of(data)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    return {"logistic regression": model.fit(train_x, train_y).score(test_x, test_y)}


def number(data: Dataset) -> Baselines:
    train_x, test_x, train_y, test_y = rows_of(data)
    models = {"ridge": Ridge(1.0), "10 nearest": KNeighborsRegressor(10)}
    found = {}
    for name, model in models.items():
        said = (
            make_pipeline(StandardScaler(), model)
            .fit(train_x, train_y)
            .predict(test_x)
            .reshape(test_y.shape)
        )
        found[name] = float(np.abs(said - test_y).mean())
    return found


def weather(data: Dataset) -> Baselines:
    now = data.test.inputs[:, -1, :1].numpy()
    truth = data.test.labels.numpy()
    train_x, test_x, train_y, _ = rows_of(data)
    ridge = make_pipeline(StandardScaler(), Ridge(10.0)).fit(train_x, train_y).predict(test_x)
    # The season is in the inputs (sine and cosine): the mean of the 60 most similar days of years.
    season = KNeighborsRegressor(60)
    season.fit(data.train.inputs[:, -1, -2:].numpy(), train_y)
    said = season.predict(data.test.inputs[:, -1, -2:].numpy())
    errors = {"persistence": now - truth, "season's mean": said - truth, "ridge": ridge - truth}
    return {name: float(np.abs(error).mean()) for name, error in errors.items()}


def bias_rating(data: Dataset) -> Baselines:
    pairs, ratings = data.train.inputs.numpy(), data.train.labels[:, 0].numpy()
    mean = ratings.mean()
    user, item = (np.zeros(size) for size in rating_sizes(data))
    for _ in range(10):
        for table_, column, other, pull in ((item, 1, user, 10), (user, 0, item, 5)):
            rest = ratings - mean - other[pairs[:, 1 - column]]
            total = np.bincount(pairs[:, column], rest, len(table_))
            table_[:] = total / (np.bincount(pairs[:, column], minlength=len(table_)) + pull)
    test, truth = data.test.inputs.numpy(), data.test.labels[:, 0].numpy()
    said = mean + user[test[:, 0]] + item[test[:, 1]]
    return {"user + item bias": float(np.sqrt(((said - truth) ** 2).mean()))}


def ngrams(data: Dataset) -> Baselines:
    """Read what the model reads, of the same training texts."""
    train, test = (
        [[token for token in row if token] for row in split.inputs.tolist()]
        for split in (data.train, data.test)
    )
    size = text_input(data).num_tokens
    return {
        f"Kneser-Ney {name}": KneserNey(train, order, size).perplexity(test)
        for order, name in ((1, "unigrams"), (2, "bigrams"), (3, "trigrams"))
    }


def alone(data: Dataset) -> Baselines:
    """Say of every hidden token what is true of all: how frequent each one is."""
    ids, counts = data.train.inputs[data.train.inputs != 0].unique(return_counts=True)
    share = torch.ones(text_input(data).num_tokens)
    share[ids.long()] += counts
    share /= share.sum()
    real = data.test.inputs[data.test.inputs != 0].long()
    return {
        "how frequent each character is": float(share[real].log().mean().neg().exp()),
        "the most frequent (accuracy)": float((real == share.argmax()).float().mean()),
    }


def nearest_word(data: Dataset) -> Baselines:
    words = [decode_texts(split.inputs, text_input(data)) for split in (data.train, data.test)]
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3)).fit(words[0])
    near = (vectors.transform(words[1]) @ vectors.transform(words[0]).T).argmax(1)
    spoken = decode_targets(data.train.labels, data.target, "characters")
    truth = data.test.texts or []
    alike = [
        similarity(spoken[int(place)], text)
        for place, text in zip(np.ravel(near), truth, strict=True)
    ]
    return {"most similar word's": float(np.mean(alike))}


def popularity(data: Dataset) -> Baselines:
    size = rating_sizes(data)
    seen = torch.zeros(size, dtype=torch.bool)
    liked, count = seen.clone(), torch.zeros(size[1])
    from_here = data.target.mean[0]
    for split in (data.train, data.val):
        seen[split.inputs[:, 0], split.inputs[:, 1]] = True
    good = data.train.inputs[data.train.labels[:, 0] >= from_here][:, 1]
    count.index_add_(0, good, torch.ones(len(good)))
    best = data.test.inputs[data.test.labels[:, 0] >= from_here]
    liked[best[:, 0], best[:, 1]] = True
    scores = count.expand(size).masked_fill(seen, -torch.inf)
    return {"popularity (ndcg@10)": ranking_scores(scores, liked)["ndcg@10"]}


def rating(data: Dataset) -> Baselines:
    return {**bias_rating(data), **popularity(data)}


@dataclass(frozen=True)
class Case:
    metric: str
    baselines: Callable[[Dataset], Baselines]
    more: tuple[str, ...] = ()
    """Further metrics to print."""
    splits: int = 1
    """Few test examples: so many random splits are measured, the preset's own among them."""
    before: str | None = None
    """The preset that it goes on from, trained first with the same seed."""


CASES = {
    "mlp_cancer": Case("acc", table, ("auc",)),
    "mlp_diabetes": Case("mae", number, ("r2",), splits=10),
    "lstm_weather": Case("mae", weather),
    "transformer_weather": Case("mae", weather),
    "transfer_digits": Case("acc", images),
    "lstm_credit": Case("ap", lambda data: rare(data, last=False), ("auc",), splits=5),
    "lstm_fraud": Case("ap", lambda data: rare(data, last=True), ("auc",)),
    "recommender_mf": Case("rmse", rating, ("ndcg@10",)),
    "recommender_neural": Case("rmse", rating, ("ndcg@10",)),
    "recommender_lists": Case("ndcg@10", popularity, ("hit@10",)),
    "cnn_mnist": Case("acc", images),
    "cnn_classic_mnist": Case("acc", images),
    "multiscale_mnist": Case("acc", images),
    "cnn_textures": Case("acc", images),
    "lstm_reviews": Case("acc", reviews, ("auc",), splits=5),
    "lstm_movies": Case("acc", reviews, ("auc",), splits=5),
    "transformer_reviews": Case("acc", reviews, ("auc",), splits=5),
    "lstm_sentiment": Case("acc", reviews, ("auc",)),
    "masked_reviews": Case("perplexity", alone, ("acc",)),
    "transformer_finetune": Case("acc", reviews, ("auc",), before="masked_reviews"),
    "gpt_reviews": Case("perplexity", ngrams),
    "seq2seq_pronunciations": Case("similarity", nearest_word, ("exact",)),
}


def trained(preset: str, settings: list[str], home: Path) -> dict[str, float]:
    """Return the newest value of every metric of a run."""
    case = CASES[preset]
    if case.before:
        first = train(read_spec(case.before, settings), home=home)
        assert first.status == "finished", first.message
        settings = [*settings, f"training.start_from={first.run_id}"]
    outcome = train(read_spec(preset, settings), home=home)
    assert outcome.status == "finished", outcome.message
    with store.open(home) as opened:
        return {r["metric"]: r["last"] for r in opened.series([outcome.run_id]).to_pylist()}


def measure(preset: str, overrides: tuple[str, ...], home: Path) -> None:
    case = CASES[preset]
    found: dict[str, list[float]] = {name: [] for name in (case.metric, *case.more)}
    beside: dict[str, list[float]] = {}
    for split in range(case.splits):
        chosen = [*overrides, *([f"data.split_seed={split}"] if split else [])]
        for seed in SEEDS:
            rows = trained(preset, [f"seed={seed}", "training.threads=1", *chosen], home)
            for name, values in found.items():
                values.append(rows[f"test/{name}"])
        for name, value in case.baselines(load_dataset(read_spec(preset, chosen).data)).items():
            beside.setdefault(name, []).append(value)
    said = ", ".join(
        f"{name} {statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"
        for name, values in found.items()
    )
    others = ", ".join(
        f"{name} {statistics.mean(values):.4f}"
        + (f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else "")
        for name, values in beside.items()
    )
    print(f"| {preset} | {said} | {others} |", flush=True)
    for split in range(case.splits if case.splits > 1 else 0):
        ours = found[case.metric][split * len(SEEDS) : (split + 1) * len(SEEDS)]
        theirs = ", ".join(f"{name} {values[split]:.4f}" for name, values in beside.items())
        print(f"  split {split}: {statistics.mean(ours):.4f} beside {theirs}", flush=True)


def main(arguments: list[str]) -> None:
    """Print the rows of the named presets; ``key=value`` changes all of them."""
    overrides = tuple(argument for argument in arguments if "=" in argument)
    names = [argument for argument in arguments if "=" not in argument] or list(QUICK)
    names = list(CASES) if names == ["all"] else names
    print("| preset | test split, 3 seeds, mean ± deviation | baseline |\n|---|---|---|")
    for name in names:
        with tempfile.TemporaryDirectory() as home:
            measure(name, overrides, Path(home))


if __name__ == "__main__":
    main(sys.argv[1:])
