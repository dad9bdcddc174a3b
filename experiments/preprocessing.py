"""From an example as people have it to a network's input, by a bundle's own description of it.

Light: NumPy, and Pillow where there are image files. No torch: what serves a model must not need
what trained it.
"""

import base64
import binascii
import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from experiments.errors import UsageError

MAX_PIXELS = 50_000_000
MAX_CHARACTERS = 1_000_000
_IMAGE_FORMATS = ("PNG", "JPEG")


class InputError(UsageError):
    """An example that the model cannot read; the message names it and says what it can."""


class Preprocessing(Protocol):
    """Turns examples into one array for the network."""

    @property
    def expectation(self) -> str:
        """What an example looks like, in words."""
        ...

    def __call__(self, items: Sequence[Any]) -> NDArray[Any]:
        """Return an array whose first axis is the examples.

        Raises
        ------
        InputError
            If one of them cannot be read.
        """
        ...


class TextPreprocessing:
    """Characters become numbers; white space is tidied, long texts are cut, short ones padded."""

    def __init__(self, facts: Mapping[str, Any], vocabulary: Sequence[str]) -> None:
        self._length = int(facts["max_length"])
        self._padding, self._unknown = int(facts["padding"]), int(facts["unknown"])
        first = max(self._padding, self._unknown) + 1
        self._ids = {character: id_ for id_, character in enumerate(vocabulary, start=first)}
        self.expectation = f"a text; what is beyond {self._length} characters is cut"

    def __call__(self, items: Sequence[Any]) -> NDArray[Any]:
        """Return int32 of shape (n, max_length)."""
        found = np.full((len(items), self._length), self._padding, dtype=np.int32)
        for row, item in enumerate(items):
            if not isinstance(item, str):
                raise InputError(_told(row, "a text", item))
            text = " ".join(item[:MAX_CHARACTERS].split())[: self._length]
            if not text:
                raise InputError(_told(row, "a text that is not blank", item))
            found[row, : len(text)] = [self._ids.get(each, self._unknown) for each in text]
        return found


class ImagePreprocessing:
    """Pixels from 0 to 255, or a PNG or JPEG file, become channels x height x width bytes."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._channels = int(facts["channels"])
        self._height, self._width = int(facts["height"]), int(facts["width"])
        self.expectation = (
            f"pixels of shape {_by(self.shape)} from 0 to 255, or a PNG or JPEG file in base64"
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image: channels, height, width."""
        return self._channels, self._height, self._width

    def __call__(self, items: Sequence[Any]) -> NDArray[Any]:
        """Return uint8 of shape (n, channels, height, width)."""
        found = np.empty((len(items), *self.shape), dtype=np.uint8)
        for row, item in enumerate(items):
            found[row] = self._from_file(row, item) if _is_file(item) else self._pixels(row, item)
        return found

    def _pixels(self, row: int, item: Any) -> NDArray[np.uint8]:
        expected = self.expectation
        try:
            pixels = np.asarray(item)
        except ValueError:
            raise InputError(_told(row, expected, "rows of different lengths")) from None
        if pixels.dtype.kind not in "iuf":
            raise InputError(_told(row, expected, item))
        if pixels.ndim == 1 and pixels.size == np.prod(self.shape):
            pixels = pixels.reshape(self.shape)
        elif pixels.ndim == 2 and self._channels == 1:
            pixels = pixels[None]
        if pixels.shape != self.shape:
            raise InputError(_told(row, expected, f"shape {_by(pixels.shape)}"))
        if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 255):
            raise InputError(_told(row, expected, "values outside"))
        return np.rint(pixels).astype(np.uint8)

    def _from_file(self, row: int, item: Any) -> NDArray[np.uint8]:
        """Decode and resize exactly as the training's reader of image folders does."""
        from PIL import Image

        content = item if isinstance(item, bytes) else _decoded(row, item)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(io.BytesIO(content), formats=_IMAGE_FORMATS) as image:
                    if image.width * image.height > MAX_PIXELS:
                        raise InputError(_told(row, f"at most {MAX_PIXELS:,} pixels", image.size))
                    mode = "RGB" if self._channels == 3 else "L"
                    small = image.convert(mode).resize((self._width, self._height))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombWarning) as error:
            raise InputError(_told(row, "a PNG or JPEG image", str(error))) from None
        except Image.DecompressionBombError as error:
            raise InputError(_told(row, "an image of sensible size", str(error))) from None
        pixels = np.asarray(small, dtype=np.uint8)
        return pixels.transpose(2, 0, 1) if self._channels == 3 else pixels[None]


def make_preprocessing(facts: Mapping[str, Any], vocabulary: Sequence[str] | None) -> Preprocessing:
    """Return what a bundle's ``preprocessing.json`` describes.

    Raises
    ------
    InputError
        If this version of Bakeoff does not know it.
    """
    modality = facts.get("modality")
    if modality == "text" and vocabulary is not None:
        return TextPreprocessing(facts, vocabulary)
    if modality == "image":
        return ImagePreprocessing(facts)
    raise InputError(f"Expected a bundle for images or texts; got {modality!r}. Update Bakeoff.")


def _is_file(item: Any) -> bool:
    return isinstance(item, bytes | str) or (isinstance(item, dict) and "base64" in item)


def _decoded(row: int, item: Any) -> bytes:
    text = item["base64"] if isinstance(item, dict) else item
    try:
        return base64.b64decode(str(text).partition(",")[2] or text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise InputError(_told(row, "a PNG or JPEG file in base64", text)) from None


def _told(row: int, expected: str, got: Any) -> str:
    text = repr(got)
    return f"Expected {expected} as input {row}; got {text[:60]}{'...' if len(text) > 60 else ''}."


def _by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
