"""Releasing a model: the gates open or are overridden with a reason, and it is on record for ever.

A release is a folder ``releases/<line>/v<N>/`` that never changes: ``release.json`` with runs,
evidence, gates, who, when and why; the checked bundle; the model card. The exact bootstrap takes
minutes: it is computed behind the release and kept beside it.
"""

import getpass
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from experiments.errors import UsageError
from experiments.releasing import exact_record
from experiments.releasing import release_evidence as evidence
from experiments.releasing.exporting import ExportFailedError, export_run
from experiments.releasing.gate_case import GateResult
from experiments.releasing.gates import evaluate_gates, is_open
from experiments.releasing.measured import Model
from experiments.releasing.policy import Policy
from experiments.releasing.policy import read as read_policy
from experiments.releasing.release_bundle import MODEL_FOLDER, complete
from experiments.releasing.release_files import (
    CHAMPION,
    ReleaseError,
    ReleaseNotFoundError,
    alias_states,
    check_alias,
    commit,
    finish,
    point,
    staging,
)
from experiments.releasing.released import Release, ReleaseBlockedError, load
from experiments.releasing.usual_metric import settled
from store import audit
from store.layout import Home
from store.reading import Store
from store.releases import (
    check_files,
    check_line,
    line_names,
    problems_of,
    releasing,
    version_numbers,
)

__all__ = [
    "GateResult",
    "Release",
    "ReleaseBlockedError",
    "ReleaseError",
    "ReleaseNotFoundError",
    "aliases",
    "champion",
    "evaluate_gates",
    "find",
    "lines",
    "release",
    "releases",
    "rollback",
    "set_alias",
    "verify_audit",
    "verify_release",
]
EXPORT_GATE = "export: the exported model gives the recorded scores"
_NOT_EXPORTED = GateResult(gate=EXPORT_GATE, passed=None, reason="The model was not exported.")
Step = Callable[[str], None]


def release(  # noqa: PLR0913  # each is a fact of the decision
    store: Store,
    line: str,
    run_ids: Sequence[str],
    *,
    reason: str,
    who: str | None = None,
    override: str | None = None,
    aliases: Sequence[str] = (CHAMPION,),
    considered: Sequence[Sequence[str]] = (),
    export: bool = True,
    on_step: Step = lambda _: None,
) -> Release:
    """Release a model: judge the gates, export and check it, and put it on record.

    Parameters
    ----------
    store
        A `store.Store`.
    line
        The model line; made with its first release.
    run_ids
        The run to release, then other seeds of its recipe.
    reason
        Why this model.
    who
        Who decides; the user of this process if None.
    override
        Why gates that are not passed do not matter.
    aliases
        What points to the new version from now on.
    considered
        The runs of each other candidate that could have been released: intervals allow for them.
    export
        Make the bundle; a release without one is a gate that is not passed.
    on_step
        Told what is being done.

    Raises
    ------
    ReleaseBlockedError
        If a gate is not passed and there is no `override`.
    ReleaseError, UsageError, store.StoreError
        If line, alias, run or policy cannot be used.
    """
    home = Home(store.home)
    check_line(line)
    names = [check_alias(name) for name in dict.fromkeys(aliases)]
    if not reason.strip() or (override is not None and not override.strip()):
        raise UsageError("Expected a reason for the release and for an override; got none.")
    ids = [store.run(run_id)["run_id"] for run_id in run_ids]
    others = [tuple(store.run(run_id)["run_id"] for run_id in runs) for runs in considered]
    if not ids:
        raise ReleaseError("Expected a run to release; got none.")
    before = champion(home, line)
    champion_ids = before.runs if before else ()
    policy = settled(read_policy(home, line), Model(store, (champion_ids or ids)[0]))
    on_step("judging the gates")
    results = evaluate_gates(store, ids, policy, champion=champion_ids, considered=others)
    if not is_open(results) and override is None:
        raise ReleaseBlockedError(results)
    with staging(home, line) as prepared:
        exported, gate = None, _NOT_EXPORTED
        if export:
            on_step("exporting the model and checking it")
            exported, gate = _export(home, ids[0], prepared.path / MODEL_FOLDER, policy)
        results = (*results, gate)
        if not is_open(results) and override is None:
            raise ReleaseBlockedError(results)
        on_step("writing evidence, card and bundle")
        question = evidence.Question.of(policy, ids, champion_ids, others)
        record = {
            "format": 1,
            "line": line,
            "runs": ids,
            "protects": sorted({*ids, *champion_ids, *chain(*question.considered)}),
            "considered": question.considered,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "who": who or getpass.getuser(),
            "reason": reason.strip(),
            "override": None if is_open(results) else str(override).strip(),
            "aliases": names,
            "champion_before": before.ref if before else None,
            "policy": asdict(policy),
            "policy_sha256": audit.digest(asdict(policy)),
            "gates": evidence.rounded([asdict(result) for result in results]),
            "evidence": evidence.snapshot(store, question, home.runs),
            "export": exported,
        }
        complete(store, record, prepared.path)
        version = commit(home, prepared, record)
    return _with_exact(home, load(home, line, version))


def lines(home: Home) -> tuple[str, ...]:
    """Return the model lines that have a release."""
    finish(home)
    return line_names(home)


