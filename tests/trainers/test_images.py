"""Image readers: shapes, skipped files, and one sentence for what cannot be read."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from trainers.configs import FashionMnistConfig, ImageFolderConfig
from trainers.data.folder import read_image_folder
from trainers.data.images import read_fashion_mnist
from trainers.errors import DataError


def folder(path: Path, **settings: object) -> ImageFolderConfig:
    return ImageFolderConfig.model_validate({"path": str(path), "size": 16, **settings})


def test_a_folder_gives_classes_ids_and_one_size(images: Path):
    raw = read_image_folder(folder(images))

    assert raw.contents.shape == (24, 3, 16, 16)
    assert raw.classes == ("bright", "dark")
    assert raw.ids[0] == "bright/00.png"
    assert raw.contents[raw.labels == 0].mean() > raw.contents[raw.labels == 1].mean() + 100


def test_colours_can_be_dropped(images: Path):
    assert read_image_folder(folder(images, colour=False)).contents.shape == (24, 1, 16, 16)


def test_unreadable_images_are_skipped_counted_and_named(
    images: Path, capsys: pytest.CaptureFixture[str]
):
    (images / "dark" / "00.png").write_bytes(b"no image")
    (images / "dark" / "notes.txt").write_text("not looked at", "utf-8")

    raw = read_image_folder(folder(images))

    assert len(raw.labels) == 23
    assert raw.facts["unreadable_names"] == ["dark/00.png"]
    assert "skipped 1 unreadable images: dark/00.png" in capsys.readouterr().out


def test_a_cut_off_image_is_unreadable(images: Path):
    path = images / "dark" / "00.png"
    path.write_bytes(path.read_bytes()[:300])

    assert read_image_folder(folder(images)).facts["unreadable"] == 1


def test_a_folder_of_which_nothing_can_be_read_names_the_first(images: Path):
    paths = sorted(images.glob("*/*.png"))
    for path in paths:
        path.write_text("no image")

    with pytest.raises(
        DataError, match=r"got \d+ that cannot be read, the first is bright/00\.png"
    ):
        read_image_folder(folder(images, max_bad=len(paths)))


def test_too_many_unreadable_images_are_an_error(images: Path):
    for name in ("00", "01", "02"):
        (images / "dark" / f"{name}.png").write_bytes(b"")

    with pytest.raises(
        DataError, match=r"at most 2 unreadable .* got 3, the first is dark/00\.png"
    ):
        read_image_folder(folder(images, max_bad=2))


def test_a_missing_folder_and_a_single_class_are_told(tmp_path: Path, images: Path):
    with pytest.raises(DataError, match="it does not exist"):
        read_image_folder(folder(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="at least two class folders .* got 0"):  # noqa: RUF043
        read_image_folder(folder(images / "dark"))


def write_idx(path: Path, values: np.ndarray, magic: int) -> None:
    header = np.array([magic, *values.shape], dtype=">u4").tobytes()
    path.write_bytes(gzip.compress(header + values.tobytes()))


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for part, count in (("train", 40), ("t10k", 20)):
        pixels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", pixels, 0x0803)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", labels, 0x0801)
    return tmp_path


def test_fashion_mnist_keeps_its_own_test_split(fashion: Path):
    raw = read_fashion_mnist(FashionMnistConfig(path=str(fashion)))

    assert raw.contents.shape == (60, 1, 28, 28)
    assert raw.is_test is not None
    assert raw.is_test.sum() == 20
    assert raw.ids[40] == "test-00000"


def test_fashion_mnist_that_is_not_there_says_what_to_install(tmp_path: Path):
    with pytest.raises(DataError, match=r"does not exist\. Install the Debian package dataset-"):
        read_fashion_mnist(FashionMnistConfig(path=str(tmp_path)))


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", gzip.compress(b"", mtime=0), gzip.compress(b"abcd", mtime=0)]
)
def test_a_broken_idx_file_is_named(fashion: Path, content: bytes):
    (fashion / "train-images-idx3-ubyte.gz").write_bytes(content)

    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz"):
        read_fashion_mnist(FashionMnistConfig(path=str(fashion)))
