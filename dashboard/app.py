"""The server: Streamlit's pages and our own routes on one port.

Start it with ``bakeoff up``, or ``streamlit run dashboard/app.py`` from any folder.
"""

import gc
import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from anyio import create_task_group, to_thread
from starlette.middleware import Middleware

from dashboard import data, errors, routes, views
from dashboard.preload import Preload


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Start the hub before the first page, and put the imports out of the collector's sight."""
    async with create_task_group() as starting:
        starting.start_soon(to_thread.run_sync, errors.start_hub_or_say_why)
        starting.start_soon(to_thread.run_sync, _load_pages)
    gc.collect()
    gc.freeze()
    yield {}
    data.close()


def _load_pages() -> None:
    """Import what the first page would wait for."""
    for module in pkgutil.iter_modules(views.__path__, f"{views.__name__}."):
        importlib.import_module(module.name)
    importlib.import_module("plotly.graph_objects")


app = st.App(
    Path(__file__).with_name("shell.py"),
    routes=routes.ROUTES,
    middleware=[Middleware(Preload)],
    lifespan=lifespan,
    on_script_error=errors.show_unexpected,
)
