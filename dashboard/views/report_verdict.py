"""The verdict above a Compare panel of a report: the sentences and the table, as markup."""

import math

from dashboard import data, evaluation_data, explorer, verdicts
from dashboard.markup import Markup, element
from dashboard.report_files import Block
from dashboard.state import MOST_COMPARED, split
from dashboard.views import evidence
from experiments.comparison import Comparison, ComparisonSpec, Severity, suggested_margin
from experiments.evaluating import looks, verdict
from experiments.evaluating.evidence import data_problem
from experiments.evaluating.overview import baseline_value, metrics_for

_MOST_STEPS = 4


def draw(block: Block) -> Markup:
    """Return what the Compare page would answer for a panel's address; nothing for one run.

    Raises
    ------
    store.StoreError
        If the store cannot be asked.
    """
    runs = explorer.rows(split(block.first("runs"))[:MOST_COMPARED])
    if len(runs) < 2:
        return Markup()
    ids = [run["run_id"] for run in runs]
    names = explorer.names(runs)
    problem = data_problem([data.run(run_id) for run_id in ids], names)
    if problem is not None and problem.severity is Severity.BLOCKS:
        return _not_judged(problem.text)
    base = block.first("base") if block.first("base") in ids else ids[0]
    on = _split(block, ids)
    candidates = evidence.candidates_of(runs, names, base, on)
    gathered = evaluation_data.gathered(candidates, on)
    if gathered.evidence is None:
        return _not_judged(" ".join(found.text for found in gathered.problems))
    options = metrics_for(gathered.evidence.first)
    metric = block.first("judge") if block.first("judge") in options else options[0]
    value = baseline_value(gathered, metric)
    unseen = 0
    if looks.is_sealed(on):
        unseen = evaluation_data.look(ids, on, what=metric, where="Report").unseen(ids)
    spec = ComparisonSpec(
        metric=metric,
        margin=_margin(block, metric)
        or suggested_margin(metric, 0.9 if math.isnan(value) else value),
        split=on,
        unseen=unseen,
    )
    places = {name: place for place, name in enumerate(names)}
    return _answer(evaluation_data.judged(candidates, spec), places)


def _split(block: Block, ids: list[str]) -> str:
    found = set.intersection(*(set(data.splits(run_id)) for run_id in ids))
    wanted = (block.first("on"), "val", "valid", "validation", *sorted(found))
    return next((name for name in wanted if name in found), "val")


def _margin(block: Block, metric: str) -> float:
    """Return what was said to matter, as a share where the page asks for points; 0 if unsaid."""
    try:
        said = float(block.first("margin") or 0)
    except ValueError:
        return 0.0
    unit = 100.0 if metric in verdict.POINTS_METRICS else 1.0
    return said / unit if 0 < said <= 1e9 else 0.0


def _answer(found: Comparison, places: dict[str, int]) -> Markup:
    if not found.verdicts:
        return _not_judged(" ".join(problem.text for problem in found.problems))
    sentences = [judged.sentence for judged in found.verdicts]
    best = [found.best.sentence] if found.best is not None and len(sentences) > 1 else []
    told = [element("p", element("b", sentence)) for sentence in sentences]
    table = verdicts.verdict_table(
        found.verdicts,
        [places[judged.candidate] for judged in found.verdicts],
        found.spec.margin,
    )
    steps = dict.fromkeys(
        text for judged in found.verdicts for text in (judged.next_step, judged.recipe_sentence)
    )
    listed = [element("li", step) for step in steps if step][:_MOST_STEPS]
    how = f"Judged on {found.num_examples:,} examples of {found.spec.split}, paired."
    return Markup(
        element("div", *told, *(element("p", text) for text in best), cls="box advice")
        + table
        + element("ul", *listed)
        + element("p", how, cls="missing")
    )


def _not_judged(why: str) -> Markup:
    return element("p", element("b", "Not judged. "), why, cls="box advice")
