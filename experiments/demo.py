"""`bakeoff demo`: train three small models on real data and watch them in the browser."""

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import store
from experiments import batch, processes, serve
from experiments.errors import ProcessFailedError
from experiments.interrupts import Interrupts
from experiments.specs import read_spec
from experiments.terminal import say
from experiments.up import stay_up
from store.layout import Home

if TYPE_CHECKING:
    from trainers.spec import RunSpec

PROJECT = "demo"
PRESETS = ("lstm_reviews", "transformer_reviews", "cnn_mnist")
_DATA_FILES = {
    "mnist": ("mnist_5k.csv.gz",),
    "reviews": ("reviews_pos.txt", "reviews_neg.txt"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What the command line asks of the demo."""

    home: str | None = None
    port: int | None = None
    browser: bool = True
    dashboard: bool = True
    once: bool = False
    presets: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()


def run_demo(options: DemoOptions) -> int:
    """Run the demo until somebody asks to stop; return the exit code.

    The dashboard comes first, so that the curves move while one watches. Whatever way this
    function is left, the processes that it started have ended.

    Raises
    ------
    experiments.errors.ExperimentError
        If a preset or override is wrong, the port is taken or a process does not come up.
    store.StoreError
        If the store cannot be used.
    """
    specs = _read_specs(options)
    port = _choose_port(options)
    place = Home.locate(options.home).create()
    with Interrupts() as interrupts, ExitStack() as cleanup:
        cleanup.callback(_stop_hub, place)
        cleanup.callback(_stop_idle_supervisor, place)
        store.ensure_hub(place.path, parent=os.getpid())
        dashboard = None
        if port is not None:
            say(f"Bakeoff demo: {len(specs)} small models, real data, this machine. Ctrl-C stops.")
            dashboard = serve.start_dashboard(place.path, port)
            cleanup.callback(serve.stop_dashboard, dashboard)
            if not serve.wait_until_ready(dashboard, interrupts):
                return _interrupted(interrupts)
            say(f"Dashboard: {dashboard.url}   (store: {place.path})")
            if options.browser:
                serve.open_browser(dashboard.url)
        code = _train_missing(specs, place.path, interrupts)
        if interrupts.requested:
            return _interrupted(interrupts)
        if dashboard is not None and not options.once:
            _invite(dashboard)
            stay_up(dashboard, interrupts)
            say("\nStopping.")
        return code


def _read_specs(options: DemoOptions) -> dict[str, "RunSpec"]:
    overrides = (*options.overrides, f"project={PROJECT}")
    return {name: read_spec(name, overrides) for name in options.presets or PRESETS}


def _choose_port(options: DemoOptions) -> int | None:
    if not options.dashboard:
        return None
    if options.port is not None:
        return serve.check_port(options.port)
    port = serve.next_free_port()
    if port != serve.DEFAULT_PORT:
        say(f"Port {serve.DEFAULT_PORT} is in use, so the dashboard takes {port}.")
    return port


def _train_missing(specs: dict[str, "RunSpec"], home: Path, interrupts: Interrupts) -> int:
    missing = _missing(specs, home)
    if not missing:
        say("All trainings of the demo are here already.")
        return 0
    if not _fetch_data({spec.data.kind for spec in missing.values()}, home, interrupts):
        return 1
    slots = min(os.cpu_count() or 1, len(missing))
    say(f"Training {', '.join(missing)}: {slots} at a time, one CPU thread each.")
    outcomes = batch.run_batch(missing, home, slots=slots, interrupts=interrupts, say=say)
    return 0 if batch.succeeded(outcomes) else 1


def _missing(specs: dict[str, "RunSpec"], home: Path) -> dict[str, "RunSpec"]:
    """Return what has neither finished nor is being trained by somebody else right now."""
    with store.open(home=home) as opened:
        runs = opened.runs(f'project = "{PROJECT}"').to_pylist()
    missing = {}
    for name, spec in specs.items():
        status = {run["status"] for run in runs if run["name"] == spec.name}
        if "finished" in status:
            say(f"  {name}: here already")
        elif "running" in status:
            say(f"  {name}: is being trained by another process")
        else:
            missing[name] = spec
    return missing


def _fetch_data(kinds: set[str], home: Path, interrupts: Interrupts) -> bool:
    """Fetch the data sets once, before several trainings want them; False if told to stop.

    Raises
    ------
    ProcessFailedError
        If they cannot be had.
    """
    files = [name for kind in sorted(kinds) for name in _DATA_FILES.get(kind, ())]
    if not files:
        return not interrupts.requested
    say("Fetching the data sets (only the first time) ...")
    log = home / "fetch.log"
    process = processes.start([sys.executable, "-m", "trainers.data.fetch", *files], output=log)
    try:
        while process.poll() is None and not interrupts.sleep(0.1):
            pass
    finally:
        code = processes.stop(process, grace_s=5.0)
    if interrupts.requested:
        return False
    if code != 0:
        raise ProcessFailedError(
            f"Expected the data sets to be fetched; got {serve.last_line(log)!r}. See {log}."
        )
    return True


def _stop_hub(place: Home) -> None:
    """Ask the hub to leave and wait until its process is gone: nothing stays behind."""
    from store.hub_address import hub_facts

    store.stop_hub(place.path)
    if facts := hub_facts(place):
        say(f"The hub (process {facts['pid']}) is still writing; it leaves by itself.")


def _stop_idle_supervisor(place: Home) -> None:
    """Have nothing stay behind, unless somebody has put jobs into the queue."""
    from experiments.queueing.queue_reading import jobs
    from experiments.queueing.supervisor import stop_supervisor

    if all(job.state.is_final for job in jobs(place.path)):
        stop_supervisor(place.path)


def _invite(dashboard: serve.Dashboard) -> None:
    say("")
    say(f"The dashboard is on {dashboard.url}")
    say("  Runs     tick the three runs, then open Curves or Compare")
    say("  Run      click a name: predictions, confusion matrix, log")
    say(f"  Train    your own: bakeoff train {PRESETS[-1]} --set seed=2")
    say("Ctrl-C stops the dashboard; your runs stay.")


def _interrupted(interrupts: Interrupts) -> int:
    say("Stopped; nothing is left running. make demo goes on from here.")
    return 128 + interrupts.last_signal
