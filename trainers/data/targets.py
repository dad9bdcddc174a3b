"""What is to be learnt from the data: a class, numbers, a rating, a text, or nothing but itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

TargetKind = Literal["classes", "numbers", "ratings", "tokens", "several", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The other side of the examples, as the training split shows it."""

    kind: TargetKind
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    """Training examples of each class."""
    names: tuple[str, ...] = ()
    """Of the numbers."""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    max_length: int = 0
    """Of the tokens to write."""
    vocabulary: tuple[str, ...] = ()
    heads: tuple[Target, ...] = ()
    """Of several: each, named by its `names`; classes and counts above are those of the first."""

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values for a checkpoint."""
        return {
            "kind": self.kind,
            "classes": list(self.classes),
            "counts": list(self.counts),
            "names": list(self.names),
            "mean": list(self.mean),
            "std": list(self.std),
            "max_length": self.max_length,
            "vocabulary": list(self.vocabulary),
            "heads": [head.to_mapping() for head in self.heads],
        }


def target_from_mapping(mapping: dict[str, Any]) -> Target:
    """Undo :meth:`Target.to_mapping`."""
    values: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in mapping.items()
    }
    values["heads"] = tuple(target_from_mapping(head) for head in mapping.get("heads", ()))
    return Target(**values)
