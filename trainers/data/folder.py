"""Image data of the user's own: a folder with one sub-folder of PNG or JPEG files per class."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from trainers.configs import ImageFolderConfig
from trainers.data.raw import RawImages
from trainers.errors import DataError

_ENDINGS = {".png", ".jpg", ".jpeg"}
_SPLITS = ("train", "val", "test")
_THREADS = 8


def read_image_folder(config: ImageFolderConfig) -> RawImages:
    """Return the images, squeezed to one size; unreadable ones are skipped, counted and named.

    Raises
    ------
    DataError
        If the folder is missing, a class has no images, or too many of them cannot be read.
    """
    root = Path(config.path)
    given = [name for name in _SPLITS if (root / name).is_dir()]
    roots = [root / name for name in given] if len(given) == len(_SPLITS) else [root]
    classes = _class_names(roots)
    paths: list[Path] = []
    labels: list[int] = []
    for part in roots:
        for label, name in enumerate(classes):
            found = sorted(p for p in (part / name).iterdir() if p.suffix.lower() in _ENDINGS)
            if not found:
                raise DataError(
                    f"Expected PNG or JPEG images in the folders of {part}; got none in {name}. Add "
                    "some or remove the folder."
                )
            paths += found
            labels += [label] * len(found)
    files = ImageFiles(paths=tuple(paths), size=config.size, colour=config.colour)
    images = files.read_all() if config.in_memory else files.check_all()
    ids = [path.relative_to(root).as_posix() for path in paths]
    bad = [name for name, image in zip(ids, images, strict=True) if image is None]
    _judge(root, bad, len(ids) - len(bad), config.max_bad)
    good = [place for place, image in enumerate(images) if image is not None]
    return RawImages(
        contents=np.stack([_must(images[i]) for i in good])
        if config.in_memory
        else files.subset(good),
        labels=np.array(labels, dtype=np.int64)[good],
        ids=[ids[place] for place in good],
        classes=classes,
        given_split=np.array([ids[i].partition("/")[0] for i in good]) if len(roots) > 1 else None,
        facts={"source": str(root), "unreadable": len(bad), "unreadable_names": bad[:20]},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFiles:
    """Images that are read when they are wanted, by several threads."""

    paths: tuple[Path, ...]
    size: int
    colour: bool

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return uint8 (rows, channels, size, size)."""
        with ThreadPoolExecutor(_THREADS) as pool:
            return np.stack([_must(image) for image in pool.map(self._read, rows.tolist())])

    def subset(self, rows: NDArray[np.int64] | list[int]) -> ImageFiles:
        """Return the images of some rows."""
        chosen = tuple(self.paths[int(row)] for row in rows)
        return ImageFiles(paths=chosen, size=self.size, colour=self.colour)

    def stream(self, batches: list[Tensor]) -> Iterator[Tensor]:
        """Yield batch after batch; while one is used, the next two are read."""
        with ThreadPoolExecutor(_THREADS) as pool:
            ahead = [
                [pool.submit(self._read, row) for row in part.tolist()] for part in batches[:2]
            ]
            for place in range(len(batches)):
                if place + 2 < len(batches):
                    rows = batches[place + 2].tolist()
                    ahead.append([pool.submit(self._read, row) for row in rows])
                images = [_must(future.result()) for future in ahead[place]]
                ahead[place] = []
                yield torch.from_numpy(np.stack(images))

    def read_all(self) -> list[NDArray[np.uint8] | None]:
        """Return every image, None for what is no image."""
        with _bombs_refused(), ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(self._read, range(len(self.paths))))

    def check_all(self) -> list[NDArray[np.uint8] | None]:
        """Return a small stand-in for every image that can be read to its end."""
        stand_in = np.zeros(1, dtype=np.uint8)
        with _bombs_refused(), ThreadPoolExecutor(_THREADS) as pool:
            read = pool.map(self._read, range(len(self.paths)))
            return [None if image is None else stand_in for image in read]

    def file_bytes(self, row: int) -> bytes:
        """Return what makes two images the same."""
        return self.paths[row].read_bytes()

    def _read(self, row: int) -> NDArray[np.uint8] | None:
        return _read_image(self.paths[row], self.size, colour=self.colour)


@contextmanager
def _bombs_refused() -> Iterator[None]:
    """Take an image of absurd size for a broken one; the filter holds for all threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _must(image: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    if image is None:
        raise DataError("Expected the images to stay as they were; one cannot be read any more.")
    return image


def _class_names(roots: list[Path]) -> tuple[str, ...]:
    root = roots[0]
    if not root.is_dir():
        raise DataError(
            f"Expected the folder {root} (data.path); it does not exist. Create it with one "
            "sub-folder of images per class."
        )
    names = [
        sorted(p.name for p in part.iterdir() if p.is_dir() and not p.name.startswith("."))
        for part in roots
    ]
    if len(names[0]) < 2:
        raise DataError(
            f"Expected at least two class folders in {root}; got {len(names[0])}. Put the images of "
            "each class into a folder named like the class."
        )
    for part, found in zip(roots, names, strict=True):
        if found != names[0]:
            raise DataError(
                f"Expected the class folders {', '.join(names[0])} in {part} as in {root}; got "
                f"{', '.join(found) or 'none'}."
            )
    return tuple(names[0])


def _read_image(path: Path, size: int, *, colour: bool) -> NDArray[np.uint8] | None:
    """Return shape (channels, size, size), or None for a file that is no image."""
    try:
        with Image.open(path) as image:
            small = image.convert("RGB" if colour else "L").resize((size, size))
    except (
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombWarning,
        Image.DecompressionBombError,
    ):
        return None
    pixels = np.asarray(small, dtype=np.uint8)
    return pixels.transpose(2, 0, 1) if colour else pixels[None]


def _judge(root: Path, bad: list[str], num_good: int, max_bad: int) -> None:
    if len(bad) > max_bad:
        raise DataError(
            f"Expected at most {max_bad} unreadable images in {root}; got {len(bad)}, the first is "
            f"{bad[0]}. Repair or delete them, or raise data.max_bad."
        )
    if not num_good:
        raise DataError(
            f"Expected PNG or JPEG images in the folders of {root}; got {len(bad)} that cannot be "
            f"read, the first is {bad[0]}. Add some."
        )
    if bad:
        sys.stdout.write(f"skipped {len(bad)} unreadable images: {', '.join(bad[:5])}\n")
