"""Disk & trash: what takes the space, what may go, and the way back."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
import streamlit as st

import store
from dashboard import (
    cards,
    components,
    data,
    disk_data,
    doing,
    formats,
    frame,
    markup,
    navigation,
    theme,
)
from dashboard.disk_data import Disk
from dashboard.markup import element
from dashboard.picking import Picker
from dashboard.views.plots import mode, plot
from store import gc, trash
from store.backup import delete_backups
from store.disk_usage import HEAVY_KINDS, KINDS, as_text
from store.layout import Home

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_ROWS = 200
_TO_TRASH = "Move runs to the trash"
_largest = Picker("disk_runs", "run")
_in_trash = Picker("disk_trash", "gone")


def page() -> None:
    """Draw the page."""
    disk = disk_data.look()
    project = frame.title("Disk & trash", f"What {data.home()} takes, and what may go.")
    doing.say()
    components.sheet(_tiles(disk), key="disk_tiles")
    runs = disk_data.of_project(disk.runs, project)
    if runs.num_rows:
        _space(runs)
        _clean_up(project)
    else:
        cards.card("No runs", "There is nothing to delete.", icon="hard_drive")
    _trash()
    _database(disk)
    frame.pulse(disk_data.signature, is_running=False)


def _do(write: Callable[[store.Store], object], done: str = "") -> bool:
    done_it = doing.succeeded(data.change, write, done=done)
    disk_data.look_again()
    return done_it


def _tell(sentence: str) -> None:
    doing.attempt(lambda: None, done=sentence)


def _tiles(disk: Disk) -> markup.Markup:
    parts = disk.parts
    tiles = [
        markup.tile("In all", as_text(parts["total"]), f"{as_text(disk.free)} are free"),
        markup.tile("Runs", as_text(parts["runs"]), f"{disk.runs.num_rows:,} folders"),
        markup.tile("Database", as_text(parts["database"]), "an index, can be made anew"),
        markup.tile("Trash", as_text(parts["trash"]), "until it is emptied"),
    ]
    others = {
        "Shared artifacts": parts["shared artifacts"],
        "Releases": parts["releases"],
        "Old databases": parts["backups"],
    }
    tiles += [markup.tile(name, as_text(size), "") for name, size in others.items() if size]
    return element("div", *tiles, cls="tiles")


def _space(runs: "pa.Table") -> None:
    st.subheader("What takes the space", anchor=False)
    sums = disk_data.by_project(runs)
    told = ", ".join(f"{name} {as_text(sum(kinds.values()))}" for name, kinds in sums.items())
    plot(disk_data.chart(sums, mode=mode()), key="disk_chart", alt=f"Bytes by project: {told}")
    shown = runs.slice(0, _MOST_ROWS)
    ids = shown["run_id"].to_pylist()
    picked = _largest.place(ids)
    rows = shown.select(["name", "total", *KINDS, "status", "project", "pinned", "created_at"])
    table = rows.to_pandas()
    table["status"] = [[theme.status(word).label] for word in table["status"]]
    shown_columns = [name for name in table if name not in KINDS or table[name].any()]
    st.dataframe(
        _with_units(table.loc[:, shown_columns]),
        key=_largest.table,
        on_select=_largest.keep,
        selection_mode="multi-row",
        hide_index=True,
        height="content" if len(ids) <= 8 else 340,
        column_config=_columns(),
        alt=f"The {len(ids)} largest runs",
    )
    if picked:
        _run_actions(picked)
    else:
        more = f"The largest {_MOST_ROWS} of {runs.num_rows:,}. "
        st.caption(
            f"{more if runs.num_rows > _MOST_ROWS else ''}Tick runs to open, pin or delete them."
        )


def _with_units(table: pd.DataFrame) -> Any:
    """Write sizes as `7.6 MB`; they are sorted as numbers."""
    sizes = [name for name in table if name in {"total", "frees", *KINDS}]
    return cast("Any", table.style).format(as_text, subset=sizes, na_rep=formats.DASH)


def _columns() -> dict[str, Any]:
    config = st.column_config
    labels = [status.label for status in theme.STATUSES.values()]
    colours = [status.colour for status in theme.STATUSES.values()]
    sizes = {
        kind: config.NumberColumn(word.capitalize(), width=100)
        for kind, word in disk_data.KIND_WORDS.items()
    }
    return {
        "name": config.TextColumn("Run"),
        "project": config.TextColumn("Project"),
        "status": config.MultiselectColumn("Status", options=labels, color=colours, width=110),
        "total": config.NumberColumn("In all", width=100),
        "pinned": config.CheckboxColumn("Pinned", width=70),
        "created_at": config.DatetimeColumn(
            "Started", format="D MMM, HH:mm", timezone=st.context.timezone, width=120
        ),
        **sizes,
    }


def _run_actions(picked: Sequence[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="disk_actions"):
        st.markdown(f"**{len(picked)} selected**", width="content")
        if st.button("Open run", icon=":material/open_in_full:", disabled=len(picked) != 1):
            navigation.go("run", {"id": picked[0]})
        for label, icon, pinned in (("Pin", "keep", True), ("Unpin", "keep_off", False)):
            st.button(
                label,
                icon=f":material/{icon}:",
                on_click=_pin,
                args=(picked,),
                kwargs={"pinned": pinned},
                help="A pinned run is never deleted." if pinned else None,
            )
        st.button("Move to trash", icon=":material/delete:", on_click=_put_to_trash, args=(picked,))


def _pin(picked: Sequence[str], *, pinned: bool) -> None:
    def write(s: store.Store) -> None:
        for run_id in picked:
            s.edit_run(run_id, pinned=pinned)

    _do(write)


def _put_to_trash(picked: Sequence[str]) -> None:
    if _do(lambda s: trash.trash(s, picked), f"{_runs(len(picked))} moved to the trash."):
        _largest.clear()


def _clean_up(project: str | None) -> None:
    st.subheader("Clean up by rules", anchor=False)
    st.caption("Whatever the rules say: running, released and pinned runs stay as they are.")
    with st.container(horizontal=True, vertical_alignment="bottom", key="disk_rules"):
        best = st.number_input("Keep the best", 0, 1000, 0, key="disk_best", width=130)
        metric = st.selectbox("by metric", disk_data.metrics(project), key="disk_metric", width=170)
        last = st.number_input("Keep the newest", 0, 10_000, 0, key="disk_last", width=150)
        only = st.text_input(
            "Only runs that match", key="disk_only", placeholder="status = failed", width=230
        )
        wishes = [_TO_TRASH, *(f"Delete their {kind}" for kind in HEAVY_KINDS)]
        wish = st.selectbox("What to do with the rest", wishes, key="disk_wish", width=230)
    dropped = () if wish == _TO_TRASH else (HEAVY_KINDS[wishes.index(wish) - 1],)
    if not (best and metric) and not last and not only.strip():
        st.caption("Set a rule to see which runs would go; best and newest count in each project.")
        return
    rules = gc.Rules(
        keep_best=((int(best), metric),) if best and metric else (),
        keep_last=int(last) or None,
        only=data.within(project, only),
    )
    try:
        decisions = disk_data.preview(rules, project)
    except store.StoreError as error:
        st.warning(markup.plain(str(error)), icon=":material/error:")
        return
    _preview(decisions, dropped)


def _preview(decisions: Sequence[gc.Decision], dropped: Sequence[str]) -> None:
    found = gc.totals(decisions, dropped)
    goes, stays = found["goes"], found["stays"]
    config = st.column_config
    st.dataframe(
        _with_units(disk_data.preview_frame(decisions, dropped)),
        hide_index=True,
        height="content" if len(decisions) <= 8 else 320,
        placeholder=formats.DASH,
        column_config=_columns()
        | {
            "fate": config.TextColumn("", width=60),
            "frees": config.NumberColumn("Frees", width=100),
            "why": config.TextColumn("Why", width="large"),
        },
        alt=f"{goes['runs']} runs would go, {stays['runs']} would stay",
    )
    count, size = _runs(goes["runs"]), as_text(goes["bytes"])
    with st.container(horizontal=True, vertical_alignment="center", key="disk_clean"):
        what = f"Delete the {dropped[0]} of {count}" if dropped else f"Move {count} to the trash"
        if not dropped:
            st.button(
                f"{what} ({size})",
                icon=":material/delete:",
                type="primary",
                disabled=not goes["runs"],
                on_click=_clean,
                args=(decisions, dropped),
            )
        else:
            with st.popover(f"{what} ({size})…", disabled=not goes["runs"]):
                st.markdown("They cannot be restored. The runs and their curves stay.")
                st.button("Delete", type="primary", on_click=_clean, args=(decisions, dropped))


def _clean(decisions: Sequence[gc.Decision], dropped: Sequence[str]) -> None:
    count = _runs(sum(one.goes for one in decisions))
    done = f"{count} without {dropped[0]} now." if dropped else f"{count} moved to the trash."
    _do(lambda s: gc.clean(s, decisions, dropped), done)


def _trash() -> None:
    items = disk_data.trashed()
    st.subheader("Trash", anchor=False)
    if not items:
        st.caption("It is empty. Runs that are deleted wait here until it is emptied.")
        return
    picked = _in_trash.place([item.run_id for item in items])
    rows = [
        {
            "name": item.name or item.run_id,
            "project": item.project,
            "total": item.size_bytes,
            "created_at": item.trashed_at,
        }
        for item in items
    ]
    st.dataframe(
        _with_units(pd.DataFrame(rows)),
        key=_in_trash.table,
        on_select=_in_trash.keep,
        selection_mode="multi-row",
        hide_index=True,
        height="content" if len(items) <= 8 else 340,
        column_config=_columns()
        | {
            "created_at": st.column_config.DatetimeColumn(
                "Since", format="D MMM, HH:mm", timezone=st.context.timezone, width=120
            )
        },
        alt=f"{len(items)} runs in the trash",
    )
    chosen = picked or [item.run_id for item in items]
    size = as_text(sum(item.size_bytes for item in items if item.run_id in set(chosen)))
    with st.container(horizontal=True, vertical_alignment="center", key="trash_actions"):
        which = f"{len(picked)} selected" if picked else f"all {len(items)}"
        st.button(
            f"Restore {which}",
            icon=":material/restore_from_trash:",
            on_click=_restore,
            args=(chosen,),
        )
        with st.popover(f"Delete {which} for good…", icon=":material/delete_forever:"):
            st.markdown(f"**{_runs(len(chosen))}, {size}.** Nobody can bring them back then.")
            st.button("Delete for good", type="primary", on_click=_empty, args=(chosen,))


def _restore(chosen: Sequence[str]) -> None:
    if _do(lambda s: trash.restore(s, chosen), f"{_runs(len(chosen))} restored."):
        _in_trash.clear()


def _empty(chosen: Sequence[str]) -> None:
    answer: dict[str, int] = {}
    if _do(lambda s: answer.update(gc.empty_trash(s, chosen))):
        _in_trash.clear()
        saved = answer["freed_bytes"] + max(0, answer["before_bytes"] - answer["after_bytes"])
        _tell(f"{as_text(saved)} are free again.")


def _database(disk: Disk) -> None:
    st.subheader("Database", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", key="disk_database"):
        st.button("Shrink the database", icon=":material/compress:", on_click=_shrink)
        if disk.backups:
            size = as_text(disk.parts["backups"])
            with st.popover(f"Delete old databases ({size})…", icon=":material/delete_sweep:"):
                st.markdown(
                    f"{', '.join(f'`{name}`' for name in disk.backups)}: kept when the tables "
                    "changed or were made anew. They are not needed while the store is well."
                )
                st.button("Delete them", type="primary", on_click=_delete_backups)
    st.caption(
        "Shrinking writes it anew without what was deleted. Runs that train are not affected, and "
        "questions are answered meanwhile."
    )


def _shrink() -> None:
    sizes: dict[str, int] = {}
    if _do(lambda s: sizes.update(s.act("shrink"))):
        before, after = as_text(sizes["before_bytes"]), as_text(sizes["after_bytes"])
        _tell(f"The database took {before}, now {after}.")


def _delete_backups() -> None:
    freed: list[int] = []
    doing.attempt(lambda: freed.append(delete_backups(Home.locate(data.home()))))
    disk_data.look_again()
    _tell(f"{as_text(sum(freed))} are free again.")


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"
