"""How alike two texts are: 1 for equal ones, 0 where no character can stay."""

from __future__ import annotations


def similarity(first: str, second: str) -> float:
    """Return 1 minus the edit distance (insert, delete, replace) over the longer length."""
    longest = max(len(first), len(second))
    return 1.0 if not longest else 1.0 - edit_distance(first, second) / longest


def edit_distance(first: str, second: str) -> int:
    """Return the fewest characters to insert, delete or replace."""
    row = list(range(len(second) + 1))
    for place, letter in enumerate(first, start=1):
        diagonal, row[0] = row[0], place
        for column, other in enumerate(second, start=1):
            diagonal, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, diagonal + (letter != other)),
            )
    return row[-1]
