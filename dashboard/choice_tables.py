"""A choice as markup: what to do and why, the candidates at a glance, the gates. Pure."""

import math
from collections.abc import Mapping, Sequence

from dashboard import markup
from dashboard.contest_tables import amount_of
from dashboard.evaluation_data import Entry
from dashboard.markup import Markup, element
from experiments.comparison import Verdict
from experiments.evaluating.costs import Cost
from experiments.evaluating.findings import Finding, Level
from experiments.evaluating.flips import Flips
from experiments.evaluating.verdict import POINTS_METRICS, amount, span, title_of
from experiments.releasing.choose import Choice, Decision, Option
from experiments.releasing.gate_case import GateResult

_SIGNS = {True: "✓", False: "✕", None: "?"}
_TONES = {True: "good", False: "bad", None: "neutral"}
_DECISIONS = {
    Decision.RELEASE: ("Can be released", "good"),
    Decision.COST: ("Decide on cost", "neutral"),
    Decision.OPEN: ("Not decided", "neutral"),
    Decision.NO: ("Do not release", "bad"),
    Decision.IS_CHAMPION: ("Champion", "neutral"),
}


def advice(choice: Choice, wear: str) -> Markup:
    """Return the recommendation with what speaks for and against the others."""
    found = choice.recommendation
    head = f"Release {found.candidate}" if found.candidate else found.sentence.partition(". ")[0]
    rest = found.sentence.removeprefix(head).lstrip(". ")
    if found.candidate and rest:
        rest = f"{found.candidate}: {rest}"
    points = [_first_point(rest, choice)] if rest else []
    points += [
        element("li", element("b", one.candidate.name), f": {one.reason}")
        for one in choice.options
        if one.candidate.name != found.candidate
        and one.decision is not Decision.IS_CHAMPION
        and one.reason not in found.sentence
    ][:4]
    parts = [element("h3", head), element("ul", *points)]
    if wear:
        parts.append(element("small", wear))
    return element("div", *parts, cls="box advice")


def _first_point(told: str, choice: Choice) -> Markup:
    """Return why, with the candidate's name before it as strong as in the points that follow."""
    names = [one.candidate.name for one in choice.options if told.startswith(one.candidate.name)]
    name = max(names, key=len, default="")
    return element("li", *([element("b", name)] if name else []), told.removeprefix(name))


def candidates(
    choice: Choice,
    entries: Mapping[str, Entry],
    costs: Mapping[str, Cost],
    findings: Sequence[Finding],
    moved: Mapping[str, Flips],
) -> Markup:
    """Return one row a candidate: decision, value, difference, gates, flips, checks, costs."""
    metric = choice.policy.metric
    found = choice.comparison
    against = "the champion" if choice.champion or found is None else found.baseline
    verdicts = {} if found is None else {one.candidate: one for one in found.verdicts}
    heads = [
        element("th", name, scope="col", cls=cls)
        for name, cls in (
            ("Candidate", ""), ("Decision", ""), (title_of(metric), "num"),
            (f"Against {against}", ""), ("Gates", ""), ("Fixed, broken", ""), ("Checks", ""),
            ("Latency p95", "num"), ("Size", "num"),
        )
    ]  # fmt: skip
    rows = []
    for one in choice.options:
        run_id = one.candidate.run_ids[0]
        word, tone = _DECISIONS[one.decision]
        entry = entries[run_id]
        seeds = len(one.candidate.run_ids)
        rows.append(
            element(
                "tr",
                element(
                    "th",
                    markup.letter(entry.place),
                    element("span", markup.run_link(run_id, entry.name), cls="run"),
                    element("small", f" {seeds} seeds" if seeds > 1 else ""),
                    scope="row",
                ),
                element("td", element("span", word, cls=f"chip {tone}", title=one.reason)),
                element("td", _value(one), cls="num"),
                element("td", _difference(verdicts.get(one.candidate.name))),
                element("td", ticks(one.gates)),
                element("td", _moved(moved.get(run_id), against)),
                element("td", _checks([f for f in findings if f.run_id == run_id])),
                element("td", _cost(costs[run_id], "latency_p95_ms", "ms"), cls="num"),
                element("td", _cost(costs[run_id], "checkpoint_bytes", "bytes"), cls="num"),
            )
        )
    return markup.table(heads, rows, label="Candidates and how they stand")


