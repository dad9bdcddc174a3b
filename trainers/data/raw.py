"""What every reader of data returns: examples as they are, before anything is dropped or split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from trainers.configs import DataConfig

ArrayShape = Literal["table", "sequence", "ratings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawHead:
    """One of several columns to predict at once."""

    name: str
    classes: tuple[str, ...]
    """Empty where it is a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawImages:
    """Labelled images of one size."""

    modality: ClassVar[Literal["image"]] = "image"

    contents: Any
    """uint8 (num_examples, channels, height, width), 0 to 255; an array, or read when indexed."""
    labels: NDArray[np.int64]
    """Shape (num_examples,), index into ``classes``."""
    ids: Sequence[str]
    classes: tuple[str, ...]
    is_test: NDArray[np.bool_] | None = None
    """Shape (num_examples,); where the data have a test split of their own."""
    given_split: NDArray[np.str_] | None = None
    """Shape (num_examples,), train, val or test; where the data are split already."""
    groups: Sequence[str] | None = None
    slices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    """What the reader wants recorded: source, skipped files."""

    def content_bytes(self, index: int) -> bytes:
        """Return what makes two examples the same."""
        read = getattr(self.contents, "file_bytes", None)
        return read(index) if read else self.contents[index].tobytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTexts:
    """Texts, white space already in order, none empty: labelled, paired with others, or alone."""

    modality: ClassVar[Literal["text"]] = "text"

    contents: Sequence[str]
    labels: NDArray[Any]
    """Index into ``classes``; zeros where there are none; float32 (num_examples, heads)."""
    ids: Sequence[str]
    classes: tuple[str, ...]
    heads: tuple[RawHead, ...] = ()
    """Of several targets: what each column of the labels is."""
    targets: Sequence[str] | None = None
    """The text to write for each text to read."""
    is_test: NDArray[np.bool_] | None = None
    given_split: NDArray[np.str_] | None = None
    groups: Sequence[str] | None = None
    slices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def content_bytes(self, index: int) -> bytes:
        """Return what makes two examples the same."""
        return self.contents[index].encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawArrays:
    """Numbers: rows of a table, sequences of events, windows of a series, pairs of user and item."""

    modality: ClassVar[Literal["arrays"]] = "arrays"

    shape: ArrayShape
    contents: NDArray[Any]
    """float32 (num_examples, columns) or (num_examples, time, columns) with rows of NaN after the
    end, or int64 (num_examples, 2) of user and item; NaN inside is a missing value."""
    labels: NDArray[Any]
    """int64 (num_examples,) class indices, or float32 (num_examples, numbers)."""
    ids: Sequence[str]
    names: tuple[str, ...]
    """Of the columns; of ratings, users first."""
    classes: tuple[str, ...] = ()
    """Empty where numbers are to be predicted."""
    target_names: tuple[str, ...] = ()
    heads: tuple[RawHead, ...] = ()
    """Of several targets: what each column of the labels is, an index or a number."""
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of the columns that hold the index of a word: which words."""
    sizes: tuple[int, ...] = ()
    """Of ratings: number of users, number of items."""
    is_test: NDArray[np.bool_] | None = None
    given_split: NDArray[np.str_] | None = None
    groups: Sequence[str] | None = None
    """Examples that must stay in one split: those of a customer, a patient."""
    has_duplicates: bool = False
    """Whether equal contents are different examples all the same: windows of a series."""
    slices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def content_bytes(self, index: int) -> bytes:
        """Return what makes two examples the same."""
        place = str(index).encode() if self.has_duplicates else b""
        return place + self.contents[index].tobytes()


RawData = RawImages | RawTexts | RawArrays
Reader = Callable[[DataConfig], RawData]
