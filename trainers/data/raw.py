"""What every reader of data returns: examples as they are, before anything is dropped or split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from trainers.configs import DataConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class RawImages:
    """Labelled images of one size."""

    modality: ClassVar[Literal["image", "text"]] = "image"

    contents: NDArray[np.uint8]
    """Shape (num_examples, channels, height, width), 0 to 255."""
    labels: NDArray[np.int64]
    """Shape (num_examples,), index into ``classes``."""
    ids: Sequence[str]
    classes: tuple[str, ...]
    is_test: NDArray[np.bool_] | None = None
    """Shape (num_examples,); where the data have a test split of their own."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the reader wants recorded: source, skipped files."""

    def content_bytes(self, index: int) -> bytes:
        """Return what makes two examples the same."""
        return self.contents[index].tobytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTexts:
    """Labelled texts, white space already in order, none empty."""

    modality: ClassVar[Literal["image", "text"]] = "text"

    contents: Sequence[str]
    labels: NDArray[np.int64]
    ids: Sequence[str]
    classes: tuple[str, ...]
    is_test: NDArray[np.bool_] | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def content_bytes(self, index: int) -> bytes:
        """Return what makes two examples the same."""
        return self.contents[index].encode("utf-8", "surrogatepass")


RawData = RawImages | RawTexts
Reader = Callable[[DataConfig], RawData]
