"""Images for a network: pixels as numbers, or PNG and JPEG files, as the training reads them."""

import base64
import binascii
import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.releasing.model_inputs import by, refusal

MAX_PIXELS = 50_000_000
_IMAGE_FORMATS = ("PNG", "JPEG")


class ImagePreprocessing:
    """Pixels from 0 to 255, or a PNG or JPEG file, become channels x height x width bytes."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._channels = int(facts["channels"])
        self._height, self._width = int(facts["height"]), int(facts["width"])
        self.expectation = (
            f"pixels of shape {by(self.shape)} from 0 to 255, or a PNG or JPEG file in base64"
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
            raise refusal(row, expected, "rows of different lengths") from None
        if pixels.dtype.kind not in "iuf":
            raise refusal(row, expected, item)
        if pixels.ndim == 1 and pixels.size == np.prod(self.shape):
            pixels = pixels.reshape(self.shape)
        elif pixels.ndim == 2 and self._channels == 1:
            pixels = pixels[None]
        if pixels.shape != self.shape:
            raise refusal(
                row, expected, f"shape {by(pixels.shape)}" if pixels.ndim else "one number"
            )
        if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 255):
            raise refusal(row, expected, "values outside")
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
                        raise refusal(row, f"at most {MAX_PIXELS:,} pixels", image.size)
                    mode = "RGB" if self._channels == 3 else "L"
                    small = image.convert(mode).resize((self._width, self._height))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombWarning) as error:
            raise refusal(row, "a PNG or JPEG image", str(error)) from None
        except Image.DecompressionBombError as error:
            raise refusal(row, "an image of sensible size", str(error)) from None
        pixels = np.asarray(small, dtype=np.uint8)
        return pixels.transpose(2, 0, 1) if self._channels == 3 else pixels[None]


def _is_file(item: Any) -> bool:
    return isinstance(item, bytes | str) or (isinstance(item, dict) and "base64" in item)


def _decoded(row: int, item: Any) -> bytes:
    text = item["base64"] if isinstance(item, dict) else item
    try:
        return base64.b64decode(str(text).partition(",")[2] or text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise refusal(row, "a PNG or JPEG file in base64", text) from None
