"""Texts as numbers: cut into characters or words, counted, written as ids, and back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers.data.inputs import NUM_SPECIAL, PADDING, UNKNOWN, PretrainedInput, TextInput
from trainers.data.targets import Target
from trainers.errors import optional

END = NUM_SPECIAL
"""In texts to be written: the id that ends them; their vocabulary begins after it."""
_WORD = re.compile(r"\w+|[^\w\s]")


def tokens_of(text: str, unit: str) -> Sequence[str]:
    """Return the characters of a text, or its words and punctuation marks in lower case."""
    return text if unit == "characters" else _WORD.findall(text.lower())


def vocabulary_of(texts: Iterable[str], unit: str, size: int) -> tuple[str, ...]:
    """Return the most frequent tokens, those of equal frequency in alphabetical order."""
    counts = Counter(token for text in texts for token in tokens_of(text, unit))
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    return tuple(ranked[: size - NUM_SPECIAL])


def encode_texts(texts: Sequence[str], model_input: TextInput) -> Tensor:
    """Return int32 ids of shape (num_texts, max_length), padded on the right."""
    if isinstance(model_input, PretrainedInput):
        return _encode_as_pretrained(texts, model_input)
    index = {token: i for i, token in enumerate(model_input.vocabulary, start=NUM_SPECIAL)}
    ids = np.full((len(texts), model_input.max_length), PADDING, dtype=np.int32)
    for row, text in enumerate(texts):
        cut = tokens_of(text, model_input.tokens)[: model_input.max_length]
        ids[row, : len(cut)] = [index.get(token, UNKNOWN) for token in cut]
    return torch.from_numpy(ids)


def encode_targets(texts: Sequence[str], target: Target, unit: str) -> Tensor:
    """Return int32 ids of shape (num_texts, max_length), each text ended and padded."""
    index = {token: i for i, token in enumerate(target.vocabulary, start=END + 1)}
    ids = np.full((len(texts), target.max_length), PADDING, dtype=np.int32)
    for row, text in enumerate(texts):
        cut = tokens_of(text, unit)[: target.max_length - 1]
        ids[row, : len(cut) + 1] = [*(index.get(token, UNKNOWN) for token in cut), END]
    return torch.from_numpy(ids)


def decode_targets(ids_NT: Tensor, target: Target, unit: str) -> list[str]:
    """Return the texts that ids stand for, up to their end."""
    glue = "" if unit == "characters" else " "
    return [
        glue.join(_token(number, target.vocabulary, END + 1) for number in _until_end(row))
        for row in ids_NT.tolist()
    ]


def decode_texts(ids_NT: Tensor, model_input: TextInput) -> list[str]:
    """Return the texts that a model's ids stand for, without padding."""
    if isinstance(model_input, PretrainedInput):
        rows = [[number - 1 for number in row if number != PADDING] for row in ids_NT.tolist()]
        return _tokenizer(model_input.tokenizer).decode_batch(rows)
    glue = "" if model_input.tokens == "characters" else " "
    return [
        glue.join(
            _token(number, model_input.vocabulary, NUM_SPECIAL)
            for number in row
            if number != PADDING
        )
        for row in ids_NT.tolist()
    ]


def _encode_as_pretrained(texts: Sequence[str], model_input: PretrainedInput) -> Tensor:
    tokenizer = _tokenizer(model_input.tokenizer)
    tokenizer.enable_truncation(model_input.max_length)
    tokenizer.no_padding()
    ids = np.full((len(texts), model_input.max_length), PADDING, dtype=np.int32)
    for row, text in enumerate(tokenizer.encode_batch(list(texts))):
        ids[row, : len(text.ids)] = np.asarray(text.ids) + 1
    return torch.from_numpy(ids)


@lru_cache(maxsize=2)
def _tokenizer(text: str) -> Any:
    return optional("tokenizers").Tokenizer.from_str(text)


def _until_end(row: list[int]) -> list[int]:
    return row[: next((i for i, number in enumerate(row) if number in {END, PADDING}), len(row))]


def _token(number: int, vocabulary: Sequence[str], first: int) -> str:
    place = number - first
    return vocabulary[place] if 0 <= place < len(vocabulary) else "\N{REPLACEMENT CHARACTER}"
