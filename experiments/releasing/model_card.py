"""The model card of a release: what the store knows is filled in, what only people know is asked.

Sections after Mitchell et al. 2019. Markdown for people to edit, HTML with its charts inside.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from markdown_it import MarkdownIt

from experiments.evaluating.evaluation import confusion, normalised
from experiments.evaluating.predicted import Predicted, codes_of
from experiments.evaluating.slices import SliceResult, judge_slices, slices_of
from experiments.releasing import card_charts
from experiments.releasing.measured import Model
from experiments.statistics import calibration_error, reliability
from store.reading import Store

_CHART = "chart_{}.svg"
_TO_FILL = "*To be written by a person: {}*"
_COSTS = {
    "latency_p50_ms": "latency, median (ms)",
    "latency_p95_ms": "latency, 95th percentile (ms)",
    "parameters": "parameters",
    "flops": "FLOPs",
    "checkpoint_bytes": "checkpoint (bytes)",
    "peak_memory_bytes": "memory while training, peak (bytes)",
    "train_seconds": "training time (s)",
    "energy_j": "training energy (J)",
}
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; display: block; max-width: 100%; overflow-x: auto; }
td, th { border-bottom: 1px solid #8886; padding: .25rem .75rem; text-align: left; }
td { min-width: 4rem; overflow-wrap: anywhere; vertical-align: top; }
svg { max-width: 100%; height: auto; } code { font-size: .9em; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A model card."""

    markdown: str
    charts: Mapping[str, str]
    """file name -> SVG"""


def make_card(store: Store, record: Mapping[str, Any]) -> Card:
    """Write the card of a release.

    Parameters
    ----------
    store
        Where its runs are stored.
    record
        The release's record, as far as it is known before the version is.
    """
    model = Model(store, record["runs"][0])
    split, level = record["policy"]["split"], record["policy"]["level"]
    table = model.predictions(split)
    predicted = None if table is None else Predicted.of(table)
    charts = _charts(record, predicted)
    parts = [
        _head(record, model.record),
        _section(
            "Intended use", _TO_FILL.format("for what, by whom; what it must not be used for.")
        ),
        _section("Data", _data(model.record)),
        _section(f"Metrics on {split} ({level:.0%} intervals)", _metrics(record, charts)),
        _section("Against the champion", _verdict(record)),
        _section("Slices", _slices(predicted, record["policy"])),
        _section("Calibration", _calibration(predicted, charts)),
        _section("Cost", _cost(model)),
        _section("Gates", _gates(record)),
        _section("Limits", _limits(predicted, split)),
        _section("Export", _export(record.get("export"))),
        _section("Environment", _environment(model.record)),
        _section("Licence", _TO_FILL.format("of the model, and of the data that it learnt from.")),
        _section("Lineage", _lineage(record, model.record)),
    ]
    return Card(markdown="\n\n".join(parts) + "\n", charts=charts)


