"""The release policy: which gates a model has to pass, as text that people edit, with its history.

``releases/release.yaml`` is the policy; ``releases/policy/0001.json`` and so on are all its
versions, with author, time and reason, and never change.
"""

import difflib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from experiments.errors import UsageError
from experiments.releasing.gate_syntax import GateError, parse_gate
from experiments.statistics import METRICS
from store import audit
from store.layout import Home
from store.releases import LineNameError, check_line, releasing, sync_folder

DEFAULT_TEXT: Final = """\
# What a model has to fulfil to be released. Every saved version is kept, with its author.

# What decides: a metric such as accuracy, macro_f1 or mae; auto is accuracy for classes, and for
# numbers their mean absolute error with a margin of 5 % of it. And on which split.
metric: auto
# The smallest difference that matters to you. 300 examples rarely show one of less than 0.05.
margin: 0.01
split: test
level: 0.95
# Slices of fewer examples are not judged.
min_slice: 100
# How far the exported model's scores may be from the recorded ones.
export_tolerance: 0.001

# A gate that cannot tell blocks: "shown" lets pass what no evidence speaks against.
gates:
  - verdict vs champion in {better, equivalent, not worse}
  - no slice shown worse than champion by > 5 % (95 % CI)
  - checks: none failing
  - ECE <= 0.10
  - latency_p95_ms <= 50

# A model line may have its own values of all of the above:
# lines:
#   digits:
#     metric: macro_f1
#     gates: ["val/f1 >= 0.90"]
"""
AUTO: Final = "auto"
_MAX_TEXT = 100_000
_AS_TEXT: Final = frozenset({"metric", "split"})


