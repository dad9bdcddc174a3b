"""Image data of the user's own: a folder with one sub-folder of PNG or JPEG files per class."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.configs import ImageFolderConfig
from trainers.data.raw import RawImages
from trainers.errors import DataError

_ENDINGS = {".png", ".jpg", ".jpeg"}


def read_image_folder(config: ImageFolderConfig) -> RawImages:
    """Return the images, squeezed to one size; unreadable ones are skipped, counted and named.

    Raises
    ------
    DataError
        If the folder is missing, holds no images, or too many of them cannot be read.
    """
    root = Path(config.path)
    classes = _class_folders(root)
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    ids: list[str] = []
    bad: list[str] = []
    for label, folder in enumerate(classes):
        for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in _ENDINGS):
            name = f"{folder.name}/{path.name}"
            image = _read_image(path, config)
            if image is None:
                bad.append(name)
                continue
            images.append(image)
            labels.append(label)
            ids.append(name)
    _judge(root, bad, len(images), config.max_bad)
    return RawImages(
        contents=np.stack(images),
        labels=np.array(labels, dtype=np.int64),
        ids=ids,
        classes=tuple(folder.name for folder in classes),
        facts={"source": str(root), "unreadable": len(bad), "unreadable_names": bad[:20]},
    )


def _class_folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise DataError(
            f"Expected the folder {root} (data.path); it does not exist. Create it with one "
            "sub-folder of images per class."
        )
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(folders) < 2:
        raise DataError(
            f"Expected at least two class folders in {root}; got {len(folders)}. Put the images of "
            "each class into a folder named like the class."
        )
    return folders


def _read_image(path: Path, config: ImageFolderConfig) -> NDArray[np.uint8] | None:
    """Return shape (channels, size, size), or None for a file that is no image."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                mode = "RGB" if config.colour else "L"
                small = image.convert(mode).resize((config.size, config.size))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombWarning):
        return None
    except Image.DecompressionBombError:
        return None
    pixels = np.asarray(small, dtype=np.uint8)
    return pixels.transpose(2, 0, 1) if config.colour else pixels[None]


def _judge(root: Path, bad: list[str], num_good: int, max_bad: int) -> None:
    if len(bad) > max_bad:
        raise DataError(
            f"Expected at most {max_bad} unreadable images in {root}; got {len(bad)}, the first is "
            f"{bad[0]}. Repair or delete them, or raise data.max_bad."
        )
    if not num_good:
        got = f"{len(bad)} that cannot be read, the first is {bad[0]}" if bad else "none"
        raise DataError(
            f"Expected PNG or JPEG images in the folders of {root}; got {got}. Add some."
        )
    if bad:
        sys.stdout.write(f"skipped {len(bad)} unreadable images: {', '.join(bad[:5])}\n")
