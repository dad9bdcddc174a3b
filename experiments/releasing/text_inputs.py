"""Texts for a network: characters or words become numbers, as the training reads them, and back."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.releasing.model_inputs import refusal

MAX_CHARACTERS = 1_000_000
_WORD = re.compile(r"\w+|[^\w\s]")
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


class Vocabulary:
    """Tokens and their numbers.

    Parameters
    ----------
    tokens
        In the order of their numbers.
    first
        The number of the first.
    unknown
        The number of all others.
    has_words
        Whether tokens are words, else they are characters.
    """

    def __init__(self, tokens: Sequence[str], *, first: int, unknown: int, has_words: bool) -> None:
        self._tokens, self._first, self._unknown = tokens, first, unknown
        self._has_words = has_words
        self._ids = {token: number for number, token in enumerate(tokens, start=first)}

    def __len__(self) -> int:
        return self._first + len(self._tokens)

    def cut(self, text: str) -> list[str]:
        """Return the tokens of a text."""
        return _WORD.findall(text.lower()) if self._has_words else list(text)

    def numbers(self, tokens: Sequence[str]) -> list[int]:
        """Return the numbers of tokens."""
        return [self._ids.get(token, self._unknown) for token in tokens]

    def token(self, number: int) -> str:
        """Return the token of a number."""
        place = number - self._first
        return self._tokens[place] if 0 <= place < len(self._tokens) else _UNKNOWN

    def text(self, numbers: Sequence[int]) -> str:
        """Return the text that numbers stand for."""
        return self.joined([self.token(number) for number in numbers])

    def joined(self, tokens: Sequence[str]) -> str:
        """Return tokens as a text."""
        return (" " if self._has_words else "").join(tokens)


class TextPreprocessing:
    """Characters or words become numbers; long texts are cut, short ones padded."""

    def __init__(self, facts: Mapping[str, Any], vocabulary: Sequence[str]) -> None:
        self.length = int(facts["max_length"])
        self.padding = int(facts["padding"])
        self.column: str | None = facts.get("column")
        self.vocabulary = Vocabulary(
            vocabulary,
            first=int(facts["first"]),
            unknown=int(facts["unknown"]),
            has_words=facts["tokens"] == "words",
        )
        self.expectation = f"a text; what is beyond {self.length} {facts['tokens']} is cut"

    def __call__(self, items: Sequence[Any]) -> NDArray[Any]:
        """Return int32 of shape (n, max_length)."""
        return self.padded([self.tokens(row, item) for row, item in enumerate(items)])

    def tokens(self, row: int, item: Any) -> list[str]:
        """Return what is read of a text.

        Raises
        ------
        InputError
            If there is nothing to read.
        """
        found = self.vocabulary.cut(tidy(row, item))[: self.length]
        if not found:
            raise refusal(row, "a text that is not blank", item)
        return found

    def padded(self, texts: Sequence[Sequence[str]]) -> NDArray[Any]:
        """Return int32 of shape (n, max_length)."""
        found = np.full((len(texts), self.length), self.padding, dtype=np.int32)
        for row, tokens in enumerate(texts):
            found[row, : len(tokens)] = self.vocabulary.numbers(tokens)
        return found


def tidy(row: int, item: Any) -> str:
    """Return a text with single blanks.

    Raises
    ------
    InputError
        If it is none.
    """
    if not isinstance(item, str):
        raise refusal(row, "a text", item)
    return " ".join(item[:MAX_CHARACTERS].split())
