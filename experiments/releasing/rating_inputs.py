"""Users and items for a recommender: by the names that the data have for them, or by number."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.releasing.model_inputs import number, refusal


class RatingPreprocessing:
    """A user and an item; or a user alone, who is recommended items."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.sizes = int(facts["num_users"]), int(facts["num_items"])
        self._columns: list[str] = list(facts.get("columns") or ("user", "item"))
        names: list[list[str]] = [list(facts.get(key) or ()) for key in ("users", "items")]
        self._places: list[dict[str, int]] = [
            {name: place for place, name in enumerate(each)} for each in names
        ]
        self.items = names[1] or [str(place) for place in range(self.sizes[1])]
        told = [
            f"one of {size:,} {kind}s" if each else f"{kind} from 0 to {size - 1}"
            for each, size, kind in zip(names, self.sizes, ("user", "item"), strict=True)
        ]
        first, second = self._columns
        self.expectation = f"{first} ({told[0]}) and {second} ({told[1]})"
        self.asking = (
            f"an object with {self.expectation}; without {second} it is answered with a list"
        )

    def __call__(self, items: Sequence[Any]) -> NDArray[Any]:
        """Return int64 of shape (n, 2)."""
        found = np.empty((len(items), 2), dtype=np.int64)
        for row, item in enumerate(items):
            pair = self._pair(item)
            if pair is None or len(pair) != 2 or None in pair:
                raise refusal(row, self.expectation, item)
            found[row] = [self._place(row, which, value) for which, value in enumerate(pair)]
        return found

    def user(self, row: int, item: Any) -> int | None:
        """Return the number of a user who is given alone; None if there is an item too."""
        if not isinstance(item, Mapping):
            return None
        pair = self._pair(item)
        if pair is None or len(pair) != 1:
            return None
        return self._place(row, 0, pair[0])

    def _pair(self, item: Any) -> list[Any] | None:
        if not isinstance(item, Mapping):
            return list(item) if isinstance(item, list | tuple) else None
        for names in (self._columns, ("user", "item")):
            if names[0] in item:
                return [item[name] for name in names if item.get(name) not in (None, "")]
        return None

    def _place(self, row: int, which: int, value: Any) -> int:
        places, kind = self._places[which], ("user", "item")[which]
        if places:
            found = places.get(" ".join(str(value).split()))
            if found is None:
                raise refusal(
                    row, f"one of the {self.sizes[which]:,} {kind}s of the training", value
                )
            return found
        whole = number(row, self.expectation, value)
        if whole != int(whole) or not 0 <= whole < self.sizes[which]:
            raise refusal(row, self.expectation, value)
        return int(whole)
