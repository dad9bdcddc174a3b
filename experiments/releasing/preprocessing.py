"""From an example as people have it to a network's input, by a bundle's own description of it.

Light: NumPy, and Pillow where there are image files. No torch: what serves a model must not need
what trained it.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.releasing.image_inputs import ImagePreprocessing
from experiments.releasing.model_inputs import InputError, Preprocessing, refusal

MAX_CHARACTERS = 1_000_000
_WORD = re.compile(r"\w+|[^\w\s]")


class TextPreprocessing:
    """Characters or words become numbers; long texts are cut, short ones padded."""

    def __init__(self, facts: Mapping[str, Any], vocabulary: Sequence[str]) -> None:
        self._length = int(facts["max_length"])
        self._padding, self._unknown = int(facts["padding"]), int(facts["unknown"])
        self._has_words = facts["tokens"] == "words"
        self._ids = {token: id_ for id_, token in enumerate(vocabulary, start=int(facts["first"]))}
        self.expectation = f"a text; what is beyond {self._length} {facts['tokens']} is cut"

    def __call__(self, items: Sequence[Any]) -> NDArray[Any]:
        """Return int32 of shape (n, max_length)."""
        found = np.full((len(items), self._length), self._padding, dtype=np.int32)
        for row, item in enumerate(items):
            if not isinstance(item, str):
                raise refusal(row, "a text", item)
            text = " ".join(item[:MAX_CHARACTERS].split())
            if not text:
                raise refusal(row, "a text that is not blank", item)
            tokens = _WORD.findall(text.lower()) if self._has_words else text
            cut = tokens[: self._length]
            found[row, : len(cut)] = [self._ids.get(each, self._unknown) for each in cut]
        return found


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
        return [self._value(row, name, item[name]) for name in self._names]

    def _value(self, row: int, name: str, value: Any) -> float:
        if value is None or value == "":
            return math.nan
        words = self._words.get(name)
        if words is None:
            return number(row, name, value)
        return words.get(str(value), math.nan)


class SequencePreprocessing:
    """Rows of numbers over time; what is beyond the longest is cut, the rest is filled with NaN."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._length = int(facts["max_length"])
        self._names: list[str] = list(facts["names"])
        self.expectation = (
            f"1 to {self._length} rows of {len(self._names)} numbers ({', '.join(self._names)})"
        )

    def __call__(self, items: Sequence[Any]) -> NDArray[Any]:
        """Return float32 of shape (n, max_length, columns)."""
        found = np.full((len(items), self._length, len(self._names)), np.nan, dtype=np.float32)
        for place, item in enumerate(items):
            if not isinstance(item, list | tuple) or not 1 <= len(item) <= self._length:
                raise refusal(place, self.expectation, item)
            for time, row in enumerate(item):
                found[place, time] = self._row(place, row)
        return found

    def _row(self, place: int, row: Any) -> list[float]:
        if isinstance(row, Mapping):
            row = [row.get(name) for name in self._names]
        if not isinstance(row, list | tuple) or len(row) != len(self._names):
            raise refusal(place, self.expectation, row)
        return [
            math.nan if value is None else number(place, name, value)
            for name, value in zip(self._names, row, strict=True)
        ]


class RatingPreprocessing:
    """A user and an item, by their numbers."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._sizes = int(facts["num_users"]), int(facts["num_items"])
        self.expectation = (
            f"a user from 0 to {self._sizes[0] - 1} and an item from 0 to {self._sizes[1] - 1}"
        )

    def __call__(self, items: Sequence[Any]) -> NDArray[Any]:
        """Return int64 of shape (n, 2)."""
        found = np.empty((len(items), 2), dtype=np.int64)
        for row, item in enumerate(items):
            pair = list(item.values()) if isinstance(item, Mapping) else item
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise refusal(row, self.expectation, item)
            for place, value in enumerate(pair):
                whole = number(row, self.expectation, value)
                if whole != int(whole) or not 0 <= whole < self._sizes[place]:
                    raise refusal(row, self.expectation, item)
                found[row, place] = int(whole)
        return found


def number(row: int, name: str, value: Any) -> float:
    """Return a value as a number; text as in a CSV file counts.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise refusal(row, f"a number for {name}", value)
    return found


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
            return SequencePreprocessing(facts)
        case "ratings":
            return RatingPreprocessing(facts)
        case other:
            raise InputError(
                f"Expected a kind of input that is known; got {other!r}. Update Bakeoff."
            )
