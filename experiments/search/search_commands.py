"""What `bakeoff search` does, in words and tables or as JSON."""

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

import store
from experiments import studies
from experiments.errors import ExperimentError, UsageError
from experiments.search import study_trash
from experiments.search.search_spec import StudySpecError, read_study
from experiments.specs import apply_override
from experiments.studies import Study, StudyState
from experiments.terminal import duration, say, say_json, say_table
from store.layout import Home

if TYPE_CHECKING:
    from experiments.search.dimensions import Dimension

_SETTINGS = {"n_trials", "workers", "timeout_s", "trial_budget_s", "name", "notes"}
_LOOK_S = 1.0


def start(options: argparse.Namespace) -> int:
    """Start a search, and return at once or when it has ended."""
    spec = read_study(options.spec, options.overrides)
    made = studies.create(options.home, spec, start=not options.paused)
    if options.json:
        say_json(_facts(made))
    else:
        verb = "made" if options.paused else "started"
        say(f"Study {made.id} {verb}: {spec.n_trials} trials, {spec.workers} at a time.")
        say(f"See it: bakeoff search show {made.id}, or the page Search of bakeoff up")
    return _wait(options.home, made) if options.wait and not options.paused else 0


def list_studies(options: argparse.Namespace) -> int:
    """Print all studies."""
    rows = _asked(options.home, "studies")
    if options.json:
        say_json(rows)
    elif not rows:
        say("No study yet. Start one: bakeoff search digits_quick")
    else:
        for row in rows:
            done = row["complete"] + row["pruned"] + row["failed"]
            row["trials"] = f"{done}/{max(row['n_trials'], row['started'])}"
        headings = {"study": "STUDY", "state": "STATE", "trials": "TRIALS", "running": "RUNNING"}
        headings |= {"objective": "OBJECTIVE", "best": "BEST", "best_run": "BEST RUN"}
        headings |= {"created_at": "STARTED (UTC)"}
        say_table(rows, headings)
    return 0


def show_study(options: argparse.Namespace) -> int:
    """Print one study, how far it is, and its best trials."""
    found = studies.study(options.home, options.study)
    progress = _asked(options.home, "study_progress", study=found.id)[0]
    best = _best(options.home, found, options.trials)
    if options.json:
        say_json({**_facts(found), "progress": progress, "trials": best})
        return 0
    goals = ", ".join(f"{o.metric} ({o.goal})" for o in found.spec.objectives)
    say(f"{found.id}: {found.state}, {goals}, searched for {duration(found.used_s)}")
    counts = ", ".join(
        f"{progress[state]} {state}" for state in ("complete", "pruned", "failed", "running")
    )
    say(f"{progress['started']} of {found.spec.n_trials} trials: {counts}")
    if found.error:
        say(found.error)
    for row in best:
        row["value"] = (row["values"] or [None])[0]
        row["run"] = (row["run_ids"] or [None])[0]
        row["reason"] = row["reason"] or row["note"]
        row["is"] = row["state"] if row["is_feasible"] else "breaks a limit"
        row["settings"] = ", ".join(f"{k}={v}" for k, v in row["params"].items())
    headings = {"number": "TRIAL", "is": "STATE", "value": "VALUE", "run": "RUN"}
    say_table(best, headings | {"settings": "SETTINGS", "reason": "NOTE"})
    return 0


def stop_study(options: argparse.Namespace) -> int:
    """Stop a search, or one trial of it."""
    if options.trial is not None:
        studies.stop_trial(options.home, options.study, options.trial)
        return _say(options, f"Trial {options.trial} stops.")
    found = studies.stop(options.home, options.study, now=options.now)
    after = "saves its trials and stops" if options.now else "stops after its running trials"
    return _say(options, f"{found.id} {after}. Go on: bakeoff search resume {found.id}")


def resume_study(options: argparse.Namespace) -> int:
    """Have a search go on."""
    found = studies.resume(options.home, options.study)
    return _say(options, f"{found.id} goes on.")


def add_trial(options: argparse.Namespace) -> int:
    """Have a trial of one's own tried next."""
    studies.add_trial(options.home, options.study, dict(_pairs(options.values)))
    return _say(options, "The trial is next in line.")


