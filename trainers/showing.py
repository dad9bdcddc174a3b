"""Show examples by their ids: ``python -m trainers.showing`` reads JSON, writes JSON. No torch.

In: ``{"data": {"kind": "mnist", ...}, "ids": ["...", ...]}``. Out: one object an id that was found,
``{"id": ..., "kind": "image" | "text" | "series" | "table", "content": ...}``: a PNG in base64, a
text, a list of channels of numbers, or names with values.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from trainers import catalog
from trainers.errors import DataError

_MOST_POINTS = 400
_MOST_CHANNELS = 6


def show(data: Mapping[str, Any], ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the examples of a data configuration that have these ids.

    Raises
    ------
    DataError
        If the data cannot be read.
    """
    catalog.load_plugins()
    kind = str(data.get("kind"))
    entry = catalog.DATA.get(kind)
    if entry is None:
        raise DataError(f"Expected a kind of {', '.join(catalog.DATA)}; got {kind!r}.")
    try:
        config = entry.config.model_validate(dict(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in ("data", *first["loc"]))
        raise DataError(
            f"What the run recorded as {place} is not understood: {first['msg']}."
        ) from error
    raw = entry.load()(config)
    wanted = set(ids)
    found = (place for place, example in enumerate(raw.ids) if example in wanted)
    return [{"id": raw.ids[place], **_content(raw, place)} for place in found]


def _content(raw: Any, place: int) -> dict[str, Any]:
    one = raw.contents[place]
    if isinstance(one, str):
        return {"kind": "text", "content": one}
    array = np.asarray(one)
    if array.dtype == np.uint8 and array.ndim == 3:
        return {"kind": "image", "content": _png(array)}
    names = [str(name) for name in _names(raw)]
    if array.ndim == 1 and len(names) == len(array):
        values = dict(zip(names, array.tolist(), strict=True))
        return {"kind": "table", "content": values}
    return {"kind": "series", "content": _channels(np.atleast_2d(array)), "names": names}


def _names(raw: Any) -> Iterable[object]:
    for attribute in ("columns", "features", "channels"):
        names = getattr(raw, attribute, None)
        if isinstance(names, Sequence) and not isinstance(names, str):
            return names
    return ()


def _channels(values: NDArray[Any]) -> list[list[float | None]]:
    """Return at most a few channels of at most some hundred numbers each; None for NaN."""
    step = max(1, -(-values.shape[-1] // _MOST_POINTS))
    kept = values.reshape(-1, values.shape[-1])[:_MOST_CHANNELS, ::step].astype(np.float64)
    return [[v if np.isfinite(v) else None for v in channel] for channel in kept.tolist()]


def _png(image: NDArray[np.uint8]) -> str:
    """Return an image of shape (channels, height, width) as PNG in base64."""
    pixels = image[0] if len(image) == 1 else np.moveaxis(image[:3], 0, -1)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def main() -> int:
    """Answer one question on standard input."""
    try:
        asked = json.load(sys.stdin)
        sys.stdout.write(json.dumps(show(asked["data"], asked["ids"])))
    except (DataError, OSError, ValueError, KeyError, TypeError) as error:
        sys.stdout.write(json.dumps({"error": str(error)}))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
