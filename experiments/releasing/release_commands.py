"""What `bakeoff choose`, `release`, `rollback` and their kin do: words or JSON about releases."""

import getpass
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import store
from experiments.errors import UsageError
from experiments.evaluating.looks import look
from experiments.release import (
    Release,
    ReleaseNotFoundError,
    aliases,
    champion,
    find,
    lines,
    release,
    releases,
    rollback,
    set_alias,
    verify_audit,
    verify_release,
)
from experiments.releasing import exact_record, policy
from experiments.releasing.choose import Choice, Option, candidates_of, choose
from experiments.releasing.exporting import export_run
from experiments.releasing.measured import Model
from experiments.releasing.release_bundle import card_page, card_text, edit_card
from experiments.releasing.release_evidence import rounded
from experiments.releasing.usual_metric import settled
from experiments.terminal import say, say_json, say_table
from store import audit
from store.layout import Home

_SIGNS = {True: "pass", False: "FAIL", None: "open"}


def choose_command(home: str | None, line: str, runs: list[str], *, as_json: bool) -> bool:
    """Print how candidates stand; return whether one of them can be released."""
    place = known_place(home)
    with store.open(home=place.path) as opened:
        candidates = candidates_of(opened, runs)
        ids = [run_id for one in candidates for run_id in one.run_ids]
        present = champion(place, line)
        deciding = present.runs[0] if present else ids[0]
        wanted = settled(policy.read(place, line), Model(opened, deciding))
        wear = look(
            place,
            opened.run(ids[0]),
            wanted.split,
            ids,
            what=wanted.metric,
            where="bakeoff choose",
            who=getpass.getuser(),
        )
        found = choose(opened, line, candidates, policy=wanted, unseen=wear.unseen(ids))
    if as_json:
        say_json(_choice(found) | {"looks": wear.count})
    else:
        _say_choice(found)
        if wear.count:
            say(wear.sentence(wanted.split))
    return found.recommendation.candidate is not None


def release_command(
    home: str | None,
    line: str,
    runs: list[str],
    *,
    reason: str,
    override: str | None,
    names: list[str],
    considered: list[str],
    export: bool,
    as_json: bool,
) -> None:
    """Release a run, or say which gates keep it from that."""
    place = known_place(home)
    with store.open(home=place.path) as opened:
        [candidate, *others] = candidates_of(opened, runs)
        ids = [*candidate.run_ids, *(run_id for one in others for run_id in one.run_ids)]
        made = release(
            opened,
            line,
            ids,
            reason=reason,
            override=override,
            aliases=names or ["champion"],
            considered=[runs for text in considered for runs in _runs_of(opened, text)],
            export=export,
            on_step=lambda text: None if as_json else say(f"{text} ..."),
        )
    if as_json:
        say_json(_facts(made))
    else:
        say(f"{made.ref} is released. See it: bakeoff release show {made.ref}")


def _runs_of(opened: store.Store, text: str) -> list[tuple[str, ...]]:
    """Return the runs of a candidate: a run, its seeds with commas between, or ``group:NAME``."""
    if text.startswith("group:"):
        return [one.run_ids for one in candidates_of(opened, [text])]
    return [tuple(run_id for run_id in text.split(",") if run_id)]


def rollback_command(
    home: str | None, line: str, *, to: int | None, reason: str, as_json: bool
) -> None:
    """Make an earlier release the champion again."""
    found = rollback(known_place(home), line, to=to, reason=reason)
    say_json(_facts(found)) if as_json else say(f"{found.ref} is the champion of {line} again.")


def list_releases(home: str | None, *, as_json: bool) -> None:
    """Print all releases."""
    place = known_place(home)
    rows: list[dict[str, Any]] = []
    for line in lines(place):
        points = aliases(place, line)
        for one in releases(place, line):
            names = [name for name, version in points.items() if version == one.version]
            rows.append({**_facts(one), "aliases": names, "overridden": one.override is not None})
    if as_json:
        say_json(rows)
    elif not rows:
        say(f"No release yet in {place.path}. Make one: bakeoff release LINE RUN --reason ...")
    else:
        headings = {"release": "RELEASE", "aliases": "ALIASES", "runs": "RUNS", "at": "AT (UTC)"}
        headings |= {"who": "WHO", "overridden": "OVERRIDDEN", "reason": "REASON"}
        say_table(rows, headings)


