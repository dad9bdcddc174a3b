"""How good lists of recommendations are: one value a user, from what was right at each place.

n users   K places of a list
"""

import numpy as np
from numpy.typing import ArrayLike

from experiments.statistics.arrays import FloatArray, finite, matrix, vector

MOST_PLACES = 20
"""Places of a list that are looked at."""
KINDS = ("ndcg", "recall", "hit_rate", "mrr")
LIST_METRICS = frozenset(f"{kind}@{k}" for kind in KINDS for k in range(1, MOST_PLACES + 1))
"""``ndcg@10`` and the like: means over users, each of whom weighs the same."""


def list_values(metric: str, relevant: ArrayLike, hits: ArrayLike) -> FloatArray:
    """Return each user's value of a metric of `LIST_METRICS`.

    Parameters
    ----------
    metric
        ``ndcg@k``, ``recall@k``, ``hit_rate@k`` or ``mrr@k``
    relevant
        How many items are relevant to the user, at least 1; shape (n,)
    hits
        1 where the item at a place of the user's list is relevant, else 0, the first place first;
        shape (n, K)

    Returns
    -------
    FloatArray
        shape (n,), in [0, 1]

    Raises
    ------
    ValueError
        If the list is shorter than k, a hit is neither 0 nor 1, or a user has fewer relevant items
        than hits.

    Notes
    -----
    NDCG: ``DCG/IDCG`` with ``DCG = Σ hit_i/log2(i + 1)`` over the first k places and IDCG that of a
    list with all relevant items first (Järvelin & Kekäläinen 2002, binary gain). Recall: hits over
    relevant items. Hit rate: 1 with any hit. MRR: 1 over the place of the first hit, 0 without one
    among the first k.
    """
    kind, _, places = metric.partition("@")
    if metric not in LIST_METRICS:
        raise ValueError(f"Expected ndcg@k, recall@k, hit_rate@k or mrr@k; got {metric!r}.")
    k = int(places)
    count, table = _checked(relevant, hits)
    if table.shape[1] < k:
        raise ValueError(f"Expected lists of {k} places for {metric}; got {table.shape[1]}.")
    return _KERNELS[kind](count, table[:, :k])


def _checked(relevant: ArrayLike, hits: ArrayLike) -> tuple[FloatArray, FloatArray]:
    count = finite("relevant", vector("relevant", relevant))
    table = matrix("hits", hits, rows=len(count))
    if not np.isin(table, (0.0, 1.0)).all():
        raise ValueError("Expected hits of 0 and 1; got other values.")
    if (count < 1).any():
        raise ValueError(
            f"Expected at least one relevant item a user; {int((count < 1).sum())} have none."
        )
    if (table.sum(axis=1) > count).any():
        raise ValueError("Expected no more hits than relevant items; got more for some user.")
    return count, table


def _ndcg(relevant: FloatArray, hits: FloatArray) -> FloatArray:
    discount = 1 / np.log2(np.arange(2, hits.shape[1] + 2))
    ideal = np.cumsum(discount)[np.minimum(relevant, hits.shape[1]).astype(np.int64) - 1]
    return np.asarray(hits @ discount / ideal, dtype=np.float64)


def _recall(relevant: FloatArray, hits: FloatArray) -> FloatArray:
    return np.asarray(hits.sum(axis=1) / relevant, dtype=np.float64)


def _hit_rate(relevant: FloatArray, hits: FloatArray) -> FloatArray:
    del relevant
    return np.asarray(hits.any(axis=1), dtype=np.float64)


def _reciprocal_rank(relevant: FloatArray, hits: FloatArray) -> FloatArray:
    del relevant
    return np.where(hits.any(axis=1), 1.0 / (1 + hits.argmax(axis=1)), 0.0)


_KERNELS = {"ndcg": _ndcg, "recall": _recall, "hit_rate": _hit_rate, "mrr": _reciprocal_rank}
