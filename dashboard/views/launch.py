"""Launch: a form made from the configuration of the chosen data, model and training."""

from typing import TYPE_CHECKING, Any

import streamlit as st

import store
from dashboard import (
    cards,
    data,
    formats,
    forms,
    frame,
    launch_form,
    markup,
    navigation,
    queue_rows,
    state,
)
from dashboard.components import sheet
from dashboard.launch_form import Form
from dashboard.markup import element
from experiments import launching, own_presets, queue
from experiments.errors import ExperimentError

if TYPE_CHECKING:
    from trainers.fields import FieldCard

_TITLES = {"about": "About", "data": "Data", "model": "Model", "training": "Training"}
_COLUMNS, _MOST_COLUMNS = 3, 4
_MOST_PRIORITY = 100


def page() -> None:
    """Draw the page."""
    project = frame.title("Launch", "Train one model, or the same one with several seeds.")
    form = _form(project)
    if form is None:
        return
    left, right = st.columns([5, 3], gap="large")
    with left:
        _kinds(form)
        for section, (common, rest) in launch_form.sections(form.cards).items():
            _section(form, section, common, rest)
    with right:
        _start(form)
    queue.prepare(data.home())


def _form(project: str | None) -> Form | None:
    source = st.query_params.get("from", "")
    try:
        origin = launch_form.read_origin(source, project)
    except (ExperimentError, store.RunNotFoundError) as error:
        cards.card("Nothing to start from", markup.plain(error), icon="search_off")
        st.button("Start from the defaults", on_click=_begin, args=("",))
        return None
    return launch_form.fill(origin, st.query_params.get_all("set"))


def _begin(source: str) -> None:
    """Start from somewhere else; what was changed by hand is given up."""
    state.put("from", source)
    _put_changes([])


def _put_changes(changes: list[str]) -> None:
    if changes:
        st.query_params["set"] = changes
    elif "set" in st.query_params:
        del st.query_params["set"]


def _kinds(form: Form) -> None:
    start, learn, model = st.columns(3, gap="small")
    with start:
        _source(form)
    all_data = launching.data_kinds()
    with learn:
        _kind(form, "data.kind", "Data", all_data)
    with model:
        _kind(form, "model.kind", "Model", launching.model_kinds(str(form.values["data.kind"])))


def _source(form: Form) -> None:
    titles = {"": "Defaults"}
    titles |= {f"preset:{name}": name for name in launch_form.preset_names()}
    if form.origin.source not in titles:
        titles = {form.origin.source: form.origin.title.capitalize(), **titles}
    state.seed("launch_from", form.origin.source)
    st.selectbox(
        "Start from",
        list(titles),
        format_func=lambda source: titles.get(str(source), str(source)),
        key="launch_from",
        on_change=lambda: _begin(st.session_state["launch_from"]),
        help="A preset, or the defaults. **Clone** on a run's page starts from that run.",
    )


def _kind(form: Form, name: str, label: str, titles: dict[str, str]) -> None:
    key = f"launch:{name}"
    state.seed(key, form.values[name])
    st.selectbox(
        label,
        list(titles),
        format_func=lambda kind: titles.get(str(kind), str(kind)),
        key=key,
        on_change=lambda: _put_changes(launch_form.changed(form, name, st.session_state[key])),
        help=f"`{name}`. Models that cannot read the data are not offered.",
    )


def _section(form: Form, section: str, common: "list[FieldCard]", rest: "list[FieldCard]") -> None:
    if not common and not rest:
        return
    with st.container(border=True, key=f"launch_{section}"):
        st.subheader(_TITLES[section], anchor=False)
        _grid(form, common)
        if rest:
            _folded(form, section, rest)


def _folded(form: Form, section: str, rest: "list[FieldCard]") -> None:
    names = {card.name for card in rest}
    count = len(names & form.changed.keys())
    note = f", {count} changed" if count else ""
    has_problem = bool(names & form.checked.problems.keys())
    label = f"{len(rest)} more setting{'s' if len(rest) > 1 else ''}{note}"
    with st.expander(label, expanded=has_problem, key=f"launch_more_{section}"):
        _grid(form, rest)


def _grid(form: Form, listed: "list[FieldCard]") -> None:
    width = _MOST_COLUMNS if len(listed) == _MOST_COLUMNS else _COLUMNS
    for first in range(0, len(listed), width):
        for column, card in zip(st.columns(width), listed[first : first + width], strict=False):
            with column:
                _field(form, card)


def _field(form: Form, card: "FieldCard") -> None:
    key = f"launch:{card.name}"
    value = form.values[card.name]
    state.seed(key, forms.shown(card, value))
    change = form.changed.get(card.name)
    before = formats.value(change.before) if change else ""
    forms.draw(
        card,
        value,
        key=key,
        on_change=lambda: _put_changes(launch_form.changed(form, card.name, forms.read(card, key))),
        problem=form.checked.problems.get(card.name, ""),
        note=f":blue[was {markup.plain(before or 'empty')}]" if change else "",
    )


def _start(form: Form) -> None:
    with st.container(border=True, key="launch_start"):
        st.subheader("What starts", anchor=False)
        _differences(form)
        seeds = _options(form)
        _say_problems(form)
        is_ready = form.checked.spec is not None
        word = "Start" if seeds == 1 else f"Start {seeds} runs"
        if st.button(
            word,
            type="primary",
            icon=":material/play_arrow:",
            disabled=not is_ready,
            help=None if is_ready else "Correct what is marked first.",
            width="stretch",
            key="launch_go",
        ):
            _launch(form, seeds)
        st.caption(queue_rows.next_start(queue_rows.board(data.home())))
        _more(form, seeds)


