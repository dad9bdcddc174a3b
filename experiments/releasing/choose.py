"""Which of these do we release? Verdicts, gates and a recommendation that says why."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from experiments import comparison as comparing
from experiments.comparison import MAX_CANDIDATES, Comparison, ComparisonSpec, Verdict
from experiments.errors import UsageError
from experiments.evaluating.evidence import Candidate
from experiments.evaluating.findings import Examined
from experiments.evaluating.kept import Kept
from experiments.evaluating.verdict import Word
from experiments.release import Release, champion
from experiments.releasing.gate_case import Case, GateResult
from experiments.releasing.gates import judge_gate
from experiments.releasing.measured import Measured, Model, gain_of, measure
from experiments.releasing.policy import Policy
from experiments.releasing.policy import read as read_policy
from experiments.releasing.usual_metric import settled
from experiments.statistics import metric_goal
from store.layout import Home
from store.reading import Store

CHAMPION_NAME = "the champion"
_BETTER = frozenset({Word.CLEARLY_BETTER, Word.BETTER})
_EQUAL = frozenset({Word.PRACTICALLY_EQUAL, Word.BETTER_BUT_LITTLE})


class Decision(StrEnum):
    """What to do with a candidate."""

    RELEASE = "release"
    COST = "decide on cost"
    """Not better by what matters, and nothing speaks against it."""
    OPEN = "not decided"
    """Something cannot be told yet."""
    NO = "do not release"
    """A gate failed, with evidence."""
    IS_CHAMPION = "is the champion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One candidate before the decision."""

    candidate: Candidate
    decision: Decision
    reason: str
    gates: tuple[GateResult, ...]
    verdict: Verdict | None
    """against the champion, corrected for the number of candidates; None without a champion"""
    value: Measured | None
    """the deciding metric"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What the evidence says to do."""

    decision: Decision
    candidate: str | None
    """whom to release; None: keep the champion"""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Everything that a decision about a model line stands on."""

    line: str
    policy: Policy
    champion: Release | None
    comparison: Comparison | None
    """the champion first; None if there is nothing to compare"""
    options: tuple[Option, ...]
    recommendation: Recommendation


def choose(
    store: Store,
    line: str,
    candidates: Sequence[Candidate],
    *,
    policy: Policy | None = None,
    unseen: int = 0,
) -> Choice:
    """Judge candidates for a model line.

    Parameters
    ----------
    store
        Where the runs are stored.
    line
        The model line; it need not have a release yet.
    candidates
        1 to 9, each a run or several seeds; the first run of each is what would be released.
    policy
        The store's policy for this line if None.
    unseen
        Other models that were looked at on the deciding split: intervals allow for them.

    Raises
    ------
    UsageError
        If there are no candidates or too many.
    store.RunNotFoundError
        If a run does not exist.
    """
    home = Home(store.home)
    if not 1 <= len(candidates) < MAX_CANDIDATES:
        raise UsageError(f"Expected 1 to {MAX_CANDIDATES - 1} candidates; got {len(candidates)}.")
    policy = policy or read_policy(home, line)
    present = champion(home, line)
    kept = Kept(store)
    deciding = present.runs[0] if present else candidates[0].run_ids[0]
    policy = settled(policy, Model(kept, deciding))
    found = _compare(kept, candidates, policy, present, unseen)
    options = tuple(
        judge_option(kept, candidate, policy, champion=present, comparison=found)
        for candidate in candidates
    )
    return Choice(
        line=line,
        policy=policy,
        champion=present,
        comparison=found,
        options=options,
        recommendation=recommend(options, champion=present, comparison=found, policy=policy),
    )


def judge_option(
    store: Examined,
    candidate: Candidate,
    policy: Policy,
    *,
    champion: Release | None,
    comparison: Comparison | None,
) -> Option:
    """Judge one candidate by the gates and by its verdict in a comparison of all candidates."""
    champion_ids = champion.runs if champion else ()
    case = Case(store, candidate.run_ids, policy, champion_ids)
    verdict: Verdict | None = None
    if champion is not None and comparison is not None:
        found = [one for one in comparison.verdicts if one.candidate == candidate.name]
        verdict = found[0] if found else None
        case.know(comparison.spec, verdict or _why_not(comparison))
    gates = tuple(judge_gate(text, case) for text in policy.gates)
    value = measure(
        case.model, f"{policy.split}/{policy.metric}", split=policy.split, level=policy.level
    )
    is_champion = bool(champion_ids) and candidate.run_ids[0] == champion_ids[0]
    decision, reason = _decide(gates, verdict, is_champion=is_champion, is_first=champion is None)
    return Option(
        candidate=candidate,
        decision=decision,
        reason=reason,
        gates=gates,
        verdict=verdict,
        value=value if isinstance(value, Measured) else None,
    )


def recommend(
    options: Sequence[Option],
    *,
    champion: Release | None,
    comparison: Comparison | None,
    policy: Policy,
) -> Recommendation:
    """Say what to do, and why: the best that passes everything, else keep what there is."""
    ranked = sorted(options, key=lambda one: _rank(one, policy.metric), reverse=True)
    good = [one for one in ranked if one.decision is Decision.RELEASE]
    if good:
        return Recommendation(
            decision=Decision.RELEASE,
            candidate=good[0].candidate.name,
            sentence=f"Release {good[0].candidate.name}. {good[0].reason}"
            + _others(good, comparison if champion is None else None),
        )
    keep = f"Keep {champion.ref}. " if champion else "Release nothing yet. "
    for decision in (Decision.COST, Decision.OPEN, Decision.NO):
        found = [one for one in ranked if one.decision is decision]
        if found:
            return Recommendation(
                decision=decision,
                candidate=None,
                sentence=f"{keep}{found[0].candidate.name}: {found[0].reason}",
            )
    return Recommendation(
        decision=Decision.IS_CHAMPION,
        candidate=None,
        sentence=f"{keep}There is no other candidate.",
    )


def comparison_spec(policy: Policy, unseen: int) -> ComparisonSpec:
    """Return how a policy has candidates compared; `unseen` models were looked at beside them."""
    return ComparisonSpec(
        metric=policy.metric,
        margin=policy.margin,
        split=policy.split,
        level=policy.level,
        unseen=unseen,
    )


def _compare(
    store: Examined,
    candidates: Sequence[Candidate],
    policy: Policy,
    present: Release | None,
    unseen: int,
) -> Comparison | None:
    """Compare all with the champion; without one, with each other."""
    sides = list(candidates)
    if present is not None:
        rest = [one for one in candidates if one.run_ids[0] != present.runs[0]]
        sides = [Candidate(name=CHAMPION_NAME, run_ids=present.runs), *rest]
    if len(sides) < 2:
        return None
    return comparing.compare(store, sides, comparison_spec(policy, unseen))


def _decide(
    gates: Sequence[GateResult], verdict: Verdict | None, *, is_champion: bool, is_first: bool
) -> tuple[Decision, str]:
    if is_champion:
        return Decision.IS_CHAMPION, "It is the champion already."
    failed = [gate for gate in gates if gate.passed is False]
    if failed:
        return Decision.NO, f"{_gate_words(failed)} {failed[0].reason}"
    unsure = [gate for gate in gates if gate.passed is None]
    if unsure:
        return Decision.OPEN, f"{_gate_words(unsure, 'cannot be told')} {unsure[0].reason}"
    if is_first:
        return Decision.RELEASE, "All gates are passed, and there is no champion yet."
    return _by_verdict(verdict)


def _by_verdict(verdict: Verdict | None) -> tuple[Decision, str]:
    if verdict is None:
        return Decision.OPEN, "It cannot be compared with the champion."
    if verdict.word in _BETTER:
        return Decision.RELEASE, f"All gates are passed. {verdict.sentence}"
    if verdict.word in _EQUAL:
        tail = "There is no reason of quality to change: decide on cost."
        return Decision.COST, f"{verdict.sentence} {tail}"
    if verdict.word.is_settled:
        return Decision.NO, verdict.sentence
    return Decision.OPEN, f"{verdict.sentence} {verdict.next_step}".strip()


def _gate_words(gates: Sequence[GateResult], verb: str = "failed") -> str:
    names = ", ".join(f"'{gate.gate}'" for gate in gates)
    if verb == "failed":
        return f"{len(gates)} gate{'s' if len(gates) > 1 else ''} failed: {names}."
    return f"{len(gates)} gate{'s' if len(gates) > 1 else ''} {verb} yet: {names}."


def _rank(option: Option, metric: str) -> float:
    """Order options: by the lower end of the gain, else by the value."""
    goal = metric_goal(metric)
    if option.verdict is not None:
        low = gain_of(option.verdict.difference, goal).low
        return low if math.isfinite(low) else -math.inf
    if option.value is None:
        return -math.inf
    return option.value.value if goal == "max" else -option.value.value


def _others(good: Sequence[Option], comparison: Comparison | None) -> str:
    """Say what the first of several was chosen by, where nothing proves it to be the best."""
    if len(good) < 2 or comparison is None:
        return ""
    told = comparison.best.sentence if comparison.best else ""
    return f" Of {len(good)} that pass it has the best value. {told}".rstrip()


def _why_not(comparison: Comparison) -> str:
    return " ".join(problem.text for problem in comparison.problems) or "There is no verdict."


def candidates_of(store: Store, texts: Sequence[str]) -> tuple[Candidate, ...]:
    """Return candidates for run ids (or beginnings of them) and ``group:NAME``.

    Of a group the run with the lowest seed would be released: a rule that looks at no result.

    Raises
    ------
    UsageError
        If a group has no finished run.
    store.RunNotFoundError
        If a run does not exist.
    """
    found: dict[str, Candidate] = {}
    for text in texts:
        if text.startswith("group:"):
            one = _group(store, text.removeprefix("group:"))
        else:
            record = store.run(text)
            one = Candidate(name=record["name"], run_ids=(record["run_id"],))
        name = one.name if one.name not in found else f"{one.name} ({one.run_ids[0]})"
        found[name] = Candidate(name=name, run_ids=one.run_ids)
    return tuple(found.values())


def _group(store: Store, name: str) -> Candidate:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    rows: list[Mapping[str, object]] = store.runs(
        f'group = "{quoted}" and status = "finished"', "seed"
    ).to_pylist()
    if not rows:
        raise UsageError(f"Expected a group with finished runs; got {name!r}.")
    return Candidate(name=name, run_ids=tuple(str(row["run_id"]) for row in rows))
