"""Releases, gates and choices for the pages; and the process that makes a release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

import store
from dashboard import background, choice_tables, data
from dashboard.background import Work
from dashboard.evaluation_data import (
    Reader,
    Stamp,
    behind_the_page,
    place,
    stamp_of,
    state_of,
)
from experiments import release
from experiments.comparison import Candidate
from experiments.errors import ExperimentError
from experiments.evaluating import looks
from experiments.releasing import choose, policy
from experiments.releasing.gate_case import GateResult
from experiments.releasing.measured import Model
from experiments.releasing.usual_metric import settled

State = tuple[Stamp, ...]
FAILED_LINES = 3


@dataclass(slots=True, kw_only=True)
class Making(Work):
    """A release that is being made, by a process of its own."""

    line: str
    run_id: str


_making: dict[str, Making] = {}
_judged: dict[Any, tuple[GateResult, ...]] = {}
_waiting: set[Any] = set()
_MOST_JUDGED = 5_000


def lines() -> tuple[str, ...]:
    """Return the model lines that have a release."""
    return _lines(_state())


def champion(line: str) -> release.Release | None:
    """Return the release that is a line's champion."""
    return _champion(_state(), line)


def champion_runs() -> frozenset[str]:
    """Return the runs that are the champion of some line."""
    return frozenset(found.runs[0] for line in lines() if (found := champion(line)) is not None)


def releases(line: str) -> tuple[release.Release, ...]:
    """Return all releases of a line, the newest first."""
    return _releases(_state(), line)


def aliases(line: str) -> dict[str, int]:
    """Return alias -> version of a line."""
    return _aliases(_state(), line)


def policy_of(line: str) -> policy.Policy:
    """Return what a model of a line has to fulfil.

    Raises
    ------
    experiments.releasing.policy.PolicyError
        If the policy cannot be understood.
    """
    return _policy(_state(), line)


def settled_for(wanted: policy.Policy, line: str, run_id: str) -> policy.Policy:
    """Return a policy with the metric that suits a line's champion, or a run where there is none."""
    present = champion(line)
    return settled(wanted, Model(Reader(), present.runs[0] if present else run_id))


def chosen(line: str, candidates: tuple[Candidate, ...], unseen: int) -> choose.Choice:
    """Return how candidates for a line stand, and what the evidence says to do."""
    present = champion(line)
    rivals = (Candidate(name="champion", run_ids=present.runs),) if present else ()
    evidence = state_of((*rivals, *candidates), policy_of(line).split)
    return _chosen((_state(), evidence), line, candidates, unseen)


def gates_column(run_ids: Sequence[str], statuses: Sequence[str]) -> list[str]:
    """Return for each run how it stands to the gates, in one cell; what is not known yet comes.

    A run is judged by the line whose champion saw the same data. What can be judged on examples is
    judged on validation: the test split is kept for the choice, where each look at it is counted.
    """
    try:
        lines_of = {
            str(data.run(present.runs[0]).get("data_hash")): name
            for name in lines()
            if (present := champion(name)) is not None
        }
        return [
            _cell(run_id, lines_of) if status == "finished" else ""
            for run_id, status in zip(run_ids, statuses, strict=True)
        ]
    except (ExperimentError, store.StoreError):  # the Releases page says what is wrong with them
        return [""] * len(run_ids)


def num_judged() -> int:
    """Return how many runs the table's gates were judged for: when it grows there is news."""
    return len(_judged)


def _cell(run_id: str, lines_of: Mapping[str, str]) -> str:
    folder = place().run(run_id).predictions
    splits = _splits(stamp_of(folder), run_id)
    if not splits:
        return ""
    line = lines_of.get(data.data_hash(run_id), "") if lines_of else ""
    present = champion(line) if line else None
    wanted = _policy(_state(), line)
    if not wanted.gates:
        return ""
    if looks.is_sealed(wanted.split):
        usual = next((name for name in ("val", "valid", "validation") if name in splits), None)
        if usual is None:
            return ""
        wanted = replace(wanted, split=usual)
    # A finished run changes by its predictions only, a champion only with the audit log.
    key = (_state(), stamp_of(folder / f"{wanted.split}.parquet"), run_id)
    if key not in _judged and key not in _waiting:
        _waiting.add(key)
        behind_the_page.submit(_judge, key, wanted, present.runs if present else None)
    return choice_tables.words(_judged.get(key, ()))


def _judge(key: Any, wanted: policy.Policy, champion_runs: tuple[str, ...] | None) -> None:
    found: tuple[GateResult, ...] = ()
    try:
        found = release.evaluate_gates(Reader(), [key[2]], wanted, champion=champion_runs)
    except (ExperimentError, store.StoreError, ValueError):
        found = ()  # it stays empty in the table; Choose says why
    if len(_judged) > _MOST_JUDGED:
        _judged.clear()
    _judged[key] = found
    _waiting.discard(key)


def start(
    line: str,
    run_ids: Sequence[str],
    *,
    reason: str,
    override: str = "",
    aliases: Sequence[str] = (),
    considered: Sequence[Sequence[str]] = (),
    export: bool = True,
) -> Making:
    """Start the process that releases a run; exporting a model takes some seconds."""
    known = _making.get(line)
    if known is not None and not known.is_done:
        return known
    command = ["release", "make", "--home", data.home(), f"--reason={reason}"]
    command += [f"--override={override}"] if override.strip() else []
    command += [f"--alias={name}" for name in aliases]
    command += [f"--considered={','.join(run_ids)}" for run_ids in considered]
    command += [] if export else ["--no-export"]
    work = background.start("release", [*command, "--", line, *run_ids])
    made = Making(line=line, run_id=run_ids[0], process=work.process, log=work.log, kind=work.kind)
    _making[line] = made
    return made


def making(line: str) -> Making | None:
    """Return the release of a line that is being made, or was made last by this dashboard."""
    return _making.get(line)


def forget(line: str) -> None:
    """Forget how the last release of a line went."""
    made = _making.pop(line, None)
    if made is not None:
        made.clean()


def _state() -> State:
    folder = place().releases
    return (stamp_of(folder / "audit.jsonl"), stamp_of(folder / "release.yaml"))


@lru_cache(maxsize=_MOST_JUDGED)
def _splits(_state: Stamp, run_id: str) -> Sequence[str]:
    return data.ask(lambda s: s.splits(run_id))


@lru_cache(maxsize=8)
def _lines(_state: State) -> tuple[str, ...]:
    return release.lines(place())


@lru_cache(maxsize=32)
def _champion(_state: State, line: str) -> release.Release | None:
    return release.champion(place(), line) if line in release.lines(place()) else None


@lru_cache(maxsize=32)
def _releases(_state: State, line: str) -> tuple[release.Release, ...]:
    return release.releases(place(), line)


@lru_cache(maxsize=32)
def _aliases(_state: State, line: str) -> dict[str, int]:
    return release.aliases(place(), line)


@lru_cache(maxsize=32)
def _policy(_state: State, line: str) -> policy.Policy:
    return policy.read(place(), line or None)


@lru_cache(maxsize=16)
def _chosen(
    _state: tuple[Any, ...], line: str, candidates: tuple[Candidate, ...], unseen: int
) -> choose.Choice:
    reader = cast("store.Store", Reader())
    return choose.choose(reader, line, candidates, policy=policy_of(line), unseen=unseen)
