"""Images of the user's own in a NumPy archive, in the form of MedMNIST."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.configs import ImageNpzConfig
from trainers.data.hub import located
from trainers.data.raw import RawImages
from trainers.errors import DataError

_SPLITS = ("train", "val", "test")
_CHANNELS = {1, 3}


def read_image_npz(config: ImageNpzConfig) -> RawImages:
    """Return the images of train_images, val_images and test_images with their *_labels.

    Raises
    ------
    DataError
        If the archive lacks an array, or shapes, types or labels do not fit.
    """
    path = located(config.path)
    parts = _arrays(path)
    images = [_as_bchw(parts[f"{name}_images"], path, name) for name in _SPLITS]
    labels = [
        _as_labels(parts[f"{name}_labels"], len(part), path, name)
        for name, part in zip(_SPLITS, images, strict=True)
    ]
    if len({part.shape[1:] for part in images}) > 1:
        shapes = ", ".join(str(part.shape[1:]) for part in images)
        raise DataError(f"Expected images of one size in all splits of {path}; got {shapes}.")
    num_classes = max(2, int(max(part.max(initial=0) for part in labels)) + 1)
    names = [name for name, part in zip(_SPLITS, images, strict=True) for _ in range(len(part))]
    return RawImages(
        contents=np.concatenate(images),
        labels=np.concatenate(labels),
        ids=[
            f"{name}-{row:06d}"
            for name, part in zip(_SPLITS, images, strict=True)
            for row in range(len(part))
        ],
        classes=tuple(str(number) for number in range(num_classes)),
        given_split=np.array(names),
        facts={"source": str(path)},
    )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    wanted = [f"{name}_{kind}" for name in _SPLITS for kind in ("images", "labels")]
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in wanted if name not in archive]
            if missing:
                raise DataError(
                    f"Expected the arrays {', '.join(wanted)} in {path}; {missing[0]} is missing."
                )
            return {name: archive[name] for name in wanted}
    except FileNotFoundError:
        raise DataError(f"Expected the file {path} (data.path); it does not exist.") from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"Expected {path} to be a NumPy archive of plain arrays; got {error}. Check the file."
        ) from error


def _as_bchw(array: NDArray[Any], path: Path, name: str) -> NDArray[np.uint8]:
    if array.dtype != np.uint8 or array.ndim not in {3, 4}:
        raise DataError(
            f"Expected {name}_images of uint8 in shape (n, height, width[, channels]) in {path}; got "
            f"{array.dtype} in shape {array.shape}."
        )
    if array.ndim == 3:
        return array[:, None]
    if array.shape[3] not in _CHANNELS:
        raise DataError(
            f"Expected {name}_images with 1 or 3 channels in {path}; got {array.shape[3]}."
        )
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2))


def _as_labels(array: NDArray[Any], count: int, path: Path, name: str) -> NDArray[np.int64]:
    labels = array.reshape(len(array), -1)
    if labels.shape != (count, 1) or labels.dtype.kind not in "iu":
        raise DataError(
            f"Expected {count} whole numbers in {name}_labels of {path}; got {array.dtype} in shape "
            f"{array.shape}."
        )
    numbers = labels[:, 0].astype(np.int64)
    if count and numbers.min() < 0:
        raise DataError(
            f"Expected {name}_labels from 0 on in {path}; got {numbers.min()}. Number the classes."
        )
    return numbers