def _differences(form: Form) -> None:
    origin = form.origin.title
    if form.left_out:
        listed = ", ".join(map(markup.plain, form.left_out[:6]))
        st.markdown(
            f":orange[:material/warning: Left out, because nothing here knows them: {listed}"
            f"{' …' if len(form.left_out) > 6 else ''}.]"
        )
    if not form.changes:
        again = " It repeats that run exactly." if form.origin.run_id else ""
        st.caption(f"As in {markup.plain(origin)}: nothing changed.{again}")
        return
    head = [element("th", name, scope="col") for name in ("Setting", "Was", "Is")]
    rows = [
        element(
            "tr",
            element("th", change.name, scope="row"),
            element("td", _shown(change.before), cls="wrap"),
            element("td", element("b", _shown(change.after)), cls="wrap"),
        )
        for change in form.changes
    ]
    count = len(form.changes)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{count} difference{'s' if count > 1 else ''} to {markup.plain(origin)}")
        st.space("stretch")
        st.button("Undo all", type="tertiary", on_click=_put_changes, args=([],))
    sheet(markup.table(head, rows, label=f"Differences to {origin}"), key="launch_differences")


def _shown(value: Any) -> str:
    return formats.DASH if value in (None, "", []) else formats.value(value)


def _options(form: Form) -> int:
    left, right = st.columns(2)
    with left:
        seeds = st.number_input(
            "Seeds",
            min_value=1,
            max_value=launching.MOST_SEEDS,
            key="seeds",
            bind="query-params",
            help="Starts the same configuration so many times, with seeds that follow each other, "
            "as one group. Three or more tell a better recipe from luck.",
        )
        st.number_input(
            "Time budget (minutes)",
            min_value=0.0,
            value=0.0,
            step=5.0,
            format="%g",
            key="minutes",
            bind="query-params",
            help="The queue stops a run after this time, gracefully. 0: no limit.",
        )
    with right:
        st.number_input(
            "Priority",
            min_value=-_MOST_PRIORITY,
            max_value=_MOST_PRIORITY,
            value=0,
            key="priority",
            bind="query-params",
            help="Higher goes first; equal ones in the order in which they came.",
        )
        st.number_input(
            "GPUs",
            min_value=0,
            max_value=64,
            value=None,
            placeholder="automatic",
            key="gpus",
            bind="query-params",
            help="GPUs that each run gets. 0 trains on the CPU.",
        )
    _say_group(form, seeds)
    return seeds


def _say_group(form: Form, seeds: int) -> None:
    join = form.group_to_join()
    typed = form.values.get("group")
    if typed or (seeds == 1 and not join):
        return
    if join:
        st.caption(f"Joins the group **{markup.plain(join)}**: only the seed differs.")
    elif seeds > 1:
        first = form.values.get("seed")
        last = first + seeds - 1 if isinstance(first, int) else "…"
        st.caption(f"One group, seeds {first} to {last}.")


def _say_problems(form: Form) -> None:
    for sentence in form.checked.general:
        st.markdown(f":red[:material/error: {markup.plain(sentence)}]")
    marked = len(form.checked.problems)
    if marked:
        which = "One setting needs" if marked == 1 else f"{marked} settings need"
        st.markdown(f":red[:material/error: {which} a correction.]")


def _launch(form: Form, seeds: int) -> None:
    spec = form.checked.spec
    if spec is None:
        return
    try:
        started = launching.submit(
            data.home(),
            launching.seeded(spec, seeds, group=spec.group or form.group_to_join()),
            priority=int(st.session_state.get("priority") or 0),
            budget_s=(st.session_state.get("minutes") or 0) * 60 or None,
            gpus=st.session_state.get("gpus"),
            cloned_from=form.origin.run_id,
        )
    except (ExperimentError, store.StoreError) as error:
        st.error(markup.plain(error), icon=":material/error:")
        return
    navigation.go("queue", {"new": ",".join(job.id for job in started)})


def _more(form: Form, seeds: int) -> None:
    with st.expander("Save as a preset, or start from the command line"):
        name = st.text_input("Preset name", key="launch_preset", placeholder="my-cnn")
        replace = st.checkbox("Replace the one of that name", key="launch_replace")
        if st.button(
            "Save preset",
            disabled=form.checked.spec is None or not name.strip(),
            icon=":material/bookmark_add:",
        ):
            _save(form, name.strip(), replace=replace)
        if form.origin.source:
            st.caption("The same from a terminal:")
            st.code(launch_form.command(form, seeds=seeds), language="bash", wrap_lines=True)


def _save(form: Form, name: str, *, replace: bool) -> None:
    if form.checked.spec is None:
        return
    try:
        own_presets.save_preset(data.home(), name, form.checked.spec, replace=replace)
    except (ExperimentError, store.StoreError) as error:
        st.markdown(f":red[:material/error: {markup.plain(error)}]")
        return
    st.success(
        f"Saved. It is in **Start from**, and `bakeoff train {name}` trains it.",
        icon=":material/bookmark_added:",
    )
