"""`bakeoff doctor`: look a store over, and put right what can be, when that is asked for."""

from collections.abc import Sequence
from dataclasses import asdict

import store
from experiments.terminal import say, say_json
from store import doctor
from store.findings import Finding, Severity
from store.layout import Home


def examine_store(home: str | None, *, fix: bool, rebuild: bool, as_json: bool) -> bool:
    """Print what is wrong with a store; return whether nothing is an error.

    The hub has to step aside for the moment; whoever needs it next starts it again.

    Parameters
    ----------
    home
        The store's folder.
    fix
        Do what the findings say can be done.
    rebuild
        Make the database anew from the runs' folders first.
    as_json
        Print the findings as JSON.

    Raises
    ------
    store.StoreError
        If somebody else holds the store, or a newer Bakeoff made it.
    """
    place = Home.locate(home)
    if not place.runs.is_dir():
        raise store.StoreError(
            f"Expected a store; got {place.path}, where nothing is stored. Name it with --home."
        )
    store.stop_hub(place.path)
    kept = doctor.rebuild(place) if rebuild else None
    findings = doctor.examine(place)
    fixed: list[Finding] = []
    if fix:
        fixed = doctor.repair(place, findings)
        findings = doctor.examine(place)
    if as_json:
        say_json([asdict(finding) for finding in findings])
    else:
        if rebuild:
            say("The database is made anew." + (f" The old one is {kept}." if kept else ""))
        for finding in fixed:
            say(f"{finding.code} done: {finding.subject}: {finding.fix}.")
        _say_findings(findings, place)
    return all(finding.severity is not Severity.ERROR for finding in findings)


def _say_findings(findings: Sequence[Finding], place: Home) -> None:
    for finding in findings:
        say(f"{finding.code} {finding.severity}: {finding.subject}: {finding.message}")
        say(f"    {finding.remedy}")
        if finding.fix:
            say(f"    bakeoff doctor --fix would {finding.fix}.")
    num_errors = sum(finding.severity is Severity.ERROR for finding in findings)
    say(f"{place.path}: {len(findings) or 'no'} findings, {num_errors or 'no'} errors.")
