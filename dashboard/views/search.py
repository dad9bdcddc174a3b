"""Search: all studies, and the form that makes a new one from a model's settings."""

from typing import TYPE_CHECKING, Any

import streamlit as st

import store
from dashboard import (
    cards,
    data,
    formats,
    frame,
    launch_form,
    markup,
    navigation,
    space_form,
    state,
    study_data,
)
from dashboard.components import sheet
from dashboard.launch_form import Form
from dashboard.markup import Markup, element
from dashboard.study_words import PRUNERS, SAMPLERS, as_yaml
from experiments import launching, studies
from experiments.errors import ExperimentError
from experiments.search import search_spec
from experiments.search.search_spec import StudySpec, StudySpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TITLES = {"model": "Model", "training": "Training", "data": "Data"}
_METRICS = ("val/f1", "val/acc", "val/loss", "cost.latency_p95_ms", "parameters")
_GOALS = {"max": "as large as possible", "min": "as small as possible"}
_SINGLE_PRUNERS = [kind for kind in PRUNERS if kind != "wilcoxon"]


def page() -> None:
    """Draw the page."""
    project = frame.title("Search", "Let Optuna choose the next values; every trial is a full run.")
    if st.query_params.get("new") is not None:
        _new(project)
        return
    rows = [row for row in study_data.listed() if project in {None, row["project"]}]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "New search",
            type="primary",
            icon=":material/add:",
            on_click=_begin,
            args=("preset:cnn_mnist",),
        )
        running = sum(row["running"] > 0 for row in rows)
        if rows:
            ending = "y" if len(rows) == 1 else "ies"
            st.caption(f"{len(rows)} stud{ending}, {running} with trials that run")
    if rows:
        _list(rows)
    else:
        cards.card(
            "No search yet",
            "A search varies the settings that you choose and learns from each trial which values "
            "to try next. Start one here, or with `bakeoff search digits_quick`.",
            icon="query_stats",
        )
    frame.pulse(frame.version, is_running=running > 0)


def _begin(source: str) -> None:
    st.query_params["new"] = "1"
    state.put("from", source)


def _list(rows: list[dict[str, Any]]) -> None:
    names = (
        "Study",
        "State",
        "Trials",
        "Best",
        "Pruned",
        "Failed",
        "Model",
        "Method",
        "Last change",
    )
    heads = [element("th", name, scope="col") for name in names]
    zone = st.context.timezone
    lines = []
    for row in rows:
        method = SAMPLERS.get(row["sampler"], ""), PRUNERS.get(row["pruner"], "")
        done = row["complete"] + row["pruned"] + row["failed"]
        arrow = "↑" if row["goal"] == "max" else "↓"
        best = formats.DASH if row["best"] is None else f"{formats.number(row['best'])} {arrow}"
        more = f" and {row['num_objectives'] - 1} more" if row["num_objectives"] > 1 else ""
        cells = [
            element("td", _state(row)),
            element("td", f"{done:,} of {max(row['n_trials'], row['started']):,}"),
            element("td", best, element("small", f" {row['objective']}{more}")),
            element("td", formats.number(row["pruned"]), data_label="pruned"),
            element("td", formats.number(row["failed"]), data_label="failed"),
            element("td", f"{row['model']} on {row['data']}"),
            element("td", ", ".join(method)),
            element(
                "td", markup.moment(formats.moment(row["changed_at"], zone), row["changed_at"])
            ),
        ]
        link = element("a", row["name"], href=f"study?id={row['study']}", data_run=row["study"])
        head = element("th", link, scope="row")
        lines.append(element("tr", head, *cells))
    sheet(
        markup.table(heads, lines, label="Studies", stacks=True),
        key="search_list",
        on_open=lambda study_id: navigation.go("study", {"id": study_id}),
    )


def _state(row: "Mapping[str, Any]") -> Markup | str:
    word = "running" if row["running"] else row["state"]
    return "○ created" if word == "created" else markup.status(word)


