"""Every curve of one class's scores, of one sort of them, small enough to be kept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.evaluating.bands import OperatingPoint, operating_point
from experiments.evaluating.evaluation import (
    FloatArray,
    PrecisionRecallCurve,
    RocCurve,
    precision_recall_of,
    ranked,
    roc_of,
    thinned,
)
from experiments.evaluating.lift import Gain, gain_of

IN_USE = 0.5
"""The threshold that a model of two classes is used with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """How the scores of a class rank its examples before all others.

    The curves are thinned to what can be seen; areas and points are those of all examples.
    """

    roc: RocCurve
    precision_recall: PrecisionRecallCurve
    gain: Gain
    num_positive: int
    num_negative: int
    roc_point: OperatingPoint
    precision_recall_point: OperatingPoint


def curves(positive: NDArray[np.bool_], score: FloatArray) -> Curves:
    """Return the curves of scores of shape (n,).

    Raises
    ------
    ValueError
        If there is no positive or no negative example, or a score is NaN.
    """
    ranks = ranked(positive, score)
    roc, precision_recall = roc_of(ranks), precision_recall_of(ranks)
    thin_roc = roc.at(thinned(roc.false_positive_rate, roc.true_positive_rate))
    return Curves(
        roc=thin_roc,
        precision_recall=precision_recall.at(
            thinned(precision_recall.recall, precision_recall.precision)
        ),
        gain=gain_of(thin_roc, precision_recall.prevalence),
        num_positive=int(ranks.num_positive),
        num_negative=int(ranks.num_negative),
        roc_point=operating_point(roc, IN_USE),
        precision_recall_point=operating_point(precision_recall, IN_USE),
    )
