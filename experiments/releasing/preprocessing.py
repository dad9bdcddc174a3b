"""From an example as people have it to a network's input, by a bundle's own description of it.

Light: NumPy, and Pillow where there are image files. No torch: what serves a model must not need
what trained it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.releasing.image_inputs import ImagePreprocessing
from experiments.releasing.model_inputs import (
    FileRow,
    InputError,
    Preprocessing,
    cell,
    number,
    refusal,
)
from experiments.releasing.rating_inputs import RatingPreprocessing
from experiments.releasing.text_inputs import TextPreprocessing
from experiments.releasing.time_inputs import make_time_preprocessing


class TablePreprocessing:
    """A row of a table: numbers as they are, words by their index, null for what is missing."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._names: list[str] = list(facts["names"])
        self._words = {
            name: {word: float(place) for place, word in enumerate(words)}
            for name, words in facts["categories"].items()
        }
        self.expectation = f"an object with {', '.join(self._names)}"

    def __call__(self, items: Sequence[Any]) -> NDArray[Any]:
        """Return float32 of shape (n, columns); NaN is missing."""
        return np.array(
            [self._row(row, item) for row, item in enumerate(items)], dtype=np.float32
        ).reshape(len(items), len(self._names))

    def _row(self, row: int, item: Any) -> list[float]:
        if isinstance(item, list | tuple) and len(item) == len(self._names):
            item = dict(zip(self._names, item, strict=True))
        if not isinstance(item, Mapping):
            raise refusal(row, self.expectation, item)
        missing = [name for name in self._names if name not in item]
        if missing:
            raise refusal(row, self.expectation, f"one without {', '.join(missing)}")
        from_file = isinstance(item, FileRow)
        return [self._value(row, name, item[name], from_file) for name in self._names]

    def _value(self, row: int, name: str, value: Any, from_file: bool) -> float:
        if value is None or value == "":
            return math.nan
        words = self._words.get(name)
        if words is not None:
            return words.get(" ".join(str(value).split()), math.nan)
        return cell(value) if from_file else number(row, name, value)


def make_preprocessing(facts: Mapping[str, Any], vocabulary: Sequence[str] | None) -> Preprocessing:
    """Return what a bundle's ``preprocessing.json`` describes.

    Raises
    ------
    InputError
        If this version of Bakeoff does not know it.
    """
    match facts.get("modality"):
        case "text" if vocabulary is not None:
            return TextPreprocessing(facts, vocabulary)
        case "image":
            return ImagePreprocessing(facts)
        case "table":
            return TablePreprocessing(facts)
        case "sequence":
            return make_time_preprocessing(facts)
        case "ratings":
            return RatingPreprocessing(facts)
        case other:
            raise InputError(
                f"Expected a kind of input that is known; got {other!r}. Update Bakeoff."
            )
