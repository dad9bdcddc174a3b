"""The log and the code of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import cards, explorer, logs, markup

_MOST_DIFF = 400_000
_SHORT_LOG = 24
_LOG_HEIGHT = 540


def draw_log(run: Mapping[str, Any]) -> None:
    """Draw the Log tab; it moves by itself while the run lives."""
    path = Path(run["folder"]) / "output.log"
    is_live = run["status"] in explorer.LIVE
    words = st.text_input(
        "Find in the log",
        key="find",
        bind="query-params",
        type="search",
        live="400ms",
        placeholder="Find in the log",
        label_visibility="collapsed",
    )
    if words.strip():
        _found(path, words)
        return

    @st.fragment(run_every=2.0 if is_live else None)
    def show() -> None:
        text = logs.tail(path)
        if not text:
            cards.card(
                "Nothing was printed",
                "What a run prints is kept here. This one printed nothing"
                + (" so far." if is_live else ", or was started with `capture=False`."),
                icon="terminal",
            )
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"The last lines of {path.name}, {path.stat().st_size:,} bytes in all.")
            st.space("stretch")
            st.download_button(
                "Download",
                data=path.read_bytes,
                file_name=f"{run['run_id']}.log",
                mime="text/plain",
                icon=":material/download:",
                on_click="ignore",
            )
        is_long = text.count("\n") > _SHORT_LOG
        with st.container(height=_LOG_HEIGHT if is_long else "content", autoscroll=True):
            st.code(text, language=None, wrap_lines=True)

    show()


def _found(path: Path, words: str) -> None:
    found = logs.search(path, words)
    if not found.total:
        st.caption("No line of the log holds these words.")
        return
    shown = len(found.lines)
    many = f", the last {shown} of them shown" if shown < found.total else ""
    where = " in its last 64 MB" if found.is_cut else ""
    st.caption(f"{found.total:,} line{'s' if found.total > 1 else ''} found{where}{many}.")
    width = len(str(found.lines[-1][0]))
    text = "\n".join(f"{number:>{width}}  {line}" for number, line in found.lines)
    with st.container(height=_LOG_HEIGHT if shown > _SHORT_LOG else "content"):
        st.code(text, language=None, wrap_lines=True)


def draw_code(run: Mapping[str, Any]) -> None:
    """Draw the Code tab: the commit, and what was changed since."""
    git = run.get("git") or {}
    if not git.get("commit"):
        cards.card(
            "No commit was recorded",
            "The run was not started inside a git repository, so its code cannot be named. "
            "Start the next one from a repository with at least one commit.",
            icon="code_off",
        )
        return
    branch = f" on `{markup.plain(git['branch'])}`" if git.get("branch") else ""
    st.markdown(f"Commit `{git['commit']}`{branch}")
    diff = _diff(Path(run["folder"]) / "code.diff")
    untracked = git.get("untracked") or []
    if not git.get("dirty"):
        st.caption("There were no uncommitted changes: this commit is the whole truth.")
    if diff:
        st.caption("Uncommitted changes when the run started")
        st.code(diff, language="diff")
    if untracked:
        listed = ", ".join(f"`{name}`" for name in untracked[:20])
        more = f" and {len(untracked) - 20} more" if len(untracked) > 20 else ""
        st.caption(f"Files that git did not know; their content was not recorded: {listed}{more}.")
    if run.get("command"):
        st.caption("Command")
        command = run["command"]
        st.code(
            command if isinstance(command, str) else " ".join(command),
            language="bash",
            wrap_lines=True,
        )


def _diff(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    if len(text) <= _MOST_DIFF:
        return text
    return f"{text[:_MOST_DIFF]}\n... cut here; the rest is in {path}"
