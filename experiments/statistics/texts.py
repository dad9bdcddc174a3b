"""How near written texts are to those that were wanted: one value a text, all texts at once.

Nothing is normalised: upper and lower case differ, and so do punctuation marks.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.statistics.arrays import FloatArray, IntArray

TEXT_METRICS: Final = ("exact_match", "token_f1", "chrf", "edit_similarity")
"""Means over texts, in [0, 1]; the columns of `text_scores`."""
_ORDER: Final = 6  # n-grams of one to six characters, as chrF has them
_BETA: Final = 2.0  # recall counts twice as much as precision
_CHUNK: Final = 512  # texts whose edit distances are found together


def text_scores(written: Sequence[str], wanted: Sequence[str]) -> FloatArray:
    """Return every metric of `TEXT_METRICS` for each text, shape (n, 4).

    Raises
    ------
    ValueError
        If there is not one wanted text for each written one.
    """
    if len(written) != len(wanted):
        raise ValueError(
            f"Expected as many wanted texts as written ones; got {len(wanted)} and {len(written)}."
        )
    kernels: tuple[Callable[[Sequence[str], Sequence[str]], FloatArray], ...] = (
        exact_match,
        token_f1,
        chrf,
        edit_similarity,
    )
    return np.stack([kernel(written, wanted) for kernel in kernels], axis=1)


def exact_match(written: Sequence[str], wanted: Sequence[str]) -> FloatArray:
    """Return 1 for texts that are the same, character by character, else 0."""
    return np.array([a == b for a, b in zip(written, wanted, strict=True)], dtype=np.float64)


def token_f1(written: Sequence[str], wanted: Sequence[str]) -> FloatArray:
    """Return the F1 of the words (between white space) that both texts have, each as often.

    As SQuAD's (Rajpurkar et al. 2016), without its removal of articles and punctuation. Two texts
    without a word are equal: 1.
    """
    known: dict[str, int] = {}
    parts = [
        [[known.setdefault(word, len(known)) for word in text.split()] for text in texts]
        for texts in (written, wanted)
    ]
    sizes = [np.array([len(words) for words in part], dtype=np.int64) for part in parts]
    codes = [np.array([c for words in part for c in words], dtype=np.int64) for part in parts]
    shared = _shared(codes, sizes, len(known))
    total = sizes[0] + sizes[1]
    return np.where(total > 0, 2 * shared / np.maximum(total, 1), 1.0)


def chrf(written: Sequence[str], wanted: Sequence[str]) -> FloatArray:
    """Return chrF of each text (Popović 2015): F2 of the character n-grams, n from 1 to 6.

    Precision and recall are means over the orders that both texts have, white space does not count:
    as sacrebleu's ``sentence_chrf``, over 100. Two texts without a character are equal: 1.
    """
    pair = [["".join(text.split()) for text in texts] for texts in (written, wanted)]
    lengths = [np.array([len(text) for text in texts], dtype=np.int64) for texts in pair]
    letters = [_code_points("".join(texts)) for texts in pair]
    # The code of an n-gram is that of its first n - 1 characters with the last: no collisions.
    codes = [np.zeros(len(found), dtype=np.int64) for found in letters]
    count = len(pair[0])
    precision, recall, orders = np.zeros(count), np.zeros(count), np.zeros(count)
    for n in range(1, _ORDER + 1):
        sizes = [np.maximum(length - n + 1, 0) for length in lengths]
        codes, num_codes = _longer(codes, letters, lengths, n)
        kept = [_starts(found, length, n) for found, length in zip(codes, lengths, strict=True)]
        shared = _shared(kept, sizes, num_codes)
        both = (sizes[0] > 0) & (sizes[1] > 0)
        precision += np.where(both, shared / np.maximum(sizes[0], 1), 0)
        recall += np.where(both, shared / np.maximum(sizes[1], 1), 0)
        orders += both
    precision, recall = (total / np.maximum(orders, 1) for total in (precision, recall))
    weighted = _BETA**2 * precision + recall
    value = np.where(
        weighted > 0, (1 + _BETA**2) * precision * recall / np.where(weighted > 0, weighted, 1), 0
    )
    return np.where((lengths[0] == 0) & (lengths[1] == 0), 1.0, value)


def edit_similarity(written: Sequence[str], wanted: Sequence[str]) -> FloatArray:
    """Return 1 minus the edit distance (insert, delete, replace) over the longer text's length."""
    longest = np.array(
        [max(len(a), len(b), 1) for a, b in zip(written, wanted, strict=True)], dtype=np.float64
    )
    return 1 - edit_distance(written, wanted) / longest


