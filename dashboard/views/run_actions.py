"""What can be done with a run from its page: clone, compare, edit, pin, stop, resume, remove."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import data, doing, navigation
from dashboard.views import run_variants
from experiments import queue, run_actions
from experiments.queueing.jobs import Job
from store import trash


def draw(run: Mapping[str, Any]) -> None:
    """Draw the buttons of the page's head."""
    job = _job(run["run_id"])
    if st.button("Clone…", icon=":material/content_copy:", help="A new run from this one's form."):
        navigation.go("launch", {"from": f"run:{run['run_id']}"})
    if st.button("Compare with…", icon=":material/compare_arrows:"):
        navigation.go("compare", {"runs": run["run_id"], "project": ""})
    if job is not None:
        _job_button(job)
    if run_variants.can_have(run):
        with st.popover("Variant", icon=":material/compress:", help="A smaller model of this run."):
            run_variants.draw(run)
    with st.popover("Edit", icon=":material/edit:"):
        _edit(run)


def _job(run_id: str) -> Job | None:
    """Return the last job that worked on a run."""
    mine = [job for job in queue.jobs(data.home()) if job.run_id == run_id]
    return mine[-1] if mine else None


def _job_button(job: Job) -> None:
    if job.state.is_active or job.state.value == "queued":
        st.button(
            "Stop now" if job.is_stopping else "Stop",
            icon=":material/stop:",
            on_click=doing.attempt,
            args=(queue.stop, data.home(), job.id),
            kwargs={"hard": job.is_stopping},
            disabled=job.wanted == "kill",
            help="Saves a checkpoint and ends; a second click ends it at once.",
        )
    elif job.state.value != "finished":
        st.button(
            "Resume",
            icon=":material/resume:",
            on_click=doing.attempt,
            args=(queue.resume, data.home(), job.id),
            kwargs={"done": "It goes on as soon as a slot is free."},
            help="Goes on from the last checkpoint.",
        )


def _edit(run: Mapping[str, Any]) -> None:
    name = st.text_input("Name", value=run["name"] or "", key="edit_name", max_chars=200)
    before = list(run["tags"] or [])
    tags = st.multiselect("Tags", before, default=before, accept_new_options=True, key="edit_tags")
    notes = st.text_area("Notes (Markdown)", value=run["notes"] or "", key="edit_notes", height=140)
    st.button(
        "Save",
        type="primary",
        on_click=lambda: doing.attempt(_save, run, name, tags, notes, done="Saved."),
        key="edit_save",
    )
    is_pinned = bool(run.get("pinned"))
    left, right = st.columns(2)
    with left:
        st.button(
            "Unpin" if is_pinned else "Pin",
            icon=":material/keep:",
            on_click=lambda: doing.attempt(
                data.change, lambda s: run_actions.pin_runs(s, [run["run_id"]], not is_pinned)
            ),
            help="A pinned run is never deleted.",
            width="stretch",
        )
    with right:
        if st.button("Trash", icon=":material/delete:", width="stretch", key="edit_trash"):
            _remove(run["run_id"])


def _save(run: Mapping[str, Any], name: str, tags: list[str], notes: str) -> None:
    before = list(run["tags"] or [])
    added = run_actions.check_tags([tag for tag in tags if tag not in before])
    data.change(
        lambda s: s.edit_run(
            run["run_id"],
            name=name.strip() or None,
            notes=notes,
            add_tags=added,
            remove_tags=[tag for tag in before if tag not in tags],
        )
    )


def _remove(run_id: str) -> None:
    if doing.succeeded(data.change, lambda s: trash.trash(s, [run_id]), done="It is in the trash."):
        navigation.go("runs", {})
    doing.say()