def _new(project: str | None) -> None:
    try:
        origin = launch_form.read_origin(st.query_params.get("from", ""), project)
    except (ExperimentError, store.RunNotFoundError) as error:
        cards.card("Nothing to start from", markup.plain(error), icon="search_off")
        st.button("Start from a preset", on_click=_begin, args=("preset:cnn_mnist",))
        return
    form = launch_form.fill(origin, st.query_params.get_all("set"))
    left, right = st.columns([5, 3], gap="large")
    with left:
        scope = _source(form)
        _spaces(form, scope)
    with right:
        mapping = _settings(form, scope)
        _start(mapping)


def _source(form: Form) -> str:
    titles = {"": "Defaults"} | {f"preset:{n}": n for n in launch_form.preset_names()}
    if form.origin.source not in titles:
        titles = {form.origin.source: form.origin.title.capitalize(), **titles}
    first, second, third = st.columns(3, gap="small")
    state.seed("search_from", form.origin.source)
    with first:
        st.selectbox(
            "Start from",
            list(titles),
            format_func=lambda source: titles.get(str(source), str(source)),
            key="search_from",
            on_change=lambda: _restart(st.session_state["search_from"]),
            help="A preset, or the defaults. What the search does not vary stays as it is there.",
        )
    with second:
        _kind(form, "data.kind", "Data", launching.data_kinds())
    with third:
        _kind(form, "model.kind", "Model", launching.model_kinds(str(form.values["data.kind"])))
    return f"space:{form.origin.source}:{form.values['data.kind']}:{form.values['model.kind']}"


def _restart(source: str) -> None:
    state.put("from", source)
    if "set" in st.query_params:
        del st.query_params["set"]


def _kind(form: Form, name: str, label: str, titles: dict[str, str]) -> None:
    key = f"search:{name}"
    state.seed(key, form.values[name])

    def change() -> None:
        st.query_params["set"] = launch_form.changed(form, name, st.session_state[key])

    st.selectbox(
        label,
        list(titles),
        format_func=lambda kind: titles.get(str(kind), str(kind)),
        key=key,
        on_change=change,
        help=f"`{name}`",
    )


def _spaces(form: Form, scope: str) -> None:
    for section, (worth, rest) in space_form.split(form.cards).items():
        with st.container(border=True, key=f"search_{section}"):
            st.subheader(_TITLES[section], anchor=False)
            for card in worth:
                varied = card.name in {"training.lr", "model.dropout", "model.hidden"}
                space_form.draw(card, form.values[card.name], varied=varied, scope=scope)
            if rest:
                with st.expander(f"{len(rest)} more", key=f"search_more_{section}"):
                    for card in rest:
                        space_form.draw(card, form.values[card.name], varied=False, scope=scope)


def _settings(form: Form, scope: str) -> dict[str, Any]:
    fixed, space = space_form.read(form.cards, form.values, scope=scope)
    with st.container(border=True, key="search_goal"):
        st.subheader("What counts", anchor=False)
        name = st.text_input("Name", f"{form.values['model.kind']} search", key="search_name")
        objectives = _objectives()
        constraints = st.text_input(
            "Limits to keep",
            key="search_limits",
            placeholder="cost.latency_p95_ms <= 20, parameters <= 1e6",
            help="The best trial is chosen among those that keep them. Commas between limits.",
        )
    with st.container(border=True, key="search_method"):
        st.subheader("How", anchor=False)
        method = _method(len(objectives) > 1)
    return {
        "name": name,
        "base": launching.nested(fixed),
        "space": space,
        "objectives": objectives,
        "constraints": [part.strip() for part in constraints.split(",") if part.strip()],
        **method,
    }


