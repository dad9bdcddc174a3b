"""Loss and perplexity of a token: textbook values, derivatives by weight, the bootstrap."""

import math

import numpy as np
import pytest

from experiments.statistics import (
    bootstrap_metrics,
    influence,
    metric_goal,
    metric_interval,
    paired_difference,
    token_influence,
)


@pytest.fixture
def texts() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    tokens = rng.integers(1, 60, 400)
    right = rng.binomial(tokens, 0.4)
    return tokens, np.stack([tokens * rng.gamma(8, 0.3, 400), right], axis=1)


def test_ten_equally_likely_digits_have_a_perplexity_of_ten():
    # Jurafsky & Martin, Speech and Language Processing, 3rd ed., section on perplexity.
    tokens = np.array([4, 7, 100])

    assert token_influence("perplexity", tokens, tokens * math.log(10))[0] == pytest.approx(10)


def test_mostly_zeros_have_the_perplexity_of_their_entropy():
    # 91 zeros said at 0.91 and nine other digits at 0.01, the same source's second corpus.
    loss = -91 * math.log(0.91) - 9 * math.log(0.01)

    found = token_influence("perplexity", [100], [loss])[0]

    assert found == pytest.approx(0.91**-0.91 * 0.01**-0.09)
    assert found < 2  # far below ten: one digit says little


def test_long_texts_weigh_more_as_in_training():
    assert token_influence("token_loss", [1, 3], [4.0, 0.0])[0] == 1.0


@pytest.mark.parametrize("metric", ["token_loss", "perplexity", "token_accuracy"])
def test_influence_is_the_derivative_by_weight(metric: str, texts):
    tokens, sums = texts
    found = influence(metric, tokens, sums)
    step = 1e-6
    for row in (0, 17, 399):
        weight = np.ones(len(tokens))
        weight[row] += step
        moved = token_influence(metric, 2 * tokens * weight, 2 * sums * weight[:, None])[0]
        assert found.values[row] == pytest.approx(
            (moved - found.estimate) / step * len(tokens), rel=1e-3
        )
    assert found.values.mean() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("metric", ["token_loss", "perplexity"])
def test_the_interval_agrees_with_the_bootstrap(metric: str, texts):
    tokens, sums = texts
    worse = sums * np.random.default_rng(5).normal(1.05, 0.1, (400, 1))

    found = paired_difference(metric, tokens, sums, worse)
    draws = bootstrap_metrics([metric], tokens, [sums, worse], resamples=800)[metric]

    assert metric_goal(metric) == "min"
    assert found.se == pytest.approx((draws[:, 0] - draws[:, 1]).std(), rel=0.1)
    assert found.high < 0


def test_the_interval_of_perplexity_is_that_of_the_loss(texts):
    tokens, sums = texts
    loss, perplexity = (metric_interval(m, tokens, sums) for m in ("token_loss", "perplexity"))

    assert perplexity.low == pytest.approx(math.exp(loss.low))
    assert perplexity.high == pytest.approx(math.exp(loss.high))


def test_what_is_missing_is_said():
    with pytest.raises(ValueError, match="got the loss alone"):
        token_influence("token_accuracy", [2], [1.0])
    with pytest.raises(ValueError, match="at least one token a text; 1 texts have none"):
        token_influence("token_loss", [2, 0], [1.0, 0.0])