def ticks(gates: Sequence[GateResult]) -> Markup:
    """Return one sign a gate, with the gate and the reason on hover."""
    signs = [
        element(
            "span",
            _SIGNS[gate.passed],
            cls=f"tick {_TONES[gate.passed]}",
            title=f"{gate.gate}: {gate.word}. {gate.reason}",
        )
        for gate in gates
    ]
    told = f"{sum(g.passed is True for g in gates)} of {len(gates)} gates passed"
    return element("span", *signs, role="img", aria_label=told, cls="ticks")


def gates(options: Sequence[tuple[str, Sequence[GateResult]]]) -> Markup:
    """Return every gate with what it says of each candidate, and why."""
    parts = []
    for name, results in options:
        shown = list(results)
        if len(options) > 1:
            parts.append(element("h4", name))
            # Of several candidates only what keeps one back is told at length.
            shown = [gate for gate in results if gate.passed is not True]
        parts += [
            element(
                "div",
                element("span", gate.word, cls=f"chip {_TONES[gate.passed]}"),
                element("div", element("b", gate.gate), element("small", gate.reason)),
                cls="gate",
            )
            for gate in shown
        ]
        passed = [gate.gate for gate in results if gate not in shown]
        if passed:
            told = element("small", "; ".join(passed))
            chip = element("span", f"{len(passed)} passed", cls="chip good")
            parts.append(element("div", chip, element("div", told), cls="gate"))
    return element("div", *parts, cls="box")


def words(gates: Sequence[GateResult]) -> str:
    """Return the gates of a run in one cell of a table: ``3 of 5 passed; failed: ECE <= 0.05``."""
    if not gates:
        return ""
    passed = sum(gate.passed is True for gate in gates)
    failed = [gate.gate for gate in gates if gate.passed is False]
    if failed:
        return f"✕ {passed}/{len(gates)}: {'; '.join(failed)}"
    unsure = [gate.gate for gate in gates if gate.passed is None]
    if unsure:
        return f"? {passed}/{len(gates)}: {'; '.join(unsure)}"
    return f"✓ {passed}/{len(gates)}"


def _value(one: Option) -> Markup:
    if one.value is None:
        return element("span", "not defined", cls="missing")
    limits = ""
    if one.value.has_interval:
        limits = f" {one.value.low:.3f} to {one.value.high:.3f}"
    return element("span", f"{one.value.value:.4f}", element("small", limits))


def _difference(found: Verdict | None) -> Markup:
    if found is None or math.isnan(found.difference.estimate):
        return element("span", "\N{EN DASH}")
    tone = "better" if "better" in found.word else "worse" if "worse" in found.word else "neutral"
    tone = "neutral" if found.word.startswith("not ") else tone
    unit = " points" if found.metric in POINTS_METRICS else ""
    told = amount(found.difference.estimate, found.metric)
    limits = f" {span(found.difference, found.metric)}{unit}"
    return element("span", element("span", told, cls=f"delta {tone}"), element("small", limits))


def _moved(found: Flips | None, against: str) -> Markup:
    if found is None:
        return element("span", "\N{EN DASH}")
    fixed = element("span", f"+{found.fixed:,}", cls="delta better", title="only it has right")
    broken = element(
        "span",
        f"\N{MINUS SIGN}{found.broken:,}",
        cls="delta worse",
        title=f"only {against} has right",
    )
    return element("span", fixed, " ", broken)


def _checks(found: Sequence[Finding]) -> Markup:
    heard = [one for one in found if not one.muted]
    fails = [one.code for one in heard if one.severity is Level.FAIL]
    warns = [one.code for one in heard if one.severity is not Level.FAIL]
    if not heard:
        return element("span", "fine", cls="delta neutral")
    told = "; ".join(f"{one.code} {one.title}: {one.why}" for one in heard)
    parts = [element("span", " ".join(fails), cls="tick bad")] if fails else []
    parts += [element("span", " ".join(warns), cls="delta neutral")] if warns else []
    return element("span", *parts, title=told, cls="ticks")


def _cost(cost: Cost, key: str, unit: str) -> Markup:
    value = cost.values.get(key)
    if value is None:
        return element("span", "not measured", cls="missing")
    return element("span", amount_of(value, unit))
