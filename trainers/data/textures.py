"""Photographs of three surfaces, cut into tiles: a small set of real pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.configs import TexturesConfig
from trainers.data.fetch import fetch
from trainers.data.raw import RawImages

_SURFACES = ("brick", "grass", "gravel")
_TILE = 64


def read_textures(config: TexturesConfig) -> RawImages:
    """Return 64 tiles of each surface; the lower quarter of every picture is the test split.

    Raises
    ------
    DataError
        If the package that ships the pictures cannot be had.
    """
    tiles: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    ids: list[str] = []
    is_test: list[bool] = []
    for label, name in enumerate(_SURFACES):
        with Image.open(fetch(f"{name}.png")) as image:
            grey = image.convert("L")
        for top in range(0, grey.height - _TILE + 1, _TILE):
            for left in range(0, grey.width - _TILE + 1, _TILE):
                tile = grey.crop((left, top, left + _TILE, top + _TILE))
                tiles.append(np.asarray(tile.resize((config.size, config.size)), dtype=np.uint8))
                labels.append(label)
                ids.append(f"{name}-{top:03d}-{left:03d}")
                is_test.append(top >= grey.height - grey.height // 4)
    return RawImages(
        contents=np.stack(tiles)[:, None],
        labels=np.array(labels, dtype=np.int64),
        ids=ids,
        classes=_SURFACES,
        is_test=np.array(is_test),
        facts={"source": "scikit-image 0.26.0, brick, grass and gravel"},
    )
