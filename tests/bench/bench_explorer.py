"""How quickly curves are drawn, zoomed and redrawn in a browser, and what live ones cost.

20 runs x 4 metrics x 50,000 steps. ``--only draw,zoom,toggle,live`` measures some of it.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
from bench_pages import _cpu, _served
from figures import HEADER, show
from playwright.sync_api import Browser, Page, sync_playwright

import store

_METRICS = ("val/loss", "val/acc", "val/f1", "val/auc")
_SMALL = 5
_LIVE_S = 30
_LIVE = """
import sys, time, math, store
runs = [store.init("live", name=f"live-{i}", home=sys.argv[1], monitor=False, capture=False)
        for i in range(20)]
for step in range(20_000):
    for i, run in enumerate(runs):
        run.log({"val/loss": 1 / (1 + step * (1 + i / 20)) + 0.01 * math.sin(step * i)}, step=step)
print(*(run.id for run in runs), flush=True)
for step in range(20_000, 10**9):
    for i, run in enumerate(runs):
        run.log({"val/loss": 0.01 * math.sin(step * i)}, step=step)
    time.sleep(0.1)
"""
_PLOTS = """
window.plots = () => [...document.querySelectorAll("*")].flatMap(
  (e) => e.shadowRoot ? [...e.shadowRoot.querySelectorAll(".plot")] : []);
window.since = (event, isDone) => new Promise((resolve) => {
  addEventListener(event, () => {
    const start = performance.now();
    const look = () => (isDone() ? resolve(performance.now() - start) : requestAnimationFrame(look));
    look();
  }, { once: true, capture: true });
});
"""


def main() -> int:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="draw,zoom,toggle,live")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=8)  # even: each toggle is back
    asked = parser.parse_args()
    print(HEADER)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        home = Path(place) / "home"
        ids = _fill(home, asked.runs, asked.steps)
        with _served(home, Path(place)) as (url, server), sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            parts = {"draw": _draw, "zoom": _zoom, "toggle": _toggle}
            for name, measure in parts.items():
                if name in asked.only.split(","):
                    measure(_page(browser), url, ids, asked)
            if "live" in asked.only.split(","):
                _live(browser, url, home, server)
            browser.close()
        store.stop_hub(home)
    return 0


def _fill(home: Path, runs: int, steps: int) -> list[str]:
    ids = []
    for number in range(runs):
        noise = np.random.default_rng(number).normal(0, 0.05, (len(_METRICS), steps))
        values = (noise + np.exp(-np.arange(steps) / steps * 4)).tolist()
        run = store.init("bench", name=f"run-{number:02d}", group=f"group-{number // _SMALL}",
                         seed=number % _SMALL, home=home, monitor=False, capture=False)  # fmt: skip
        for step, row in enumerate(zip(*values, strict=True)):
            run.log(dict(zip(_METRICS, row, strict=True)), step=step, epoch=step / 1_000)
        run.finish()
        ids.append(run.id)
    with store.open(home) as s:
        assert s.runs().num_rows == runs
    return ids


def _page(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1360, "height": 1000})
    page.set_default_timeout(120_000)
    page.add_init_script(_PLOTS)
    return page


def _draw(page: Page, url: str, ids: Sequence[str], asked: argparse.Namespace) -> None:
    """From the ticked runs to their drawn curves."""
    times, costs = [], []
    for _ in range(asked.rounds):
        page.goto(f"{url}/runs?sel={','.join(ids)}")
        button = page.get_by_role("button", name="Curves of selected")
        button.wait_for()
        page.wait_for_timeout(1_000)
        started, before = time.perf_counter(), _all_cpu()
        button.click()
        _all_drawn(page, len(_METRICS), len(ids))
        times.append(time.perf_counter() - started)
        costs.append(_all_cpu() - before)
    show(
        f"select {len(ids)} runs until their curves of 4 metrics x {asked.steps:,} steps are drawn",
        f"{statistics.median(times):.2f} s (the first time {times[0]:.2f} s; "
        f"{statistics.median(costs):.2f} s of CPU, browser included)",
        goal="1.0 s",
    )
    page.close()


def _all_drawn(page: Page, panels: int, runs: int) -> None:
    page.wait_for_function(
        "([panels, runs]) => plots().length === panels && plots().every((plot) => "
        "(plot.dataset.ready || '').split(',').length === runs)",
        arg=[panels, runs],
        polling=10,
    )


def _zoom(page: Page, url: str, ids: Sequence[str], asked: argparse.Namespace) -> None:
    """A drag over one hundredth of a wide panel."""
    page.goto(f"{url}/curves?metrics=loss&runs={','.join(ids)}")
    _all_drawn(page, 1, len(ids))
    plot = page.locator(".plot")
    box = plot.bounding_box()
    assert box is not None
    times, costs, left = [], [], box["x"] + box["width"] * 0.3
    for number in range(asked.rounds):
        x = left + 30 * number
        page.mouse.move(x, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(x + box["width"] * 0.01, box["y"] + 104, steps=3)
        page.evaluate(
            "() => { window.zoomed = "
            "since('mouseup', () => plots()[0].dataset.query.includes('lo=')); }"
        )
        before = _all_cpu()
        page.mouse.up()
        times.append(page.evaluate("zoomed"))
        costs.append(_all_cpu() - before)
        points = int(plot.get_attribute("data-points") or 0)
        share = asked.steps * 0.01 * len(ids)
        assert 0.8 * share < points < 1.3 * share, f"not every point of the part: {points}"
        page.keyboard.press("Escape")
        page.wait_for_function("() => !plots()[0].dataset.query.includes('lo=')")
        page.wait_for_timeout(300)
    show(
        f"zoom into 1 % of {len(ids)} x {asked.steps:,} points until the exact points are drawn",
        _written(times, costs),
        goal="100 ms",
    )
    page.close()


def _toggle(page: Page, url: str, ids: Sequence[str], asked: argparse.Namespace) -> None:
    """Everything above the panels, all four panels drawn anew."""
    page.goto(f"{url}/curves?runs={','.join(ids)}")
    _all_drawn(page, len(_METRICS), len(ids))
    acts: dict[str, Callable[[int], object]] = {
        "log scale": lambda _: page.get_by_label("Log scale").click(),
        "epoch as axis and back": lambda n: page.get_by_role(
            "button", name="Step" if n % 2 else "Epoch"
        ).click(),
        "log x axis": lambda _: page.get_by_label("Log x axis").click(),
        "clip outliers": lambda _: page.get_by_label("Clip outliers").click(),
        "smoothing": lambda n: page.get_by_label("Smoothing").fill(f"{0.5 + 0.01 * n:.2f}"),
        "groups with bands and back": lambda n: page.locator("[name=by]").select_option(
            "" if n % 2 else "group"
        ),
    }
    for what, act in acts.items():
        times, costs = [], []
        for number in range(asked.rounds):
            page.wait_for_timeout(1_300)
            spent = _all_cpu()
            times.append(_toggled(page, act, number, asks=what != "log scale"))
            costs.append(_all_cpu() - spent)
        show(
            f"{what}, 4 panels of {len(ids)} x {asked.steps:,} points drawn anew",
            _written(times, costs),
            goal="300 ms",
        )
    page.close()


def _toggled(page: Page, act: Callable[[int], object], number: int, *, asks: bool) -> float:
    """Return the milliseconds from the click to the last panel's drawing."""
    page.evaluate(
        """(asks) => {
          const before = plots().map((plot) => [plot.dataset.query, Number(plot.dataset.drawn)]);
          const isNew = (plot, [query, drawn]) =>
            asks ? plot.dataset.query !== query : Number(plot.dataset.drawn) > drawn;
          const isDone = () => plots().every((plot, i) => isNew(plot, before[i]));
          window.toggled = Promise.race(["click", "input", "change"].map((event) => since(event, isDone)));
        }""",
        asks,
    )
    act(number)
    return float(page.evaluate("toggled"))


