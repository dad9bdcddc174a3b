"""The moving average that users know from TensorBoard, over all points of a curve."""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 64


def ema(values: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """Return the debiased exponential moving average that TensorBoard draws.

    Each block of 64 values is one row of a matrix product; only the carry from block to block is
    a loop, so a million values take tens of milliseconds.

    Parameters
    ----------
    values : shape (n,)
        NaN and infinite values stay where they are and leave the average alone.
    weight : in [0, 1)
        How much of the past stays.

    Returns
    -------
    shape (n,)
    """
    out = values.astype(np.float64, copy=True)
    is_finite = np.isfinite(out)
    finite = out[is_finite]
    if weight <= 0 or len(finite) == 0:
        return out
    padded = np.zeros(-(-len(finite) // _BLOCK) * _BLOCK)
    padded[: len(finite)] = finite
    powers = np.arange(_BLOCK)
    lag = powers[:, None] - powers[None, :]
    kernel = np.where(lag >= 0, (1 - weight) * weight ** np.maximum(lag, 0), 0.0)
    rows = padded.reshape(-1, _BLOCK) @ kernel.T
    carry, full = 0.0, weight**_BLOCK
    carries = np.empty(len(rows))
    for index, end in enumerate(rows[:, -1].tolist()):
        carries[index] = carry
        carry = carry * full + end
    rows += carries[:, None] * weight ** (powers + 1)[None, :]
    smooth = rows.ravel()[: len(finite)]
    out[is_finite] = smooth / (1 - weight ** np.arange(1, len(finite) + 1))
    return out
