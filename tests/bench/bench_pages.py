"""How quickly pages open and answer, and what open pages cost: `bench_pages.py [--minutes N]`.

A headless Chromium on a store of 2,000 runs, then ten browsers on it while five runs train, then
the same ten used by a script for some minutes, with the memory of the dashboard's process.
``--only open,answer,idle,ten,memory`` measures some of it; ``--runs`` takes another size.
"""

import argparse
import itertools
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from figures import HEADER, show
from playwright.sync_api import Browser, Page, sync_playwright
from stores import write_runs

import store

_APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
_SETTLED = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app && app.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-testid=stSkeleton]');
}"""
_TABLE = f"() => ({_SETTLED})() && document.querySelector('[data-testid=stDataFrame] canvas')"
_SHOWN = "() => document.querySelector('h1') && !document.querySelector('[data-testid=stSkeleton]')"
"""A page that moves is never settled for long: it is there when its title and content are."""
_LIVE = """
import sys, time, store
runs = [store.init("live", name=f"live-{i}", home=sys.argv[1], monitor=False, capture=False)
        for i in range(5)]
print(*(run.id for run in runs), flush=True)
for step in range(10**9):
    for run in runs:
        run.log({"train/loss": 1 / (1 + step), "val/loss": 2 / (1 + step), "val/acc": 0.9}, step=step)
    time.sleep(0.1)