def edit_distance(written: Sequence[str], wanted: Sequence[str]) -> IntArray:
    """Return the fewest characters to insert, delete or replace (Levenshtein 1966)."""
    order = np.argsort([len(a) + len(b) for a, b in zip(written, wanted, strict=True)])
    found = np.zeros(len(order), dtype=np.int64)
    for start in range(0, len(order), _CHUNK):
        rows = order[start : start + _CHUNK]
        found[rows] = _distances([written[int(i)] for i in rows], [wanted[int(i)] for i in rows])
    return found


def _distances(first: Sequence[str], second: Sequence[str]) -> IntArray:
    a, size_a = _padded(first)
    b, size_b = _padded(second)
    at = np.arange(b.shape[1] + 1, dtype=np.int32)
    row = np.tile(at, (len(a), 1))
    found = size_b.copy()
    for place in range(a.shape[1]):
        changed = np.empty_like(row)
        changed[:, 0] = place + 1
        np.minimum(row[:, :-1] + (b != a[:, [place]]), row[:, 1:] + 1, out=changed[:, 1:])
        # A run of insertions costs one each: the smallest of all starts, seen from its end.
        row = np.minimum.accumulate(changed - at, axis=1) + at
        ends = size_a == place + 1
        found[ends] = row[ends, size_b[ends]]
    return found


def _padded(texts: Sequence[str]) -> tuple[NDArray[np.int32], IntArray]:
    sizes = np.array([len(text) for text in texts], dtype=np.int64)
    table = np.full((len(texts), int(sizes.max(initial=0))), -1, dtype=np.int32)
    table[np.arange(table.shape[1]) < sizes[:, None]] = _code_points("".join(texts))
    return table, sizes


def _code_points(text: str) -> IntArray:
    encoded = text.encode("utf-32-le", "surrogatepass")
    return np.frombuffer(encoded, dtype=np.uint32).astype(np.int64)


def _longer(
    codes: Sequence[IntArray], letters: Sequence[IntArray], lengths: Sequence[IntArray], n: int
) -> tuple[list[IntArray], int]:
    """Return the code of the n-gram that starts at each character; -1 where none does."""
    keys = []
    for code, letter, length in zip(codes, letters, lengths, strict=True):
        last = np.roll(letter, 1 - n)
        key = code * 0x110000 + last
        key[~_is_start(length, n)] = -1
        keys.append(key)
    values, numbered = np.unique(np.concatenate(keys), return_inverse=True)
    return list(np.split(numbered, [len(keys[0])])), len(values)


def _is_start(length: IntArray, n: int) -> NDArray[np.bool_]:
    """Tell at which characters of all texts in a row an n-gram of one text starts."""
    ends = np.repeat(np.cumsum(length), length)
    return np.arange(len(ends)) + n <= ends


def _starts(codes: IntArray, length: IntArray, n: int) -> IntArray:
    return codes[_is_start(length, n)]


def _shared(codes: Sequence[IntArray], sizes: Sequence[IntArray], num_codes: int) -> FloatArray:
    """Return how many things both sides of each text have, each as often as both have it."""
    count = len(sizes[0])
    tallies = []
    for code, size in zip(codes, sizes, strict=True):
        text = np.repeat(np.arange(count), size)
        tallies.append(np.unique(text * max(num_codes, 1) + code, return_counts=True))
    (first, often_a), (second, often_b) = tallies
    both, at_a, at_b = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    least = np.minimum(often_a[at_a], often_b[at_b])
    found = np.bincount(both // max(num_codes, 1), least, count)
    return np.asarray(found, dtype=np.float64)