def _objectives() -> list[dict[str, Any]]:
    objectives = []
    first, second = st.columns(2)
    with first:
        metric = st.selectbox(
            "Objective",
            _METRICS,
            key="search_metric",
            accept_new_options=True,
            help="A metric of the validation data, or a recorded fact.",
        )
    guess = search_spec.goal_of(str(metric))
    with second:
        goal = st.selectbox(
            "shall be",
            list(_GOALS),
            index=list(_GOALS).index(guess),
            format_func=lambda g: _GOALS[str(g)],
            key=f"search_goal_{metric}",
        )
    objectives.append({"metric": str(metric), "goal": goal})
    others = st.multiselect(
        "Further objectives",
        [m for m in _METRICS if m != metric],
        key="search_more_metrics",
        accept_new_options=True,
        placeholder="none: one number decides",
        help="With several, the search looks for the trials that no other beats in all.",
    )
    objectives += [{"metric": m, "goal": search_spec.goal_of(m)} for m in others]
    return objectives


def _method(is_multi: bool) -> dict[str, Any]:
    left, right = st.columns(2)
    with left:
        samplers = [k for k in SAMPLERS if not (is_multi and k == "cmaes")]
        sampler = st.selectbox(
            "Sampler",
            samplers,
            format_func=lambda k: SAMPLERS[str(k)],
            key="search_sampler",
            help="TPE suits most searches; the Gaussian process few, costly trials; NSGA several "
            "objectives; the grid needs steps or choices for everything.",
        )
        trials = st.number_input("Trials", min_value=1, value=20, step=5, key="search_trials")
        seeds = st.number_input(
            "Seeds per trial",
            min_value=1,
            max_value=100,
            value=1,
            key="search_seeds",
            help="Runs per trial, one after the other; their mean counts. With several the pruner "
            "looks after each seed, with one after each epoch.",
        )
    with right:
        pruners = ["none"] if is_multi else list(PRUNERS) if seeds > 1 else _SINGLE_PRUNERS
        pruner = st.selectbox(
            "Pruner",
            pruners,
            format_func=lambda k: PRUNERS[str(k)],
            key="search_pruner",
            help="Stops trials that do badly. Needs one objective; Wilcoxon needs several seeds.",
        )
        workers = st.number_input(
            "Workers",
            min_value=1,
            max_value=1000,
            value=1,
            key="search_workers",
            help="Trials at the same time; the queue's slots limit them too.",
        )
        minutes = st.number_input(
            "Time limit (minutes)",
            min_value=0.0,
            value=0.0,
            step=30.0,
            format="%g",
            key="search_minutes",
            help="No new trial after so long. 0: no limit.",
        )
    return {
        "sampler": str(sampler),
        "pruner": str(pruner),
        "n_trials": int(trials),
        "seeds": int(seeds),
        "workers": int(workers),
        "timeout_s": float(minutes) * 60,
    }


def _start(mapping: dict[str, Any]) -> None:
    spec, problems = _checked(mapping)
    with st.container(border=True, key="search_start"):
        if spec is not None:
            count, runs = len(spec.space), spec.n_trials * spec.seeds
            st.caption(f"{count} setting{'s' if count > 1 else ''} varied, up to {runs:,} runs.")
        for problem in problems:
            st.markdown(f":red[:material/error: {markup.plain(problem)}]")
        if st.button(
            "Start the search",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            disabled=spec is None,
            key="search_go",
        ):
            assert spec is not None  # noqa: S101  # the button is disabled without one
            try:
                made = studies.create(data.home(), spec)
            except (ExperimentError, store.StoreError) as error:
                st.error(markup.plain(error))
            else:
                navigation.go("study", {"id": made.id})
        if spec is not None:
            with st.expander("As a file for the command line"):
                st.caption("`bakeoff search FILE.yaml` does the same.")
                st.code(as_yaml(spec), language="yaml", height=300)
        st.button("All studies", type="tertiary", icon=":material/arrow_back:", on_click=_back)


def _back() -> None:
    for key in ("new", "from", "set"):
        if key in st.query_params:
            del st.query_params[key]


def _checked(mapping: dict[str, Any]) -> tuple[StudySpec | None, tuple[str, ...]]:
    try:
        return search_spec.load_study(mapping), ()
    except StudySpecError as error:
        return None, error.problems
    except ExperimentError as error:
        return None, (str(error),)
