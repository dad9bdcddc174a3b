"""What automatic checks look for: stable codes, what each means, and how to mute one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from experiments.errors import UsageError
from store import audit
from store.layout import Home
from store.ledger import LEDGER_NAME, Ledger

if TYPE_CHECKING:
    import pyarrow as pa

_KIND = "mute"


class Level(StrEnum):
    """How much a finding weighs."""

    FAIL = "fail"
    """What the model says, or a comparison with it, cannot be relied upon."""
    WARN = "warn"
    """Something was probably left on the table, or needs a look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that is looked for."""

    code: str
    title: str
    severity: Level
    fix: str


CHECKS: Final[Mapping[str, Check]] = {
    check.code: check
    for check in (
        Check(
            code="T01",
            title="over-fitted",
            severity=Level.WARN,
            fix="Release the best checkpoint, not the last; train shorter (training.patience), "
            "regularise more, or get more data.",
        ),
        Check(
            code="T02",
            title="under-fitted",
            severity=Level.WARN,
            fix="Train longer, raise the learning rate, or take a larger model.",
        ),
        Check(
            code="T03",
            title="stopped too early",
            severity=Level.WARN,
            fix="Give it more epochs or time: clone the run with a larger training.epochs.",
        ),
        Check(
            code="T04",
            title="best epoch at the end",
            severity=Level.WARN,
            fix="Train longer until the metric stops improving; then the best epoch is known.",
        ),
        Check(
            code="N01",
            title="NaN or infinite values",
            severity=Level.FAIL,
            fix="Lower the learning rate, clip gradients (training.grad_clip), or train in 32 bit; "
            "then run it again.",
        ),
        Check(
            code="N02",
            title="spikes in the loss",
            severity=Level.WARN,
            fix="Clip gradients (training.grad_clip), warm up longer, or look for odd batches.",
        ),
        Check(
            code="P01",
            title="dead class",
            severity=Level.FAIL,
            fix="Weight the classes, sample the rare one more often, or check its labels.",
        ),
        Check(
            code="P02",
            title="not better than guessing",
            severity=Level.FAIL,
            fix="Check that inputs and labels belong together, then learning rate and model.",
        ),
        Check(
            code="P03",
            title="miscalibrated",
            severity=Level.WARN,
            fix="Rescale the scores on validation data (temperature), or decide by rank only.",
        ),
        Check(
            code="P04",
            title="no better than the most popular items",
            severity=Level.WARN,
            fix="Learn lists (training.loss: softmax), train longer, or show what is popular.",
        ),
        Check(
            code="S01",
            title="parameter at the edge of its range",
            severity=Level.WARN,
            fix="Widen the range in that direction and search on.",
        ),
        Check(
            code="S02",
            title="seeds differ more than recipes",
            severity=Level.WARN,
            fix="Train more seeds of each recipe before calling one better.",
        ),
        Check(
            code="D01",
            title="leak between splits",
            severity=Level.FAIL,
            fix="Split again, by content and by group, then train and evaluate again.",
        ),
        Check(
            code="D02",
            title="not comparable",
            severity=Level.FAIL,
            fix="Evaluate all candidates on the same data and split.",
        ),
        Check(
            code="G01",
            title="GPU waits for input",
            severity=Level.WARN,
            fix="Keep the data on the device, add loader workers, or use larger batches.",
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found."""

    code: str
    severity: Level
    run_id: str
    """empty where it is about all of them"""
    why: str
    fix: str
    muted: bool = False
    muted_reason: str = ""

    @property
    def title(self) -> str:
        """What the check looks for."""
        return CHECKS[self.code].title


class Examined(Protocol):
    """The part of a `store.Store` that checks read."""

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a record."""
        ...

    def series(
        self, run_ids: Sequence[str] | None = None, project: str | None = None
    ) -> "pa.Table":
        """Return metrics."""
        ...

    def curves(self, metric: str, run_ids: Sequence[str], *, width: int = 1000) -> "pa.Table":
        """Return what draws curves."""
        ...

    def predictions(self, run_id: str, split: str) -> "pa.Table":
        """Return predictions."""
        ...

    def splits(self, run_id: str) -> list[str]:
        """Return the splits with predictions."""
        ...


def finding(code: str, run_id: str, why: str) -> Finding:
    """Return a finding with the severity and advice of its code."""
    check = CHECKS[code]
    return Finding(code=code, severity=check.severity, run_id=run_id, why=why, fix=check.fix)


def mute(home: Home, project: str, code: str, *, reason: str, who: str | None = None) -> None:
    """Let a check's findings no longer count in a project; it is on record who said so and why.

    Raises
    ------
    UsageError
        If the code is unknown or there is no reason.
    store.StoreError
        If it cannot be written.
    """
    _check_code(code)
    if not reason.strip():
        raise UsageError(f"Expected a reason for muting {code}; got none.")
    audit.append(home, "mute", f"{project}/{code}", who=who, reason=reason.strip())
    _ledger(home).write(
        _KIND, f"{project}/{code}", muted=True, reason=reason.strip(), project=project, code=code
    )


def unmute(home: Home, project: str, code: str, *, who: str | None = None) -> None:
    """Let a check's findings count again."""
    _check_code(code)
    audit.append(home, "unmute", f"{project}/{code}", who=who)
    _ledger(home).write(_KIND, f"{project}/{code}", muted=False, project=project, code=code)


def muted(home: Home, project: str) -> dict[str, str]:
    """Return the muted codes of a project, each with its reason."""
    return {
        str(item["code"]): str(item.get("reason", ""))
        for item in _ledger(home).items(_KIND).values()
        if item.get("muted") and item.get("project") == project
    }


def _check_code(code: str) -> None:
    if code not in CHECKS:
        raise UsageError(f"Expected a check of {', '.join(CHECKS)}; got {code!r}.")


def _ledger(home: Home) -> Ledger:
    return Ledger(home.releases / LEDGER_NAME)