def releases(home: Home, line: str) -> tuple[Release, ...]:
    """Return all releases of a line, the newest first."""
    finish(home)
    return tuple(load(home, line, version) for version in version_numbers(home, line)[::-1])


def aliases(home: Home, line: str) -> dict[str, int]:
    """Return alias -> version of a line."""
    finish(home)
    points, _ = alias_states(home, line)
    return dict(sorted(points.items()))


def champion(home: Home, line: str) -> Release | None:
    """Return the release that a line's champion is."""
    version = aliases(home, line).get(CHAMPION)
    return None if version is None else load(home, line, version)


def champions_of(home: Home) -> frozenset[str]:
    """Return the runs that are the champion of some line."""
    found = (champion(home, line) for line in lines(home))
    return frozenset(one.runs[0] for one in found if one is not None)


def find(home: Home, ref: str) -> Release:
    """Return the release named by ``LINE@ALIAS`` or ``LINE@vN``; ``LINE`` alone is its champion.

    Raises
    ------
    ReleaseNotFoundError
        If there is none.
    """
    line, _, name = ref.partition("@")
    check_line(line)
    known = version_numbers(home, line)
    points = aliases(home, line) | {f"v{version}": version for version in known}
    version = points.get(name or CHAMPION)
    if version is None:
        there = ", ".join(f"{line}@{point}" for point in points) or "no release of this line"
        raise ReleaseNotFoundError(f"Expected a release; got {ref!r}. There is: {there}.")
    return load(home, line, version)


def set_alias(
    home: Home, line: str, name: str, version: int | None, *, reason: str, who: str | None = None
) -> dict[str, int]:
    """Let an alias point to a version of a line, or remove it; return the line's aliases.

    Raises
    ------
    ReleaseError
        If the name cannot be an alias, or the release is not there or was changed.
    """
    check_alias(name)
    with releasing(home):
        if version is None:
            if name not in alias_states(home, line)[0]:
                raise ReleaseNotFoundError(f"Expected an alias of {line}; got {name!r}.")
        else:
            _check_sound(home, line, version)
        point(
            home, line, name, version, who=who or getpass.getuser(), reason=reason, action="alias"
        )
    return aliases(home, line)


def rollback(
    home: Home, line: str, *, reason: str, to: int | None = None, who: str | None = None
) -> Release:
    """Make the champion before this one the champion again, or the version `to`; return it.

    Raises
    ------
    ReleaseError
        If there was none before, or its files are not what was released.
    """
    check_line(line)
    if not reason.strip():
        raise UsageError("Expected a reason for the rollback; got none.")
    finish(home)
    with releasing(home):
        _, champions = alias_states(home, line)
        if to is None and len(champions) < 2:
            raise ReleaseError(
                f"Expected a champion of {line} before the present one; got none. "
                "Name a version to go to."
            )
        version = champions[-2] if to is None else to
        _check_sound(home, line, version)
        point(
            home,
            line,
            CHAMPION,
            version,
            who=who or getpass.getuser(),
            reason=reason.strip(),
            action="rollback",
        )
    return load(home, line, version)


def verify_release(store: Store, home: Home, ref: str) -> list[str]:
    """Check a release's files, and compute its evidence again; return what is not as it was."""
    found = find(home, ref)
    problems = check_files(home, found.line, found.version)
    known = found.record["evidence"]
    again = evidence.snapshot(store, evidence.question_of(known), home.runs)
    if again["hash"] != known["hash"]:
        changed = ", ".join(_changes(known, again)) or "its record"
        told = f"{found.ref}: its evidence computed again has another hash; different: {changed}."
        if again["made_with"] != known["made_with"]:
            told += " Other versions of libraries computed it this time."
        problems.append(told)
    return problems


def verify_audit(home: Home) -> list[str]:
    """Return what is wrong with the audit log and the releases that it names."""
    finish(home)
    return problems_of(home)


def _with_exact(home: Home, made: Release) -> Release:
    """Return a release whose exact bootstrap is being computed, if that could be started."""
    exact_record.start(home, made)
    return made


def _changes(known: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """Return which parts of the evidence differ, in words."""
    before = {item["run"]: item for item in known["inputs"]}
    changed = [
        f"{key.replace('_', ' ')} of run {item['run']}"
        for item in again["inputs"]
        for key, value in item.items()
        if before.get(item["run"], {}).get(key) != value
    ]
    figures = known["figures"], again["figures"]
    return changed + [key for key in figures[0] if figures[0][key] != figures[1].get(key)]


def _export(
    home: Home, run_id: str, folder: Path, policy: Policy
) -> tuple[dict[str, Any], GateResult]:
    """Make the bundle's files and judge them in a clean process."""
    try:
        found = export_run(
            home, run_id, folder, split=policy.split, tolerance=policy.export_tolerance
        )
    except ExportFailedError as error:
        return {"error": str(error)}, GateResult(gate=EXPORT_GATE, passed=None, reason=str(error))
    gate = GateResult(
        gate=EXPORT_GATE, passed=found.matches, reason=found.reason, value=found.max_difference
    )
    return asdict(found), gate


def _check_sound(home: Home, line: str, version: int) -> None:
    problems = check_files(home, line, version)
    if problems:
        raise ReleaseError(
            f"Expected {line}@v{version} as it was released; got something else. "
            + " ".join(problems)
        )
