"""Rows that are ticked in a table, kept in the address by their ids and not by their places."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import state


@dataclass(frozen=True, slots=True)
class Picker:
    """The selection of one table.

    Parameters
    ----------
    table
        Key of the table.
    parameter
        Name in the address.
    """

    table: str
    parameter: str

    def place(self, shown: Sequence[str]) -> list[str]:
        """Tick the rows of the picked ids, wherever they stand now; return those that are shown.

        Call it before the table is drawn.
        """
        st.session_state[f"{self.table}:shown"] = list(shown)
        picked = set(state.listed(self.parameter))
        rows = [place for place, name in enumerate(shown) if name in picked]
        current = st.session_state.get(self.table)
        if current is None or sorted(current["selection"]["rows"]) != rows:
            empty = {"rows": rows, "columns": [], "cells": []}
            st.session_state[self.table] = {"selection": empty}
        return [shown[row] for row in rows]

    def keep(self) -> None:
        """Write what is ticked into the address: for the table's `on_select`."""
        rows = st.session_state[self.table]["selection"]["rows"]
        shown = st.session_state.get(f"{self.table}:shown", [])
        before = [name for name in state.listed(self.parameter) if name in shown]
        state.put(self.parameter, state.selection(rows, shown, before))

    def clear(self) -> None:
        """Tick nothing."""
        state.put(self.parameter, "")
