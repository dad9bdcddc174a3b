"""Language models: loss, perplexity and accuracy of a token, from the sums of each text."""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from experiments.statistics.arrays import FloatArray, finite, matrix, vector

TOKEN_METRICS: Final = frozenset({"perplexity", "token_accuracy", "token_loss"})
_HIGHEST: Final = 700.0  # e to the power of more is infinite


def token_influence(name: str, tokens: ArrayLike, sums: ArrayLike) -> tuple[float, FloatArray]:
    """Return a metric of all tokens of all texts, and each text's influence on it.

    Parameters
    ----------
    name
        ``token_loss``, ``perplexity`` or ``token_accuracy``
    tokens
        How many tokens of a text were judged, at least 1; shape (n,)
    sums
        Per text the summed loss in nats and the number of tokens said rightly, shape (n, 2); the
        loss alone, shape (n,) or (n, 1), without ``token_accuracy``

    Returns
    -------
    tuple of float and FloatArray
        Shape (n,), mean 0

    Notes
    -----
    A ratio of sums: long texts weigh more, as in the loss that training reports. Loss ``L = Σl/Σt``
    with influence ``(l_i - L·t_i)/mean(t)``; perplexity ``exp(L)``, by the delta method.
    """
    count, table = _checked(tokens, sums)
    column = 1 if name == "token_accuracy" else 0
    if table.shape[1] <= column:
        raise ValueError(
            "Expected the number of tokens said rightly beside the loss; got the loss alone."
        )
    value = float(table[:, column].sum() / count.sum())
    influence = (table[:, column] - value * count) / count.mean()
    if name != "perplexity":
        return value, influence
    perplexity = math.exp(min(value, _HIGHEST))
    return perplexity, perplexity * influence


def mean_losses(tokens: ArrayLike, sums: ArrayLike) -> FloatArray:
    """Return each text's loss per token, in nats; see `token_influence`."""
    count, table = _checked(tokens, sums)
    return table[:, 0] / count


def _checked(tokens: ArrayLike, sums: ArrayLike) -> tuple[FloatArray, FloatArray]:
    count = finite("tokens", vector("tokens", tokens))
    given = np.asarray(sums, dtype=np.float64)
    table = matrix("sums", given[:, None] if given.ndim == 1 else given, rows=len(count))
    if (count < 1).any():
        raise ValueError(
            f"Expected at least one token a text; {int((count < 1).sum())} texts have none."
        )
    return count, table
