"""Cards for what is empty, missing or broken: what it is, and the next step."""

from collections.abc import Sequence

import streamlit as st

from dashboard.markup import plain

PRESET = "experiments/presets/cnn_mnist.yaml"
_LONG = 100  # characters of a name that stands in an address
_MOST_NAMED = 5
_SNIPPET = """\
import store

with store.init("my-project", config={"lr": 0.001}) as run:
    for step in range(1, 100):
        run.log({"train/loss": 1 / step}, step=step)
"""


def card(title: str, body: str, *, icon: str = "info") -> None:
    """Show what is the matter, in a quiet box."""
    with st.container(border=True):
        st.subheader(f":material/{icon}: {title}", anchor=False)
        st.markdown(body)


def first_run() -> None:
    """Show somebody without a run how to get one."""
    with st.container(border=True, key="first_run"):
        st.subheader("No runs yet", anchor=False)
        st.markdown(
            "Runs appear here by themselves, about a second after they start. "
            "Three ways to the first one:"
        )
        demo, train, code = st.columns([2, 3, 4], gap="medium")
        with demo:
            st.markdown("**See it work.** Trains a CNN, an LSTM and a Transformer on real data.")
            st.code("make demo", language="bash")
        with train:
            st.markdown("**Train a model of your own choice.** Copy a preset and change it.")
            st.code(
                f"bakeoff train {PRESET} --set training.epochs=3",
                language="bash",
                wrap_lines=True,
            )
        with code:
            st.markdown("**Log from your own training loop.** Any framework will do.")
            st.code(_SNIPPET, language="python")


def trouble(words: str) -> None:
    """Show why the store has not taken in what runs wrote lately."""
    first = words.split("\n", maxsplit=1)[0]
    st.warning(
        f"{plain(first)} What you see may be old; runs that train are not affected.",
        icon=":material/warning:",
    )


def nothing_selected(available: int, *, chosen: int = 0) -> None:
    """Show somebody who compares nothing how to choose runs."""
    card(
        "Choose one more run" if chosen else "No runs chosen",
        f"Choose runs in the field above: {available} are there. "
        "Or tick them on the **Runs** page, where they can be filtered and sorted.",
        icon="checklist",
    )


def left_out(words: str, names: Sequence[str]) -> None:
    """Say which of the names in an address stand for nothing here."""
    if names:
        some = ", ".join(plain(name[:_LONG]) for name in names[:_MOST_NAMED])
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        st.caption(f":orange[:material/search_off: {words}: {some}{more}.]")


def unknown_run(run_id: str) -> None:
    """Show somebody with an old link what may have happened."""
    card(
        "This run is not here",
        f"No run of this store goes by {plain(run_id[:_LONG]) or 'an empty id'}. The link may come "
        "from another store, or the run was removed. Look for it on the **Runs** page.",
        icon="search_off",
    )