"""
_BROWSERS = 10
_ROUNDS = 8  # even: what is switched on is switched off again


def main() -> int:
    """Measure what the arguments ask for."""
    asked = _arguments()
    parts = asked.only.split(",")
    print(HEADER)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        home = Path(place) / "home"
        write_runs(home, asked.runs)
        with store.open(home) as s:
            ids = s.runs(limit=20).column("run_id").to_pylist()
        with _served(home, Path(place)) as (url, server), sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            if {"open", "answer", "idle"} & set(parts):
                _alone(browser, url, server, parts, asked.runs)
            if {"ten", "memory"} & set(parts):
                _together(browser, url, server, home, ids, parts, asked.minutes)
            browser.close()
        store.stop_hub(home)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--only", default="open,answer,idle,ten,memory")
    return parser.parse_args()


def _alone(
    browser: Browser, url: str, server: psutil.Process, parts: list[str], count: int
) -> None:
    """One browser and nothing that trains."""
    page = browser.new_page(viewport={"width": 1360, "height": 900})
    _open(page, f"{url}/runs")  # a warm server, and a browser that has the scripts
    if "open" in parts:
        before = _spent(server)
        times = [_open(page, f"{url}/runs") for _ in range(_ROUNDS)]
        show(
            f"open Runs with {count:,} runs until the table is drawn",
            f"{statistics.median(times):.2f} s ({_each(before, _spent(server))})",
            goal="1.5 s",
        )
    if "answer" in parts:
        for what, act in _acts(page).items():
            times, spent = _answered(page, server, act)
            show(
                f"{what} until the page is updated",
                f"{statistics.median(times) * 1e3:.0f} ms ({spent})",
                goal="300 ms",
            )
    if "idle" in parts:
        for path in ("/runs", "/"):
            _open(page, url + path, _SETTLED)
            show(
                f"idle page {path}, server's CPU",
                f"{_share(server, 20):.1%} of a core",
                goal="1 %",
            )
    page.close()


def _acts(page: Page) -> dict[str, Callable[[int], None]]:
    """Return what a user does on Runs; the number tells one time from the next."""

    def pill(_: int) -> None:
        page.locator("[data-testid=stButtonGroup]").get_by_text("cnn", exact=True).click()

    def fold(_: int) -> None:
        page.get_by_text("Fold seeds", exact=True).click()

    def words(number: int) -> None:
        page.get_by_role("textbox", name="Filter").fill("" if number % 2 else "lstm-00")

    return {"a status or model pill": pill, "fold seeds": fold, "words typed as a filter": words}


def _answered(
    page: Page, server: psutil.Process, act: Callable[[int], None]
) -> tuple[list[float], str]:
    """Return how long each act took until its count of runs stood there, and the CPU it took."""
    counted = page.get_by_text("Tick ")
    times = []
    before = _spent(server)
    for number in range(_ROUNDS):
        said = counted.inner_text()
        started = time.perf_counter()
        act(number)
        page.wait_for_function(
            "said => ![...document.querySelectorAll('p')].some(p => p.innerText === said)",
            arg=said,
            polling=10,
            timeout=30_000,
        )
        page.wait_for_function(_SETTLED, polling=10)
        times.append(time.perf_counter() - started)
    return times, _each(before, _spent(server))


def _together(
    browser: Browser,
    url: str,
    server: psutil.Process,
    home: Path,
    ids: list[str],
    parts: list[str],
    minutes: float,
) -> None:
    """Ten browsers while five runs train."""
    live = subprocess.Popen(
        [sys.executable, "-c", _LIVE, str(home)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert live.stdout is not None
        running = live.stdout.readline().split()
        paths = _paths(running, ids)
        pages = [browser.new_context().new_page() for _ in range(_BROWSERS)]
        for page in pages:
            page.set_default_timeout(120_000)
        for page, path in zip(pages, itertools.cycle(paths), strict=False):
            _open(page, url + path, _SHOWN)
        if "ten" in parts:
            share = _share(server, 30)
            times, _ = _answered_beside(pages, url)
            show(
                "ten browsers on five running runs, server's CPU per browser",
                f"{share / _BROWSERS:.1%} of a core; opening Runs beside them "
                f"{statistics.median(times):.2f} s",
                goal="2 %",
            )
        if "memory" in parts:
            _memory(pages, url, server, paths, minutes)
    finally:
        live.kill()
        live.communicate()


def _answered_beside(pages: list[Page], url: str) -> tuple[list[float], None]:
    page = pages[0].context.new_page()
    times = [_open(page, f"{url}/runs") for _ in range(5)]
    page.close()
    return times, None


def _paths(running: list[str], ids: list[str]) -> list[str]:
    few, many = ",".join(running), ",".join(ids[:10])
    return [
        "/",
        "/runs",
        f"/curves?runs={few}",
        f"/run?id={running[0]}",
        f"/compare?runs={many}",
        "/runs?fold=true",
        f"/curves?runs={many}",
        "/queue",
        f"/run?id={ids[0]}&tab=Files",
        "/sql?query=SELECT * FROM run LIMIT 1000",
    ]


def _memory(
    pages: list[Page], url: str, server: psutil.Process, paths: list[str], minutes: float
) -> None:
    """Let ten browsers go from page to page; print what the dashboard's process holds."""
    started = time.monotonic()
    held = [server.memory_info().rss]
    visits = 0
    while time.monotonic() - started < minutes * 60:
        page = pages[visits % _BROWSERS]
        _open(page, url + paths[(visits // _BROWSERS + visits) % len(paths)], _SHOWN)
        visits += 1
        if visits % _BROWSERS == 0:
            held.append(server.memory_info().rss)
    middle = held[len(held) // 2]
    show(
        f"memory of the dashboard after {minutes:g} minutes of ten browsers, {visits} pages opened",
        f"{held[-1] / 1e6:.0f} MB (at the start {held[0] / 1e6:.0f}, half-way {middle / 1e6:.0f}, "
        f"at most {max(held) / 1e6:.0f})",
        goal="500 MB",
    )


def _open(page: Page, address: str, drawn: str = _TABLE) -> float:
    """Return the seconds until an address is drawn, from an empty page."""
    page.goto("about:blank")
    started = time.perf_counter()
    page.goto(address)
    page.wait_for_function(drawn, timeout=120_000, polling=20)
    return time.perf_counter() - started


def _cpu(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return spent.user + spent.system


def _spent(server: psutil.Process) -> tuple[float, float]:
    """Return the CPU seconds of the server and of the browser so far."""
    browser = 0.0
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            browser += _cpu(child) if "chrom" in child.name() else 0.0
    return _cpu(server), browser


def _each(before: tuple[float, float], after: tuple[float, float]) -> str:
    """Return the CPU of one round in words."""
    server, browser = ((b - a) / _ROUNDS * 1e3 for a, b in zip(before, after, strict=True))
    return f"CPU: server {server:.0f} ms, browser {browser:.0f} ms"


def _share(process: psutil.Process, seconds: float) -> float:
    """Return the share of a core that a process takes."""
    before, started = _cpu(process), time.perf_counter()
    time.sleep(seconds)
    return (_cpu(process) - before) / (time.perf_counter() - started)


@contextmanager
def _served(home: Path, cwd: Path) -> Iterator[tuple[str, psutil.Process]]:
    command = [sys.executable, "-m", "streamlit", "run", str(_APP), "--server.port"]
    with _serving(command, cwd, {"BAKEOFF_HOME": str(home)}, "/healthz") as served:
        yield served


@contextmanager
def _serving(
    command: list[str], cwd: Path, variables: dict[str, str], asked: str
) -> Iterator[tuple[str, psutil.Process]]:
    """Run a server whose last argument is its port until it has answered and the work is done."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    server = subprocess.Popen(
        [*command, url.rpartition(":")[2]],
        cwd=cwd,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(url + asked)
        yield url, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(address):
            return
        time.sleep(0.1)
    raise RuntimeError("The server did not answer.")


if __name__ == "__main__":
    raise SystemExit(main())
