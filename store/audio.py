"""Sounds as WAV files, with the standard library alone."""

import wave
from pathlib import Path
from typing import Any

import numpy as np

_FULL_SCALE = 32_767


def write_wav(path: Path, samples: Any, rate: int) -> float:
    """Write samples as 16-bit PCM and return the length in seconds.

    Parameters
    ----------
    path
        Where to.
    samples : shape (n,) or (n, channels)
        int16 as it is, other numbers in [-1, 1]; what exceeds that is cut, NaN is silence.
    rate
        Samples a second.

    Raises
    ------
    ValueError
        If the shape is another, or the rate is not positive.
    """
    sound = np.asarray(samples)
    if sound.ndim == 1:
        sound = sound[:, None]
    if sound.ndim != 2 or not 1 <= sound.shape[1] <= 16 or rate < 1:
        raise ValueError(
            "Expected samples of shape (n,) or (n, 1 to 16 channels) at 1 sample a second or more; "
            f"got {np.shape(samples)} at {rate}."
        )
    if sound.dtype != np.int16:
        clipped = np.clip(np.nan_to_num(sound.astype(np.float64)), -1.0, 1.0)
        sound = np.round(clipped * _FULL_SCALE).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.astype("<i2").tobytes())
    return len(sound) / rate
