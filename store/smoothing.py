"""The moving average that users know from TensorBoard, of any part of a curve."""

import math

import numpy as np
from numpy.typing import NDArray

_NOTHING = 1e-17
"""A weight's power below this adds nothing to 1, and smaller ones are slow to compute."""


def ema(
    values: NDArray[np.float64], weight: float, start: int = 0, end: int | None = None
) -> NDArray[np.float64]:
    """Return a part of the debiased exponential moving average that TensorBoard draws.

    The sum over the past doubles its reach with each pass over the values, until what is added
    is nothing: about ten passes, so a million values take tens of milliseconds. A part takes only
    the values that reach into it, and is the same as of the whole, bit for bit.

    Parameters
    ----------
    values : shape (n,)
        NaN and infinite values stay where they are and leave the average alone.
    weight : in [0, 1)
        How much of the past stays.
    start, end
        The part.

    Returns
    -------
    shape (end - start,)
    """
    if weight <= 0:
        return values[start:end]
    reach = 1
    while weight**reach > _NOTHING:
        reach *= 2
    first = start
    while first > 0 and (lacking := reach - np.count_nonzero(np.isfinite(values[first:start]))) > 0:
        first = max(0, first - lacking)
    return _averaged(values[first:end], weight)[start - first :]


def _averaged(values: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    is_finite = np.isfinite(values)
    if is_finite.all():
        return _debiased(values, weight)
    out = values.astype(np.float64, copy=True)
    out[is_finite] = _debiased(out[is_finite], weight)
    return out


def _debiased(finite: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    smooth, before, reach = (1 - weight) * finite, np.empty(len(finite)), 1
    while reach < len(smooth) and weight**reach > _NOTHING:
        np.multiply(smooth[:-reach], weight**reach, out=before[reach:])
        smooth[reach:] += before[reach:]
        reach *= 2
    young = min(len(finite), math.ceil(math.log(_NOTHING) / math.log(weight)))
    smooth[:young] /= 1 - weight ** np.arange(1, young + 1)
    return smooth
