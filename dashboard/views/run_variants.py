"""Smaller variants of a finished run, from its page: int8, or without its smallest weights."""

import json
from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from dashboard import background, data, markup, navigation
from dashboard.background import Work
from store.layout import Home

_HOWS: Final = {
    "int8": "Weights of 8 bits, as ONNX Runtime runs them: a quarter of the size, often quicker.",
    "prune": "Without its smallest weights: they become 0.",
}
_making: dict[str, Work] = {}


def can_have(run: Mapping[str, Any]) -> bool:
    """Return whether there is a model to make a variant of."""
    folder = Home.locate(data.home()).run(run["run_id"])
    return run["status"] == "finished" and (folder.checkpoints / "best.ckpt").is_file()


def draw(run: Mapping[str, Any]) -> None:
    """Draw what can be made; it becomes a run of its own that names this one."""
    run_id = run["run_id"]
    made = _making.get(run_id)
    if made is not None:
        _progress(run_id, made)
        if not made.is_done:
            return
    how = st.segmented_control(
        "Variant", list(_HOWS), default="int8", key="variant_how", required=True
    )
    how = str(how or "int8")
    st.caption(_HOWS[how])
    share = 0.5
    if how == "prune":
        share = st.slider("Share of weights", 0.1, 0.9, 0.5, 0.05, key="variant_share")
    if st.button("Make it", type="primary", key="variant_make"):
        _making[run_id] = background.start(
            "derive",
            ["derive", how, run_id, "--home", data.home(), "--share", str(share), "--json"],
        )
        st.rerun()
    st.caption("It becomes a run of its own, with predictions: compare and choose it as any other.")


def _progress(run_id: str, made: Work) -> None:
    said = made.said()
    if made.is_done:
        _ended(made, said)
        if st.button("Close", key="variant_close"):
            _making.pop(run_id, None)
            made.clean()
            st.rerun()
        return
    background.watch(made, lambda _said: "It is being made …")


def _ended(made: Work, said: list[str]) -> None:
    told = said[-1] if said else "It gave no reason."
    if made.is_cancelled and not made.succeeded:
        st.info("Stopped; nothing was made.", icon=":material/cancel:")
        return
    if not made.succeeded:
        st.error(markup.plain(told), icon=":material/error:")
        return
    new_id = json.loads(told)["id"]
    st.success("It is made.", icon=":material/check:")
    if st.button("Compare it with this run", key="variant_compare"):
        runs = ",".join([*json.loads(told)["parents"], new_id])
        navigation.go("compare", {"runs": runs, "project": ""})
    if st.button("Open it", key="variant_open"):
        navigation.go("run", {"id": new_id})
