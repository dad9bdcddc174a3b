"""From an example as people have it to a network's input: what all kinds of input share."""

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from experiments.errors import UsageError


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


def refusal(row: int, expected: str, got: Any) -> InputError:
    """Return the error for an example that is not as it should be."""
    text = repr(got)
    cut = f"{text[:60]}..." if len(text) > 60 else text
    return InputError(f"Expected {expected} as input {row}; got {cut}.")


def by(shape: Sequence[int]) -> str:
    """Return a shape in words: ``3 x 8 x 8``."""
    return " x ".join(map(str, shape))