def show_release(home: str | None, ref: str, *, as_json: bool) -> None:
    """Print everything about one release."""
    place = known_place(home)
    found = find(place, ref)
    exact = exact_record.read(place, found)
    if as_json:
        say_json({**found.record, "exact": exact.record})
        return
    say(f"{found.ref}, released {found.at} by {found.who}: {found.reason}")
    if found.override is not None:
        say(f"OVERRIDDEN in spite of its gates: {found.override}")
    say(f"runs      {', '.join(found.runs)}")
    say(f"evidence  {found.record['evidence']['hash']}")
    say(f"folder    {found.folder}")
    say(exact.sentence)
    for gate in found.gates:
        say(f"[{_SIGNS[gate.passed]}] {gate.gate}\n       {gate.reason}")


def verify_command(home: str | None, ref: str, *, as_json: bool) -> bool:
    """Check one release's files and compute its evidence again; return whether all is as it was.

    An exact bootstrap that is missing is started again; it takes minutes and is not waited for.
    """
    place = known_place(home)
    with store.open(home=place.path) as opened:
        found = find(place, ref)
        problems = verify_release(opened, place, ref)
    is_whole = _say_problems(found.ref, problems, as_json=as_json)
    exact_record.start(place, found)
    if not as_json:
        say(exact_record.read(place, found).sentence)
    return is_whole


def audit_command(home: str | None, *, as_json: bool) -> bool:
    """Print the audit log and check it; return whether it is whole."""
    place = known_place(home)
    problems = verify_audit(place)
    found = audit.entries(place)
    if as_json:
        rows = [{**_plain(entry), "details": dict(entry.details)} for entry in found]
        say_json({"entries": rows, "head": audit.head(place), "problems": problems})
        return not problems
    rows = [{**_plain(entry), "reason": entry.details.get("reason")} for entry in found]
    headings = {"n": "N", "at": "AT (UTC)", "who": "WHO", "action": "ACTION", "subject": "SUBJECT"}
    say_table(rows, {**headings, "reason": "REASON"})
    number, head = audit.head(place)
    say(f"The log has {number} entries and ends with {head}.")
    return _say_problems("the audit log", problems, as_json=False)


def card_command(
    home: str | None, ref: str, *, edit: str | None, as_html: bool, out: str | None, as_json: bool
) -> None:
    """Print a release's card, or replace its text by a file's."""
    place = known_place(home)
    found = find(place, ref)
    if edit is not None:
        text = sys.stdin.read() if edit == "-" else _text_of(Path(edit))
        path = edit_card(place, found.line, found.version, text, who=getpass.getuser())
        told = f"Saved as {path}; the released card stays beside it."
        say_json({"release": found.ref, "file": str(path)}) if as_json else say(told)
        return
    title = f"Model card: {found.ref}"
    text = card_page(found.folder, title=title) if as_html else card_text(found.folder)
    if out is not None:
        _write(Path(out), text)
    if as_json:
        kind = "html" if as_html else "markdown"
        say_json({"release": found.ref, **({"file": out} if out else {kind: text})})
    elif out is None:
        say(text)


def export_command(home: str | None, what: str, *, out: str, as_json: bool) -> bool:
    """Copy a release's bundle, or export a run without releasing it; return whether it matches."""
    place = known_place(home)
    target = Path(out)
    if "@" in what:
        found = find(place, what)
        if found.bundle is None:
            raise UsageError(f"Expected a release with a bundle; {found.ref} was not exported.")
        target.write_bytes(found.bundle.read_bytes())
        say_json({"bundle": str(target)}) if as_json else say(f"Copied to {target}.")
        return True
    with store.open(home=place.path) as opened:
        run_id = opened.run(what)["run_id"]
    wanted = policy.read(place)
    check = export_run(place, run_id, target, split=wanted.split, tolerance=wanted.export_tolerance)
    say_json(asdict(check)) if as_json else say(f"{check.reason} The files are in {target}.")
    return check.matches is True


def alias_command(
    home: str | None, ref: str, *, version: str | None, reason: str, as_json: bool
) -> None:
    """Point an alias to a version, remove it, or list a line's aliases."""
    place = known_place(home)
    line, _, name = ref.partition("@")
    if name:
        number = None if version in {None, "none"} else _version(str(version))
        set_alias(place, line, name, number, reason=reason)
    points = aliases(place, line)
    if as_json:
        say_json(points)
    else:
        for point, number in points.items():
            say(f"{line}@{point} -> {line}@v{number}")


