"""Small data of known content for the trainers' tests."""

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainers.data.dataset import ImageInput, TextInput

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec.* is deprecated")


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """120 short texts that one can tell apart by their letters."""
    rng = random.Random(0)
    path = tmp_path / "texts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(120):
            letters = "abcde" if number % 2 else "vwxyz"
            word = "".join(rng.choices(letters, k=rng.randint(6, 14)))
            rows.writerow([word, "early" if number % 2 else "late"])
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with 12 dark and 12 bright images."""
    rng = np.random.default_rng(0)
    root = tmp_path / "images"
    for name, low in (("bright", 128), ("dark", 0)):
        (root / name).mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(low, low + 128, size=(20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number:02d}.png")
    return root


@pytest.fixture
def text_input() -> TextInput:
    """Twenty letters, texts of at most 12."""
    return TextInput(max_length=12, vocabulary=tuple("abcdefghijklmnopqrst"))


@pytest.fixture
def image_input() -> ImageInput:
    """Grey images of 8 x 8 pixels."""
    return ImageInput(channels=1, height=8, width=8, mean=(80.0,), std=(60.0,))
