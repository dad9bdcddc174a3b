"""How often a test split was looked at: each look that can steer a choice wears it out a little.

A look is a set of models in one metric on one set of examples. Looking again at the same is no new
look: it tells nothing new.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from store.layout import Home
from store.ledger import LEDGER_NAME, Ledger

KIND = "look"
SEALED = frozenset({"test", "confirm", "holdout"})
"""Splits that are kept for the decision; validation is there to be looked at."""
MANY = 20
"""Looks from which a fresh test set is advised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at one set of examples."""

    id: str
    at: datetime
    """the first time"""
    examples: str
    """which examples: see `examples_key`"""
    split: str
    runs: tuple[str, ...]
    what: str
    """metric, or what else was shown"""
    where: str
    """the page or command"""
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """What the looks at one set of examples amount to."""

    looks: tuple[Look, ...]
    """oldest first"""

    @property
    def count(self) -> int:
        """How many looks there were."""
        return len(self.looks)

    @property
    def models(self) -> frozenset[str]:
        """Every run that was looked at."""
        return frozenset(run for look in self.looks for run in look.runs)

    def unseen(self, run_ids: Sequence[str]) -> int:
        """Return how many other models were looked at: what a correction has to allow for."""
        return len(self.models - set(run_ids))

    def sentence(self, split: str) -> str:
        """Say how worn the split is."""
        if not self.count:
            return f"The {split} split has not been looked at yet."
        times = {1: "once", 2: "twice"}.get(self.count, f"{self.count} times")
        told = (
            f"The {split} split has been looked at {times}, at {len(self.models)} "
            f"model{'s' if len(self.models) != 1 else ''}"
        )
        if self.count < MANY:
            return f"{told}; intervals allow for all of them."
        return f"{told}. That is much: take a fresh test set for the next decision."


def is_sealed(split: str) -> bool:
    """Whether looks at a split are counted."""
    return base_of(split) in SEALED


def base_of(split: str) -> str:
    """Return the split whose examples a set of predictions is about: ``test_lists`` -> ``test``."""
    return split.partition("_")[0]


def examples_key(record: Mapping[str, Any], split: str) -> str:
    """Return what names the examples of a split: their hash, else that of all data, else the project."""
    hashes = (record.get("data") or {}).get("hashes") or {}
    known = hashes.get(base_of(split)) or record.get("data_hash")
    return f"{base_of(split)}:{known or 'project ' + str(record.get('project'))}"


def look(
    home: Home,
    record: Mapping[str, Any],
    split: str,
    run_ids: Sequence[str],
    *,
    what: str,
    where: str,
    who: str = "",
) -> Wear:
    """Note a look at a split that is kept for the decision, and return all looks at it.

    Parameters
    ----------
    home
        The store's folder.
    record
        Of any of the runs: it says which examples they are.
    split
        Looks at others than `SEALED` are not counted.
    run_ids
        The models that are looked at.
    what
        Metric, or what else is shown.
    where
        The page or command.
    who
        Who looks.

    Raises
    ------
    store.StoreError
        If it cannot be written: then nothing may be shown.
    """
    key = examples_key(record, split)
    if not is_sealed(split):
        return Wear(looks=())
    runs = sorted(set(run_ids))
    content = json.dumps([key, runs, what])
    look_id = hashlib.sha256(content.encode()).hexdigest()[:16]
    ledger = _ledger(home)
    if ledger.item(KIND, look_id) is None:
        ledger.write(
            KIND, look_id, examples=key, split=split, runs=runs, what=what, where=where, who=who
        )
    return _wear(ledger, key)


def wear(home: Home, record: Mapping[str, Any], split: str) -> Wear:
    """Return the looks at a split so far, without looking."""
    return _wear(_ledger(home), examples_key(record, split))


def _wear(ledger: Ledger, key: str) -> Wear:
    return Wear(
        looks=tuple(
            Look(
                id=look_id,
                at=datetime.fromtimestamp(item["created_us"] / 1e6, tz=UTC),
                examples=key,
                split=str(item.get("split", "")),
                runs=tuple(item.get("runs") or ()),
                what=str(item.get("what", "")),
                where=str(item.get("where", "")),
                who=str(item.get("who", "")),
            )
            for look_id, item in ledger.items(KIND).items()
            if item.get("examples") == key
        )
    )


def _ledger(home: Home) -> Ledger:
    return Ledger(home.releases / LEDGER_NAME)