def policy_command(
    home: str | None,
    *,
    save: str | None,
    history: bool,
    diff: list[int] | None,
    reason: str,
    as_json: bool,
) -> None:
    """Print the policy, its history or a difference, or save a new one."""
    place = known_place(home)
    if save is not None:
        policy.save(place, _text_of(Path(save)), who=getpass.getuser(), reason=reason)
        newest = policy.history(place)[-1].number
        say_json({"version": newest}) if as_json else say(f"Saved as version {newest}.")
    elif diff:
        found = policy.difference(place, diff[0], diff[1]).rstrip()
        say_json({"diff": found}) if as_json else say(found)
    elif history:
        policy.read_text(place)
        rows = [_plain(revision) for revision in policy.history(place)]
        headings = {"number": "VERSION", "at": "AT (UTC)", "who": "WHO", "reason": "REASON"}
        say_json(rows) if as_json else say_table(rows, headings)
    elif as_json:
        text = policy.read_text(place)
        parsed = policy.parse(text)
        own = {line: asdict(one) for line, one in parsed.lines.items()}
        say_json({**asdict(parsed.default), "lines": own, "text": text})
    else:
        say(policy.read_text(place).rstrip())


def _say_choice(found: Choice) -> None:
    say(found.recommendation.sentence)
    present = found.champion.ref if found.champion else "none yet"
    rule = found.policy
    say(f"\nchampion {present}; {rule.metric} on {rule.split}, margin {rule.margin:g}")
    problems = found.comparison.problems if found.comparison else ()
    for problem in problems:
        say(f"({problem.severity}) {problem.text}")
    for option in found.options:
        say(f"\n{option.candidate.name}: {option.decision}")
        if option.verdict is not None:
            say(f"  {option.verdict.sentence}")
            say(f"  {option.verdict.recipe_sentence}")
        for gate in option.gates:
            say(f"  [{_SIGNS[gate.passed]}] {gate.gate}: {gate.reason}")


def _choice(found: Choice) -> dict[str, Any]:
    chosen = found.recommendation
    return {
        "line": found.line,
        "champion": found.champion.ref if found.champion else None,
        "recommendation": {
            "decision": str(chosen.decision),
            "candidate": chosen.candidate,
            "sentence": chosen.sentence,
        },
        "problems": [problem.text for problem in found.comparison.problems]
        if found.comparison
        else [],
        "candidates": [_option(one) for one in found.options],
    }


def _option(one: Option) -> dict[str, Any]:
    verdict = one.verdict
    return {
        "name": one.candidate.name,
        "runs": list(one.candidate.run_ids),
        "decision": str(one.decision),
        "reason": one.reason,
        "verdict": None
        if verdict is None
        else {
            "word": str(verdict.word),
            "sentence": verdict.sentence,
            "difference": verdict.difference.estimate,
            "low": verdict.difference.low,
            "high": verdict.difference.high,
            "next_step": verdict.next_step,
        },
        "gates": [rounded(asdict(gate)) for gate in one.gates],
    }


def _facts(found: Release) -> dict[str, Any]:
    return {
        "release": found.ref,
        "line": found.line,
        "version": found.version,
        "runs": list(found.runs),
        "at": found.at,
        "who": found.who,
        "reason": found.reason,
        "override": found.override,
        "evidence": found.record["evidence"]["hash"],
        "folder": str(found.folder),
    }


def _say_problems(what: str, problems: list[str], *, as_json: bool) -> bool:
    if as_json:
        say_json({"checked": what, "problems": problems})
    elif not problems:
        say(f"{what}: nothing was changed.")
    for problem in () if as_json else problems:
        say(problem)
    return not problems


def _plain(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"Expected a file that can be written; got {path} ({error.strerror})."
        ) from error


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Expected a text file in UTF-8; got {path} ({error}).") from error


def _version(text: str) -> int:
    digits = text.removeprefix("v")
    if not digits.isdigit():
        raise UsageError(f"Expected a version such as v3, or none; got {text!r}.")
    return int(digits)


def known_place(home: str | None) -> Home:
    """Return the store's folder; looking at nothing creates nothing."""
    place = Home.locate(home)
    if not place.path.is_dir():
        raise ReleaseNotFoundError(
            f"Expected a store; got {place.path}, which does not exist. Name it with --home."
        )
    return place
