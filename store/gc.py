"""Lets go of runs by a person's rules; what must stay, stays whatever they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from store import artifacts, disk_usage, keeping, trash
from store.errors import FilterError
from store.layout import Home

if TYPE_CHECKING:
    import pyarrow as pa

    from store.reading import Store

_REASONS: Final = {
    "running": "running",
    "lost": "lost contact, may come back",
    "released": "a release needs it",
    "pinned": "pinned",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What to keep. Without any rule everything is kept."""

    keep_best: tuple[tuple[int, str], ...] = ()
    """(how many, metric): in each project, by the metric's goal."""
    keep_last: int | None = None
    """How many of the newest, in each project."""
    only: str | None = None
    """A filter: runs that it does not let through are kept."""

    @property
    def is_empty(self) -> bool:
        """Whether no rule was given."""
        return not self.keep_best and self.keep_last is None and not (self.only or "").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the rules say about one run."""

    run_id: str
    project: str
    name: str
    status: str
    sizes: Mapping[str, int]
    """Bytes by kind."""
    kept_as: str
    """Why it is kept; empty when it may go."""

    @property
    def goes(self) -> bool:
        """Whether nothing keeps it."""
        return not self.kept_as


def decide(s: "Store", rules: Rules) -> tuple[Decision, ...]:
    """Return what the rules say about every run, the oldest first; nothing is changed.

    Raises
    ------
    FilterError
        If a metric has no goal, or the filter cannot be understood.
    StoreError
        If a release cannot be read: then nothing may go.
    """
    facts = {row["run_id"]: row for row in s.ask("keeping").to_pylist()}
    needed = keeping.needed_by_releases(Home(s.home), facts)
    sizes = disk_usage.usage(s)
    wishes = _wishes(s, rules, sizes)
    decisions: list[Decision] = []
    for row in sizes.to_pylist():
        known = facts.get(row["run_id"])
        must = keeping.protection(known, needed) if known else "running"  # it has just begun
        decisions.append(
            Decision(
                run_id=row["run_id"],
                project=row["project"],
                name=row["name"],
                status=row["status"],
                sizes={kind: row[kind] for kind in disk_usage.KINDS},
                kept_as=_REASONS[must] if must else wishes.get(row["run_id"], ""),
            )
        )
    return tuple(decisions)


def _wishes(s: "Store", rules: Rules, runs: "pa.Table") -> dict[str, str]:
    """Return why runs are kept by the rules alone."""
    ids = runs["run_id"].to_pylist()
    if rules.is_empty:
        return dict.fromkeys(ids, "no rule lets it go")
    wishes: dict[str, str] = {}
    if (rules.only or "").strip():
        asked = set(s.runs(rules.only)["run_id"].to_pylist())
        wishes = {run_id: "not asked for" for run_id in ids if run_id not in asked}
    of_project: dict[str, list[str]] = {}
    for run_id, project in zip(ids, runs["project"].to_pylist(), strict=True):
        of_project.setdefault(project, []).append(run_id)
    if rules.keep_last:
        for members in of_project.values():
            newest = members[-rules.keep_last :]
            wishes |= dict.fromkeys(newest, f"one of the last {rules.keep_last}")
    for count, metric in rules.keep_best:
        wishes |= _best(_ranked(s, metric), count, metric, of_project)
    return wishes


def _best(
    ranked: Sequence[str], count: int, metric: str, of_project: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return each project's best; a project of which no run has the metric is kept as a whole."""
    wishes: dict[str, str] = {}
    for project, members in of_project.items():
        own = set(members)
        order = [run_id for run_id in ranked if run_id in own]
        if order:
            wishes |= dict.fromkeys(order[:count], f"one of the best {count} by {metric}")
        else:
            wishes |= dict.fromkeys(members, f"no run of {project} has {metric}")
    return wishes


def _ranked(s: "Store", metric: str) -> Sequence[str]:
    """Return the runs that have a value of a metric, the best first.

    Raises
    ------
    FilterError
        If the metric has no goal.
    """
    table = s.series().select(["run_id", "metric", "goal", "best"])
    rows = [row for row in table.to_pylist() if row["metric"] == metric]
    if not rows:
        return ()
    if rows[0]["goal"] not in {"max", "min"}:
        raise FilterError(
            f"Expected a metric of which more or less is better; {metric!r} has no goal. "
            "Say so in the training: run.define_metric(name, goal='max')."
        )
    known = [row for row in rows if row["best"] is not None]
    known.sort(key=lambda row: row["best"], reverse=rows[0]["goal"] == "max")
    return [row["run_id"] for row in known]


def totals(decisions: Sequence[Decision], dropped: Sequence[str] = ()) -> dict[str, Any]:
    """Return how many runs go and stay, and their bytes: of the `dropped` kinds alone, if any."""
    kinds = dropped or disk_usage.KINDS
    answer: dict[str, Any] = {}
    for name, goes in (("goes", True), ("stays", False)):
        sizes = [one.sizes for one in decisions if one.goes is goes]
        size = sum(sum(each[kind] for kind in (kinds if goes else each)) for each in sizes)
        answer[name] = {"runs": len(sizes), "bytes": size}
    return answer


def clean(s: "Store", decisions: Sequence[Decision], dropped: Sequence[str] = ()) -> dict[str, Any]:
    """Let runs go: to the trash, or only their `dropped` kinds, for good.

    Returns
    -------
    dict
        trashed (ids), freed_bytes.

    Raises
    ------
    RunProtectedError
        If one of the runs was resumed, pinned or released since it was decided; none goes then.
    """
    going = [one.run_id for one in decisions if one.goes]
    freed = 0
    if going and dropped:
        freed = s.act("drop", run_ids=going, kinds=list(dropped))["freed_bytes"]
    elif going:
        trash.trash(s, going)
    freed += artifacts.sweep(Home(s.home))
    return {"trashed": [] if dropped else going, "freed_bytes": freed}


def empty_trash(s: "Store", run_ids: Sequence[str] | None = None) -> dict[str, Any]:
    """Delete what is in the trash for good, and shrink the database.

    Returns
    -------
    dict
        freed_bytes of files, and before_bytes and after_bytes of the database.

    Raises
    ------
    StoreError
        As `trash.empty` and the shrinking.
    """
    freed = trash.empty(s, run_ids) + artifacts.sweep(Home(s.home))
    return {"freed_bytes": freed, **s.act("shrink")}
