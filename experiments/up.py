"""`bakeoff up`: the dashboard on a store, until Ctrl-C."""

import os
from contextlib import ExitStack

import store
from experiments import queue, serve
from experiments.errors import ProcessFailedError
from experiments.interrupts import Interrupts
from experiments.terminal import say
from store.layout import Home


def run_up(home: str | None, *, port: int | None, browser: bool) -> int:
    """Serve a store's dashboard until somebody asks to stop; return the exit code.

    The hub is left alone when the dashboard stops: it leaves by itself when nobody needs it.

    Raises
    ------
    experiments.errors.PortInUseError
        If the port is taken.
    experiments.errors.ProcessFailedError
        If the dashboard does not come up or ends.
    store.StoreError
        If the store cannot be used.
    """
    serve.check_port(port or serve.DEFAULT_PORT)
    place = Home.locate(home).create()
    with Interrupts() as interrupts, ExitStack() as cleanup:
        store.ensure_hub(place.path, parent=os.getpid())
        dashboard = serve.start_dashboard(place.path, port or serve.DEFAULT_PORT)
        cleanup.callback(serve.stop_dashboard, dashboard)
        say(f"Starting the dashboard on {place.path} ...")
        if not serve.wait_until_ready(dashboard, interrupts):
            return 0
        queue.prepare(place.path)
        say(f"Dashboard: {dashboard.url}   (Ctrl-C stops it)")
        if browser:
            serve.open_browser(dashboard.url)
        stay_up(dashboard, interrupts)
        say("\nStopping.")
    return 0


def stay_up(dashboard: serve.Dashboard, interrupts: Interrupts) -> None:
    """Wait until somebody asks to stop.

    Raises
    ------
    experiments.errors.ProcessFailedError
        If the dashboard ends by itself.
    """
    while not interrupts.sleep(0.5):
        if not dashboard.is_running:
            raise ProcessFailedError(
                f"Expected the dashboard to stay up; got {serve.last_line(dashboard.log)!r}. "
                f"See {dashboard.log} and start it again."
            )