def change_study(options: argparse.Namespace) -> int:
    """Change a search for the trials to come."""
    pairs = _pairs(options.changes)
    known = {one.name for one in studies.study(options.home, options.study).spec.space} | _SETTINGS
    unknown = [key for key, _ in pairs if key not in known]
    if unknown:
        listed = ", ".join(sorted(known))
        raise UsageError(f"Expected some of {listed}; got {unknown[0]!r}. Nothing was changed.")
    settings = {key: value for key, value in pairs if key in _SETTINGS}
    for key, value in pairs:
        if key not in _SETTINGS:
            _change_dimension(options.home, options.study, key, value)
    if settings:
        studies.edit(options.home, options.study, **settings)
    return _say(options, "Changed, for the trials to come.")


def note_trial(options: argparse.Namespace) -> int:
    """Keep what a person says about a trial."""
    studies.note_trial(options.home, options.study, options.trial, options.text)
    return _say(options, f"Noted at trial {options.trial}.")


def delete_study(options: argparse.Namespace) -> int:
    """Move a study to the trash."""
    with store.open(options.home) as s:
        count = study_trash.delete(s, options.study, with_runs=options.runs)
    return _say(options, f"{options.study} is in the trash, with {count} of its runs.")


def restore_study(options: argparse.Namespace) -> int:
    """Bring a study back from the trash."""
    with store.open(options.home) as s:
        study_trash.restore(s, options.study)
    return _say(options, f"{options.study} is back.")


def _wait(home: str | None, made: Study) -> int:
    """Stay until a search has ended; say what it found."""
    while True:
        time.sleep(_LOOK_S)
        found = studies.study(home, made.id)
        job = studies.search_job(home, made.id)
        if job is not None and job.state.is_final:
            break
    if found.state in {StudyState.FAILED, StudyState.RUNNING}:
        raise ExperimentError(found.error or job.error or "The search ended early.")
    best = _best(home, found, 1)
    if best and best[0]["values"]:
        say(f"Best: trial {best[0]['number']}, {best[0]['values'][0]:.5g}, {best[0]['params']}")
    return 0


def _best(home: str | None, found: Study, limit: int) -> list[dict[str, Any]]:
    arguments = {"study": found.id, "state": None, "order": "best", "limit": limit, "offset": 0}
    rows = _asked(home, "study_trials", **arguments)
    for row in rows:
        for key in ("params", "excess", "course"):
            row[key] = json.loads(row[key]) if row[key] else {}
    return rows


def _change_dimension(home: str | None, study_id: str, name: str, value: Any) -> None:
    if value == "free":
        studies.restrict(home, study_id, name, [])
    elif isinstance(value, str) and ".." in value:
        low, _, high = value.partition("..")
        ends = _parsed(low), _parsed(high)
        if not all(isinstance(end, int | float) for end in ends):
            raise StudySpecError([f"Expected two numbers for {name}; got {value!r}."])
        studies.change_range(home, study_id, name, float(ends[0]), float(ends[1]))
    else:
        one = studies.study(home, study_id).spec.dimension(name)
        studies.restrict(home, study_id, name, _values(one, value))


def _values(one: "Dimension | None", value: Any) -> list[Any]:
    """Return the values meant: a list is one value where lists are what is searched."""
    is_one = one is not None and one.kind == "choice" and one.contains(value)
    return [value] if is_one or not isinstance(value, list) else value


def _pairs(texts: list[str]) -> list[tuple[str, Any]]:
    pairs = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"Expected KEY=VALUE; got {text!r}.")
        pairs.append((key.strip(), _parsed(value)))
    return pairs


def _parsed(text: str) -> Any:
    mapping: dict[str, Any] = {}
    apply_override(mapping, f"value={text}")
    return mapping["value"]


def _asked(home: str | None, question: str, **arguments: Any) -> list[dict[str, Any]]:
    place = Home.locate(home)
    if not place.path.is_dir():  # looking at nothing creates nothing
        return []
    with store.open(place.path) as s:
        return s.ask(question, **arguments).to_pylist()


def _facts(found: Study) -> dict[str, Any]:
    return {
        "study": found.id,
        "state": found.state.value,
        "wanted": found.wanted.value,
        "error": found.error,
        "used_s": found.used_s,
        "spec": found.spec.to_mapping(),
    }


def _say(options: argparse.Namespace, words: str) -> int:
    if options.json:
        say_json({"ok": True, "message": words})
    else:
        say(words)
    return 0