class PolicyError(UsageError):
    """A policy that cannot be used; one sentence for each problem, one a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a model of one line has to fulfil."""

    metric: str = "accuracy"
    """One of `experiments.statistics.METRICS`, or `AUTO`: see `usual_metric.settled`."""
    margin: float = 0.01
    """The smallest difference that matters, in the metric's unit."""
    split: str = "test"
    level: float = 0.95
    min_slice: int = 100
    """Slices of fewer examples are not judged."""
    export_tolerance: float = 1e-3
    """The largest difference between an exported and a recorded score."""
    gates: tuple[str, ...] = ()
    """Each in the language of `experiments.releasing.gate_syntax`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The policy of a store: one for all model lines, and what single lines have of their own."""

    default: Policy
    lines: Mapping[str, Policy]

    def of(self, line: str | None) -> Policy:
        """Return the policy of a model line."""
        return self.default if line is None else self.lines.get(line, self.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A version of the policy that was saved."""

    number: int
    at: str
    """UTC, ISO 8601"""
    who: str
    reason: str
    text: str
    sha256: str


def read(home: Home, line: str | None = None) -> Policy:
    """Return the policy of a model line, or of lines without their own.

    Raises
    ------
    PolicyError
        If the file cannot be understood.
    """
    return parse(read_text(home)).of(line)


def read_text(home: Home) -> str:
    """Return the policy's text; in a store that has none it is made from the default."""
    path = _path(home)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if home.path.is_dir() and os.access(home.path, os.W_OK):
            save(home, DEFAULT_TEXT, who="bakeoff", reason="the policy to start from")
        return DEFAULT_TEXT
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(
            f"Expected a policy in UTF-8; got {path} ({error}). Repair it."
        ) from error


def save(home: Home, text: str, *, who: str, reason: str = "") -> Policies:
    """Make `text` the policy; what was there stays in the history.

    Raises
    ------
    PolicyError
        If it cannot be understood; nothing is changed then.
    """
    policies = parse(text)
    with releasing(home):
        known = history(home)
        current = _path(home).read_text(encoding="utf-8") if _path(home).exists() else None
        if current is not None and current != (known[-1].text if known else None):
            known = (*known, _keep(home, len(known) + 1, current, "unknown", "edited as a file"))
        if current != text or not known:
            _keep(home, len(known) + 1, text, who, reason)
            _replace(_path(home), text)
    return policies


def history(home: Home) -> tuple[Revision, ...]:
    """Return all saved versions, oldest first."""
    found: list[Revision] = []
    for path in sorted(_folder(home).glob("[0-9]*.json")):
        try:
            found.append(Revision(**json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError) as error:
            raise PolicyError(
                f"Expected a version of the policy; got {path} ({error}). Restore it from a backup."
            ) from error
    return tuple(found)


def difference(home: Home, old: int, new: int) -> str:
    """Return what changed between two versions, as a unified diff.

    Raises
    ------
    PolicyError
        If there is no such version.
    """
    by_number = {revision.number: revision for revision in history(home)}
    missing = [number for number in (old, new) if number not in by_number]
    if missing:
        raise PolicyError(
            f"Expected a version of the policy from 1 to {len(by_number)}; got {missing[0]}."
        )
    before, after = (by_number[number].text.splitlines(keepends=True) for number in (old, new))
    return "".join(difflib.unified_diff(before, after, f"version {old}", f"version {new}"))


def parse(text: str) -> Policies:
    """Return the meaning of a policy's text.

    Raises
    ------
    PolicyError
        With every problem found, one a line.
    """
    if len(text) > _MAX_TEXT:
        raise PolicyError(
            f"Expected a policy of at most {_MAX_TEXT:,} characters; got {len(text):,}."
        )
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        told = getattr(error, "problem", None) or " ".join(str(error).split())
        raise PolicyError(
            f"Expected the policy to be YAML; got a mistake{where}: {told}."
        ) from error
    if not isinstance(content, dict):
        raise PolicyError(f"Expected the policy to have keys such as gates; got {content!r:.60}.")
    problems: list[str] = []
    own = content.pop("lines", None) or {}
    default = _policy(content, Policy(), "", problems)
    lines: dict[str, Policy] = {}
    if not isinstance(own, dict):
        problems.append(f"Expected lines to name model lines; got {own!r:.60}.")
        own = {}
    for line, values in own.items():
        try:
            check_line(str(line))
        except LineNameError as error:
            problems.append(str(error))
        lines[str(line)] = _policy(values or {}, default, f"lines.{line}.", problems)
    if problems:
        raise PolicyError("\n".join(problems))
    return Policies(default=default, lines=MappingProxyType(lines))


def _policy(values: Any, base: Policy, prefix: str, problems: list[str]) -> Policy:
    """Return `base` with some values replaced; what is wrong goes to `problems`."""
    if not isinstance(values, dict):
        problems.append(f"Expected {prefix or 'the policy '}to have keys; got {values!r:.60}.")
        return base
    known = asdict(base)
    changes: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            problems.append(
                f"Expected one of {', '.join(known)}{'' if prefix else ', lines'}; "
                f"got {prefix}{key!s:.60}."
            )
        elif problem := _problem(key, value):
            problems.append(f"Expected {prefix}{key} to be {problem}; got {value!r:.60}.")
        elif key == "gates":
            changes[key] = tuple(_gate_texts(value, f"{prefix}gates", problems))
        else:
            changes[key] = value if key in _AS_TEXT else type(known[key])(value)
    return replace(base, **changes)


_NAMED = [name for name in METRICS if "@" not in name or name.endswith("@10")]
"""Metrics as they are told: of those of lists one length stands for all."""


def _problem(key: str, value: Any) -> str:
    """Return what a value should be, or nothing if it is."""
    if key == "gates":
        return "" if isinstance(value, list) else "a list of gates"
    if key == "metric":
        return "" if value in (AUTO, *METRICS) else f"one of {AUTO}, {', '.join(_NAMED)}"
    if key == "split":
        is_name = isinstance(value, str) and value.replace("_", "").replace("-", "").isalnum()
        return "" if is_name else "the name of a split"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if key == "level":
        return "" if is_number and 0.5 <= value < 1 else "a number from 0.5 to below 1"
    if key == "min_slice":
        return (
            ""
            if isinstance(value, int) and is_number and value >= 10
            else "a whole number from 10 on"
        )
    return "" if is_number and 0 < value < float("inf") else "a number above 0"


def _gate_texts(values: list[Any], where: str, problems: list[str]) -> list[str]:
    texts: list[str] = []
    for number, value in enumerate(values, start=1):
        text = _as_text(value)
        try:
            parse_gate(text)
            texts.append(text)
        except GateError as error:
            problems.append(f"{where}, gate {number}: {error}")
    return texts


def _as_text(value: Any) -> str:
    """Return a gate's text; YAML takes ``checks: none failing`` for a mapping."""
    if isinstance(value, dict) and len(value) == 1:
        [(key, rest)] = value.items()
        return f"{key}: {rest}"
    return str(value).strip()


def _keep(home: Home, number: int, text: str, who: str, reason: str) -> Revision:
    """Write a version once and for all, and say so in the audit log."""
    revision = Revision(
        number=number,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        who=who,
        reason=reason,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    _folder(home).mkdir(parents=True, exist_ok=True)
    path = _folder(home) / f"{number:04d}.json"
    _replace(path, json.dumps(asdict(revision), ensure_ascii=False, indent=1), mode=0o444)
    audit.append(
        home, "policy", f"policy version {number}", who=who, sha256=revision.sha256, reason=reason
    )
    return revision


def _replace(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file so that readers see the old one or the new one, and a power cut neither half."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def _path(home: Home) -> Path:
    return home.releases / "release.yaml"


def _folder(home: Home) -> Path:
    return home.releases / "policy"
