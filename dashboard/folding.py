"""Which metrics belong together: `train/loss` and `val/loss` share a panel called `loss`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from store import formulas

_SPLITS: Final = ("val", "valid", "validation", "test", "train")
_FIRST: Final = ("loss", "acc", "accuracy", "f1")
_DEFAULT_PANELS: Final = 4
_ALL: Final = "/*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric in a panel."""

    name: str
    label: str
    is_dashed: bool
    is_point: bool = False
    """Measured once, at the end: a mark, not a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The metrics that are drawn over each other."""

    key: str
    metrics: tuple[Metric, ...]
    unit: str = ""

    @property
    def section(self) -> str:
        """What its metrics' names begin with, before the first slash."""
        return (
            ""
            if self.key.startswith(formulas.MARK)
            else self.key.rpartition("/")[0].partition("/")[0]
        )


def as_data(shown: Sequence[Panel]) -> list[dict[str, Any]]:
    """Return what the explorer component reads; a section of its own needs two panels."""
    counts = Counter(panel.section for panel in shown)
    return [
        {
            "key": panel.key,
            "title": panel.key.removeprefix(formulas.MARK),
            "section": panel.section if counts[panel.section] > 1 else "",
            "unit": panel.unit,
            "metrics": [
                {"name": m.name, "label": m.label, "dashed": m.is_dashed, "point": m.is_point}
                for m in panel.metrics
            ],
        }
        for panel in shown
    ]


def fold(metric: str) -> tuple[str, str]:
    """Return (split, rest) of a metric's name; the split is empty where there is none."""
    head, slash, rest = metric.partition("/")
    return (head, rest) if slash and head in _SPLITS else ("", metric)


def panels(metrics: Iterable[str]) -> dict[str, Panel]:
    """Return the panels of some metrics, the most telling first; training is drawn dashed."""
    groups: dict[str, list[str]] = {}
    for metric in metrics:
        groups.setdefault(fold(metric)[1], []).append(metric)
    return {key: _panel(key, groups[key]) for key in sorted(groups, key=lambda k: _rank(groups, k))}


def chosen(available: Mapping[str, Panel], wanted: Sequence[str]) -> list[Panel]:
    """Return the wanted panels that exist; without a wish, those that tell how training goes.

    A wish is a panel's key, ``section/*`` for all of a section, or a formula that begins with =.
    """
    named = [panel for key in wanted for panel in _wished(available, key)]
    if named:
        return list({panel.key: panel for panel in named}.values())
    telling = [p for p in available.values() if any(fold(m.name)[0] for m in p.metrics)]
    return (telling or list(available.values()))[:_DEFAULT_PANELS]


def sections(available: Mapping[str, Panel]) -> list[str]:
    """Return the wishes for whole sections of several panels."""
    counts = Counter(panel.section for panel in available.values())
    return [f"{name}{_ALL}" for name, count in counts.items() if name and count > 1]


def _wished(available: Mapping[str, Panel], key: str) -> list[Panel]:
    if key.startswith(formulas.MARK):
        metric = Metric(name=key, label=key.removeprefix(formulas.MARK), is_dashed=False)
        return [Panel(key=key, metrics=(metric,))]
    if key.endswith(_ALL):
        section = key.removesuffix(_ALL)
        return [panel for panel in available.values() if panel.section == section]
    return [available[key]] if key in available else []


def system_panels(metrics: Iterable[str]) -> list[Panel]:
    """Return one panel for each system metric."""
    names = sorted(m for m in metrics if m.startswith("system/"))
    return [_panel(name.removeprefix("system/"), [name]) for name in names]


def _panel(key: str, names: list[str]) -> Panel:
    ordered = sorted(names, key=lambda n: _SPLITS.index(fold(n)[0]) if fold(n)[0] else -1)
    metrics = tuple(
        Metric(
            name=name,
            label=fold(name)[0] or key,
            is_dashed=fold(name)[0] == "train" and len(names) > 1,
            is_point=fold(name)[0] == "test",
        )
        for name in ordered
    )
    return Panel(key=key, metrics=metrics, unit="B" if key.endswith("_bytes") else "")


def _rank(groups: Mapping[str, list[str]], key: str) -> tuple[int, int, str]:
    has_split = any(fold(name)[0] for name in groups[key])
    place = _FIRST.index(key) if key in _FIRST else len(_FIRST)
    return (0 if has_split else 1, place, key)