def to_html(markdown: str, charts: Mapping[str, str], *, title: str) -> str:
    """Return a page that needs nothing beside it: raw HTML in the text is shown, not run."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    for name, svg in charts.items():
        body = re.sub(rf'<img src="{re.escape(name)}"[^>]*>', lambda _, svg=svg: svg, body)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _head(record: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    model = run["config"].get("model")
    kind = model.get("kind") if isinstance(model, dict) else model
    override = (
        f"\n\n**Released in spite of its gates:** {_line(record['override'])}"
        if record["override"]
        else ""
    )
    return (
        f"# Model card: {record['line']}\n\n"
        f"Run `{run['run_id']}` ({_line(run['name'])}), model {kind or 'not recorded'}, released "
        f"{record['at'][:10]} by {_line(record['who'])}: {_line(record['reason'])}{override}"
    )


def _data(run: Mapping[str, Any]) -> str:
    facts = run.get("data") or {}
    rows = [
        ("source", facts.get("source") or facts.get("kind")),
        ("examples", ", ".join(f"{n:,} {name}" for name, n in (facts.get("sizes") or {}).items())),
        ("classes", ", ".join(map(str, run.get("classes") or ()))),
        ("duplicates dropped", facts.get("duplicates_dropped")),
        ("SHA-256", run.get("data_hash")),
    ]
    told = _table(
        ("what", "value"), [(key, value) for key, value in rows if value not in (None, "")]
    )
    return f"{told}\n\n{_TO_FILL.format('how the data were collected and labelled, and whom they stand for.')}"


def _metrics(record: Mapping[str, Any], charts: Mapping[str, str]) -> str:
    found = record["evidence"]["figures"]["metrics"]
    if not found:
        return "No predictions are stored for this split, so there are no metrics with intervals."
    rows = [
        (name.replace("_", " "), _number(row["value"]), _span(row["low"], row["high"]))
        for name, row in found.items()
    ]
    told = _table(("metric", "value", "interval"), rows) + _image("metrics", charts)
    drawn = _CHART.format("confusion") in charts
    return told + ("\n\nRows are the true classes, each in percent." if drawn else "")


def _verdict(record: Mapping[str, Any]) -> str:
    verdict = record["evidence"]["figures"]["verdict"]
    if verdict is None:
        return "This was the line's first release: there was no champion to compare with."
    told = [verdict["sentence"] or f"Not judged: {' '.join(verdict['problems'])}"]
    told += [verdict.get("recipe_sentence", ""), verdict.get("next_step", "")]
    return f"Against {record['champion_before']}: " + " ".join(filter(None, told))


def _slices(predicted: Predicted | None, policy: Mapping[str, Any]) -> str:
    slices = () if predicted is None else slices_of(predicted)
    if predicted is None or not slices:
        return "No slices are recorded with the predictions."
    found: Sequence[SliceResult] = judge_slices(
        policy["metric"],
        predicted.label,
        slices,
        predicted.output,
        group=None if predicted.group is None else codes_of(predicted.group)[0],
        level=policy["level"],
        min_size=policy["min_slice"],
    )
    rows = [
        (
            one.name,
            f"{one.n:,}",
            "not defined" if one.value is None else _number(one.value.estimate),
            "" if one.value is None else _span(one.value.low, one.value.high),
        )
        for one in found
    ]
    return f"{policy['metric'].replace('_', ' ')} of each slice:\n\n" + _table(
        ("slice", "examples", "value", "interval"), rows
    )


def _calibration(predicted: Predicted | None, charts: Mapping[str, str]) -> str:
    if predicted is None or predicted.task != "classification":
        return "Not defined: there are no class probabilities."
    try:
        error = calibration_error(predicted.output, predicted.label)
    except ValueError as problem:
        return f"Not defined: {problem}"
    return (
        f"Expected calibration error (15 bins of equal width): {error:.3f}. A description, not "
        f"proof: it is above 0 for a perfect model too.{_image('reliability', charts)}"
    )


def _cost(model: Model) -> str:
    rows = [
        (text, _number(model.recorded[name][0]))
        for name, text in _COSTS.items()
        if name in model.recorded
    ]
    device = model.record.get("device") or "an unknown device"
    return (
        f"Measured on {device}.\n\n{_table(('what', 'value'), rows)}" if rows else "Not recorded."
    )


def _gates(record: Mapping[str, Any]) -> str:
    words = {True: "passed", False: "**failed**", None: "**cannot tell**"}
    rows = [
        (f"`{gate['gate']}`", words[gate["passed"]], gate["reason"]) for gate in record["gates"]
    ]
    return _table(("gate", "result", "reason"), rows)


def _limits(predicted: Predicted | None, split: str) -> str:
    count = 0 if predicted is None else len(predicted)
    return (
        f"Intervals speak of examples drawn like the {count:,} of the {split} split, not of other "
        f"data. {_TO_FILL.format('known weaknesses, and what happens when the model is wrong.')}"
    )


def _export(found: Mapping[str, Any] | None) -> str:
    if not found or "reason" not in found:
        return (found or {}).get("error") or "The model was not exported."
    return str(found["reason"])


def _environment(run: Mapping[str, Any]) -> str:
    packages = run.get("packages") or {}
    names = ("torch", "lightning", "numpy", "scikit-learn")
    rows = [("python", run.get("python")), ("platform", run.get("platform"))]
    rows += [("device", run.get("device"))]
    rows += [(name, packages[name]) for name in names if name in packages]
    return _table(("what", "version"), [(key, value) for key, value in rows if value])


def _lineage(record: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    git = run.get("git") or {}
    own = record["evidence"]["inputs"][0]
    rows = [
        ("runs", ", ".join(f"`{run_id}`" for run_id in record["runs"])),
        ("made from", ", ".join(f"`{run_id}`" for run_id in run.get("parents") or ()) or None),
        ("variant", run.get("variant")),
        ("seed", own["seed"]),
        (
            "commit",
            f"{git['commit']}{' with changes' if git.get('dirty') else ''}"
            if git.get("commit")
            else None,
        ),
        ("checkpoint SHA-256", own["checkpoint_sha256"]),
        ("predictions SHA-256", own["predictions_sha256"]),
        ("evidence SHA-256", record["evidence"]["hash"]),
        ("champion before", record["champion_before"]),
    ]
    return _table(("what", "value"), [(key, value) for key, value in rows if value is not None])


def _charts(record: Mapping[str, Any], predicted: Predicted | None) -> dict[str, str]:
    return dict(_drawn(record, predicted))


def _drawn(record: Mapping[str, Any], predicted: Predicted | None) -> Iterator[tuple[str, str]]:
    found = record["evidence"]["figures"]["metrics"]
    if found:
        yield _CHART.format("metrics"), card_charts.intervals(found)
    if predicted is None or predicted.task != "classification":
        return
    try:
        diagram = card_charts.reliability_diagram(reliability(predicted.output, predicted.label))
        yield _CHART.format("reliability"), diagram
    except ValueError:
        pass  # not defined, and the section says so
    counts = confusion(predicted.label, predicted.predicted, predicted.num_classes)
    chart = card_charts.confusion_chart(normalised(counts), predicted.class_names)
    if chart is not None:
        yield _CHART.format("confusion"), chart


def _image(name: str, charts: Mapping[str, str]) -> str:
    names = [name] if name != "metrics" else ["metrics", "confusion"]
    return "".join(
        f"\n\n![{each}]({_CHART.format(each)})" for each in names if _CHART.format(each) in charts
    )


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_line(cell) for cell in line)} |" for line in lines)


def _line(value: Any) -> str:
    """Return a value on one line that does not break a table."""
    return " ".join(str(value).split()).replace("|", "\\|")


def _number(value: float | None) -> str:
    if value is None:
        return "not defined"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _span(low: float | None, high: float | None) -> str:
    if low is None or high is None or low != low or high != high:  # noqa: PLR0124  # NaN
        return "no interval"
    return f"{low:.4g} to {high:.4g}"
