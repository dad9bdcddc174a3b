"""Releases, gates and choices for the pages; and the process that makes a release."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import store
from dashboard import data
from dashboard.evaluation_data import Reader, Stamp, place, stamp_of, state_of
from experiments import choose, policy, processes, release
from experiments.comparison import Candidate
from experiments.gate_case import GateResult

State = tuple[Stamp, ...]
FAILED_LINES = 3


@dataclass(slots=True)
class Making:
    """A release that is being made, by a process of its own."""

    line: str
    run_id: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def is_done(self) -> bool:
        """Whether it came to its end, good or bad."""
        return self.process.poll() is not None

    @property
    def succeeded(self) -> bool:
        """Whether the model is released."""
        return self.process.poll() == 0

    def said(self) -> list[str]:
        """Return what it said so far."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        return [line.strip() for line in text.splitlines() if line.strip()]


_making: dict[str, Making] = {}


def lines() -> tuple[str, ...]:
    """Return the model lines that have a release."""
    return _lines(_state())


def champion(line: str) -> release.Release | None:
    """Return the release that is a line's champion."""
    return _champion(_state(), line)


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
    experiments.policy.PolicyError
        If the policy cannot be understood.
    """
    return _policy(_state(), line)


def chosen(line: str, candidates: tuple[Candidate, ...], unseen: int) -> choose.Choice:
    """Return how candidates for a line stand, and what the evidence says to do."""
    present = champion(line)
    rivals = (Candidate(name="champion", run_ids=present.runs),) if present else ()
    evidence = state_of((*rivals, *candidates), policy_of(line).split)
    return _chosen((_state(), evidence), line, candidates, unseen)


def gates_of(run_id: str, line: str | None = None) -> tuple[GateResult, ...]:
    """Return how one run stands to the gates of a line; by default of the only or first line.

    Small enough for a table: kept until the run's predictions, the policy or the releases change.
    """
    known = lines()
    name = line or (known[0] if known else "")
    present = champion(name) if name else None
    wanted = policy_of(name) if name else _policy(_state(), "")
    alone = (Candidate(name=run_id, run_ids=(run_id,)),)
    rivals = (Candidate(name="champion", run_ids=present.runs),) if present else ()
    evidence = state_of((*rivals, *alone), wanted.split)
    return _gates((_state(), evidence), run_id, name)


def start(
    line: str,
    run_ids: Sequence[str],
    *,
    reason: str,
    override: str = "",
    aliases: Sequence[str] = (),
    considered: Sequence[str] = (),
    export: bool = True,
) -> Making:
    """Start the process that releases a run; exporting a model takes some seconds."""
    known = _making.get(line)
    if known is not None and not known.is_done:
        return known
    folder = Path(tempfile.mkdtemp(prefix="bakeoff-release-"))
    command = [sys.executable, "-m", "experiments", "release", "make", "--home", data.home()]
    command += [f"--reason={reason}"]
    command += [f"--override={override}"] if override.strip() else []
    command += [f"--alias={name}" for name in aliases]
    command += [f"--considered={run_id}" for run_id in considered]
    command += [] if export else ["--no-export"]
    log = folder / "release.log"
    process = processes.start([*command, "--", line, *run_ids], output=log)
    made = Making(line=line, run_id=run_ids[0], process=process, log=log)
    _making[line] = made
    return made


def making(line: str) -> Making | None:
    """Return the release of a line that is being made, or was made last by this dashboard."""
    return _making.get(line)


def forget(line: str) -> None:
    """Forget how the last release of a line went."""
    _making.pop(line, None)


def _state() -> State:
    folder = place().releases
    return (stamp_of(folder / "audit.jsonl"), stamp_of(folder / "release.yaml"))


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


@lru_cache(maxsize=512)
def _gates(_state: tuple[Any, ...], run_id: str, line: str) -> tuple[GateResult, ...]:
    present = champion(line) if line else None
    wanted = policy.read(place(), line or None)
    return release.evaluate_gates(
        Reader(), [run_id], wanted, champion=present.runs if present else None
    )
