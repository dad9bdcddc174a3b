"""From an example as people have it to a network's input: what all kinds of input share."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from experiments.errors import UsageError


class InputError(UsageError):
    """An example that the model cannot read; the message names it and says what it can."""


class FileRow(dict[str, Any]):
    """A row of a file: what is no number in a column of numbers is missing, as in the training."""


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


def refusal(row: int, expected: str, got: Any) -> InputError:
    """Return the error for an example that is not as it should be."""
    text = repr(got)
    cut = f"{text[:60]}..." if len(text) > 60 else text
    return InputError(f"Expected {expected} as input {row}; got {cut}.")


def by(shape: Sequence[int]) -> str:
    """Return a shape in words: ``3 x 8 x 8``."""
    return " x ".join(map(str, shape))


def number(row: int, name: str, value: Any) -> float:
    """Return a value as a number; text as in a CSV file counts.

    Raises
    ------
    InputError
        If it is none.
    """
    found = math.nan if isinstance(value, bool) else cell(value)
    if math.isnan(found):
        raise refusal(row, f"a number for {name}", value)
    return found


def cell(value: Any) -> float:
    """Return a cell of a file as a number; NaN where it is none, or infinite."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return math.nan
    return found if math.isfinite(found) else math.nan