def _written(times: Sequence[float], costs: Sequence[float]) -> str:
    cpu = statistics.median(costs) * 1e3
    return f"{statistics.median(times):.0f} ms ({cpu:.0f} ms of CPU, browser included)"


def _all_cpu() -> float:
    """Return the CPU seconds of the dashboard, its hub and the browser."""
    return sum(_cpu(process) for process in psutil.Process().children(recursive=True))


def _live(browser: Browser, url: str, home: Path, server: psutil.Process) -> None:
    """20 curves of 20,000 points that grow by ten a second, with and without a browser."""
    writer = subprocess.Popen(
        [sys.executable, "-c", _LIVE, str(home)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None
        ids = writer.stdout.readline().split()
        time.sleep(45)  # until the many points of before are written
        alone = _spent(server, _LIVE_S)
        page = _page(browser)
        page.goto(f"{url}/curves?runs={','.join(ids)}")
        _all_drawn(page, 1, len(ids))
        page.wait_for_timeout(3_000)
        before = float(page.locator(".plot").get_attribute("data-last") or 0)
        watched = _spent(server, _LIVE_S)
        grown = float(page.locator(".plot").get_attribute("data-last") or 0) - before
        assert grown > _LIVE_S * 5, f"the curves stood still: {grown} steps"
        smooth = page.get_by_label("Smoothing")
        smooth.fill("0.9")
        page.wait_for_timeout(3_000)
        smoothed = _spent(server, _LIVE_S)
        show(
            "live page with 20 moving curves, dashboard and hub per browser",
            f"{watched - alone:.1%} of a core, smoothed {smoothed - alone:.1%} "
            f"(without a browser {alone:.1%})",
            goal="2 %",
        )
        page.close()
    finally:
        writer.kill()
        writer.communicate()


def _spent(server: psutil.Process, seconds: float) -> float:
    """Return the share of a core that the dashboard and its hub take."""
    everyone = [server, *server.children(recursive=True)]
    before, started = sum(map(_cpu, everyone)), time.perf_counter()
    time.sleep(seconds)
    return (sum(map(_cpu, everyone)) - before) / (time.perf_counter() - started)


if __name__ == "__main__":
    raise SystemExit(main())
