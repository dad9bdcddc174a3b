"""What is to be learnt from the data: a class, numbers, a rating, a text, or nothing but itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

TargetKind = Literal["classes", "numbers", "ratings", "tokens", "nothing"]


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
        }


def target_from_mapping(mapping: dict[str, Any]) -> Target:
    """Undo :meth:`Target.to_mapping`."""
    values: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in mapping.items()
    }
    return Target(**values)
