"""Run several trainings, a few at a time, and tell how far they are."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import store
from experiments import launch, processes
from experiments.interrupts import Interrupts
from experiments.serve import last_line
from experiments.terminal import duration

if TYPE_CHECKING:
    from trainers.spec import RunSpec

_METRIC = "val/acc"
_LOOK_S = 1.0
_GRACE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one training of a batch ended."""

    name: str
    run_id: str
    code: int


@dataclass(slots=True)
class _Active:
    """A training under way and what was last said about it."""

    name: str
    num_epochs: int
    launched: launch.Launched
    said: int = 0


def run_batch(
    specs: Mapping[str, "RunSpec"],
    home: Path,
    *,
    slots: int,
    interrupts: Interrupts,
    say: Callable[[str], None],
) -> list[Outcome]:
    """Train every spec in a process with one CPU thread; return how those that started ended.

    Parameters
    ----------
    specs
        Name to spec, in the order in which they start.
    home
        The store's folder.
    slots : >= 1
        How many train at the same time.
    interrupts
        When a stop is requested, the living ones are stopped gracefully and no more start.
    say
        Takes a line of progress.
    """
    waiting = list(specs.items())
    active: list[_Active] = []
    outcomes: list[Outcome] = []
    try:
        while (waiting or active) and not interrupts.requested:
            while waiting and len(active) < slots:
                active.append(_start(*waiting.pop(0), home, say))
            interrupts.sleep(_LOOK_S)
            _tell_progress(active, home, say)
            for ended in [one for one in active if not one.launched.is_running]:
                active.remove(ended)
                outcomes.append(_end(ended, home, say))
    finally:
        for one in active:
            processes.ask_to_stop(one.launched.process)
        for one in active:
            code = launch.stop(one.launched, grace_s=_GRACE_S)
            launch.discard_if_unborn(one.launched)
            say(f"  {one.name}: stopped")
            outcomes.append(Outcome(name=one.name, run_id=one.launched.run_id, code=code))
    return outcomes


def succeeded(outcomes: Sequence[Outcome]) -> bool:
    """Return whether every training that started came to its end."""
    return all(outcome.code == 0 for outcome in outcomes)


def _start(name: str, spec: "RunSpec", home: Path, say: Callable[[str], None]) -> _Active:
    launched = launch.launch(spec, home=home, threads=1)
    say(f"  {name}: started (run {launched.run_id})")
    return _Active(name=name, num_epochs=spec.training.epochs, launched=launched)


def _tell_progress(active: Sequence[_Active], home: Path, say: Callable[[str], None]) -> None:
    # The hub may be busy or between two lives; the next look tells.
    with suppress(store.StoreError), store.open(home=home) as opened:
        points = opened.points(_METRIC, [one.launched.run_id for one in active]).to_pylist()
        for one in active:
            mine = [point for point in points if point["run_id"] == one.launched.run_id]
            if mine and len(mine) > one.said:
                one.said = len(mine)
                say(_progress(one, len(mine), mine[-1]["value"], mine[-1]["elapsed"]))


def _progress(one: _Active, epoch: int, value: float, elapsed_s: float) -> str:
    rest = elapsed_s / epoch * max(0, one.num_epochs - epoch)
    left = f"about {duration(rest)} left" if rest else "evaluating"
    return f"  {one.name}: epoch {epoch}/{one.num_epochs}, {_METRIC} {value:.3f}, {left}"


def _end(one: _Active, home: Path, say: Callable[[str], None]) -> Outcome:
    code = processes.exit_code(one.launched.process)
    if code == 0:
        say(f"  {one.name}: finished{_summary(one, home)}")
    else:
        say(f"  {one.name}: FAILED with exit code {code}: {last_line(one.launched.output)}")
        launch.discard_if_unborn(one.launched)
    return Outcome(name=one.name, run_id=one.launched.run_id, code=code)


def _summary(one: _Active, home: Path) -> str:
    with suppress(store.StoreError, LookupError), store.open(home=home) as opened:
        record = opened.run(one.launched.run_id)
        series = opened.series([one.launched.run_id]).to_pylist()
        best = next(row["best"] for row in series if row["metric"] == _METRIC)
        return f" in {duration(record['duration_s'])}, best {_METRIC} {best:.3f}"
    return ""
