"""The server: Streamlit's pages and our own routes on one port.

Start it with ``bakeoff up``, or ``streamlit run dashboard/app.py`` from any folder.
"""

import gc
import importlib
import pkgutil
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from anyio import to_thread
from starlette.middleware import Middleware

from dashboard import data, errors, routes, views
from dashboard.preload import Preload


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Start the hub before the first page."""
    threading.Thread(target=_load_pages, daemon=True).start()
    await to_thread.run_sync(errors.start_hub_or_say_why)
    yield {}
    data.close()


def _load_pages() -> None:
    """Import what the first page would wait for, and put it out of the collector's sight."""
    for module in pkgutil.iter_modules(views.__path__, f"{views.__name__}."):
        importlib.import_module(module.name)
    importlib.import_module("plotly.graph_objects")
    gc.collect()
    gc.freeze()


app = st.App(
    Path(__file__).with_name("shell.py"),
    routes=routes.ROUTES,
    middleware=[Middleware(Preload)],
    lifespan=lifespan,
    on_script_error=errors.show_unexpected,
)
