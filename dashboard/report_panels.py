"""Panels of a report as markup that needs no server: tables; `report_curves` has the curves."""

from dashboard import comparing, data, explorer, formats, markup, report_curves, tables
from dashboard.markup import Markup, element
from dashboard.report_files import Block
from dashboard.state import split

_MOST_RUNS, _MOST_ROWS = 10, 50


def draw(block: Block) -> Markup:
    """Return a panel's content.

    Raises
    ------
    store.StoreError
        If what it shows cannot be asked for any more.
    """
    drawers = {"curves": report_curves.draw, "compare": _compare, "runs": _runs, "sql": _sql}
    return drawers[block.page](block)


def _compare(block: Block) -> Markup:
    runs = explorer.rows(split(block.first("runs"))[:_MOST_RUNS])
    if not runs:
        return _nothing("None of its runs is in this store any more.")
    ids = [run["run_id"] for run in runs]
    base = block.first("base") if block.first("base") in ids else ids[0]
    rows = comparing.metric_rows(data.series(ids).to_pylist(), ids, base)
    heads = [element("th", "Metric", scope="col")]
    heads += [
        element("th", markup.letter(place), name, scope="col", cls="num")
        for place, name in enumerate(explorer.names(runs))
    ]
    body = []
    for row in rows[:_MOST_ROWS]:
        cells = [_compared(cell) for cell in row.cells]
        arrow = {"max": " ↑", "min": " ↓"}.get(row.goal or "", "")
        body.append(element("tr", element("th", f"{row.name}{arrow}", scope="row"), *cells))
    return markup.table(heads, body, label="Metrics side by side")


def _compared(cell: comparing.Cell) -> Markup:
    value = element("span", formats.number(cell.value), cls="best" if cell.is_best else "")
    if cell.delta is None:
        return element("td", value, cls="num")
    words = tables.delta_words(cell.delta, None)
    return element("td", value, " ", element("span", words, cls=f"delta {cell.verdict}"), cls="num")


def _runs(block: Block) -> Markup:
    project = block.first("project")
    text = data.within(None if project in {"", "All projects"} else project, block.first("q"))
    order = block.first("sort") or "created_at desc"
    first = data.runs(text, order)
    series = data.series(first.column("run_id").to_pylist()).to_pylist()
    metrics = tables.key_metrics(series)
    columns = [tables.metric_column(metric.name) for metric in metrics]
    rows = data.runs(text, order, columns=columns).to_pylist()
    names = ["Run", "Status", "Model", *(m.label for m in metrics), "Duration"]
    right = {metric.label for metric in metrics}
    heads = [element("th", name, scope="col", cls="num" if name in right else "") for name in names]
    body = [
        element(
            "tr",
            element("th", row["name"] or row["run_id"], scope="row", cls="who"),
            element("td", markup.status(row["status"])),
            element("td", row["model"] or formats.DASH),
            *(
                element("td", formats.number(row[column]), cls="num", data_label=metric.name)
                for metric, column in zip(metrics, columns, strict=True)
            ),
            element("td", formats.duration(row["duration_s"])),
        )
        for row in rows[:_MOST_ROWS]
    ]
    return Markup(
        markup.table(heads, body, label="Runs", stacks=True) + _more(data.count_runs(text))
    )


def _sql(block: Block) -> Markup:
    result = data.sql(block.first("query"), max_rows=_MOST_ROWS)
    heads = [element("th", name, scope="col") for name in result.column_names]
    body = [
        element("tr", *(element("td", formats.value(value)) for value in row.values()))
        for row in result.to_pylist()
    ]
    return markup.table(heads, body, label="Result of a query")


def _more(total: int) -> Markup:
    if total <= _MOST_ROWS:
        return Markup()
    return element("p", f"The first {_MOST_ROWS} of {total:,}.", cls="missing")


def _nothing(sentence: str) -> Markup:
    return element("p", sentence, cls="missing")
