"""Opens the same runs in the pages of ours, TensorBoard, MLflow and Trackio, and times them.

`make bench-peers` runs this after `peers.py`; names of peers as arguments measure these alone.
A headless Chromium opens 200 runs, then the curves of 20, and drags over a tenth of them. A page
is ready when its rows, lines or pixels are there; each stands as its maker set it, but that MLflow
shows 20 runs instead of 10, without its assistant and its jobs, from one worker.
"""

import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_explorer import _all_cpu, _page
from bench_pages import _TABLE, _open, _served, _serving
from peer_stores import CURVES, LISTED, SPIKE, STEPS
from peers import FIGURES, OURS, PYTHON
from playwright.sync_api import Error, Page, sync_playwright

import store

ROUNDS = 5
STORES = Path(__file__).with_name("peer_stores.py")
SHOW_TRACKIO = """
import sys, trackio
trackio.show(open_browser=False, server_port=int(sys.argv[1]), share=False, block_thread=True)
"""
INK = """
window.ink = () => {
  const canvas = document.querySelector("canvas");
  if (!canvas || !canvas.width) return 0;
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3]) sum = (sum * 31 + i + data[i]) | 0;
  return sum;
};
"""
"""A number for what is painted on a page's only canvas, 0 when it is empty."""
SHOW_20_RUNS = """() => {
  const key = Object.keys(localStorage).find((key) => key.includes('ExperimentPage-["2"]'));
  if (!key) return;
  const state = { ...JSON.parse(localStorage[key]), runsHiddenMode: "FIRST_20_RUNS" };
  localStorage[key] = JSON.stringify(state);
  localStorage["mlflow.assistant.panelOpen_v1"] = "false";
}"""


@dataclass(frozen=True)
class Pages:
    """How a peer's pages are served, and how they show that they are drawn."""

    server: tuple[str, ...]
    curves: str
    drawn: str
    """Whether all lines are there."""
    zoomed: str
    """Whether another part of them is drawn than that which ``before`` tells of."""
    data: str
    """What the address of the curves' data contains."""
    plot: str
    before: str = "() => 0"
    drag: int = 4
    """How far down the mouse goes, where a zoom is a box."""
    listed: str = ""
    rows: str = ""
    first: str = ""
    """What is done on the page of curves at the first visit."""


PEERS = {
    OURS: Pages(
        server=(),
        listed="/runs?project=listed",
        rows=_TABLE,
        curves="/curves?metrics=loss&runs={ids}",
        drawn=f"() => (plots()[0]?.dataset.ready || '').split(',').length === {CURVES}",
        zoomed="() => plots()[0].dataset.query.includes('lo=')",
        data="metric=loss",
        plot=".plot",
    ),
    "tensorboard": Pages(
        server=("-m", "tensorboard.main", "--logdir", "{folder}/curves", "--port"),
        curves="/#timeseries",
        drawn=f"() => document.querySelectorAll('scalar-card tb-data-table-content-row')"
        f".length >= {CURVES} && ink() !== 0",
        zoomed="() => ink() !== before",
        data="/timeSeries",
        plot="scalar-card canvas",
        before="ink",
        drag=60,
    ),
    "mlflow": Pages(
        server=(
            "-m", "mlflow", "server", "--backend-store-uri", "sqlite:///{folder}/mlflow.db",
            "--workers", "1", "--port",
        ),
        listed="/#/experiments/1/runs",
        rows="() => [...document.querySelectorAll('.ag-row')]"
        ".filter((row) => row.innerText.includes('run-')).length >= 100",
        curves="/#/experiments/2/runs?compareRunsMode=CHART",
        drawn="() => new Set([...document.querySelectorAll('.js-plotly-plot path.js-line')]"
        f".map((line) => line.getAttribute('d')).filter(Boolean)).size >= {CURVES}",
        zoomed="() => document.querySelector('.js-plotly-plot')?.data"  # gone while it asks
        f"?.every((line) => line.x[0] > {STEPS // 3})",
        data="/get-history-bulk-interval",
        plot=".js-plotly-plot .nsewdrag",
        first=SHOW_20_RUNS,
    ),
    "trackio": Pages(
        server=("-c", SHOW_TRACKIO),
        listed="/runs?project=listed",
        rows=f"() => document.querySelectorAll('tbody tr').length >= {LISTED}",
        curves="/?project=curves",
        drawn="() => ink() !== 0",
        zoomed="() => !before.isConnected && ink() !== 0",
        data="/get_logs_batch",
        plot="canvas",
        before="() => document.querySelector('canvas')",
    ),
}  # fmt: skip


def main() -> None:
    """Print the table and keep the figures beside those of `peers.py`."""
    print(
        f"| peer | open the list of {LISTED} runs | open {CURVES} runs' curves of {STEPS:,} steps "
        f"| zoom into a tenth of them | of {CURVES} spikes of one step, drawn |"
    )
    print("|---|---|---|---|---|")
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    for name in sys.argv[1:] or PEERS:
        row: dict[str, Any] = {}
        try:
            row = measured(name)
        except RuntimeError as error:  # its server
            row |= dict.fromkeys(("list_why", "curves_why", "zoom_why"), str(error))
        figures[name] = figures.get(name, {}) | row
        cells = [seconds(row, "list"), seconds(row, "curves"), seconds(row, "zoom")]
        print(f"| {name} | {' | '.join(cells)} | {row.get('spikes', '')} |", flush=True)
    FIGURES.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def seconds(row: dict[str, Any], task: str) -> str:
    """Return a task's figures in words, or why there are none."""
    if f"{task}_s" not in row:
        return f"not measured: {row[f'{task}_why']}"
    return f"{row[f'{task}_s']:.2f} s ({row[f'{task}_cpu_s']:.1f} s of CPU)"


def measured(name: str) -> dict[str, Any]:
    """Write a peer's runs, serve them and return its figures."""
    row: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as text, sync_playwright() as play:
        folder = Path(text)
        browser = play.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        with served(name, folder) as (url, ids):
            page = _page(browser)
            page.add_init_script(INK)
            peer = PEERS[name]
            shown = url + peer.curves.format(ids=ids)
            row |= tried("curves", lambda: curves(page, peer, shown))
            row |= tried("zoom", lambda: medians("zoom", lambda: zoomed(page, peer, shown)))
            row |= tried("list", lambda: listed(page, peer, url))
        browser.close()
    return row


@contextmanager
def served(name: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Write the runs and serve them; yield the address and, for ours, the runs of the curves."""
    variables = {
        "TRACKIO_DIR": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its jobs are for traces of language models
    }  # fmt: skip
    python = sys.executable if name == OURS else str(PYTHON)
    subprocess.run(
        [python, str(STORES), name, str(folder)],
        check=True, env={**os.environ, **variables}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    if name == OURS:
        with store.open(folder) as opened:
            ids = opened.runs("project = 'curves'").column("run_id").to_pylist()
        with _served(folder, folder) as (url, _):
            yield url, ",".join(ids)
        store.stop_hub(folder)
        return
    command = [python, *(part.format(folder=folder) for part in PEERS[name].server)]
    with _serving(command, folder, variables, "/") as (url, server):
        yield url, ""
        for child in server.children(recursive=True):
            child.terminate()


def tried(task: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return a task's figures, or why it has none."""
    try:
        return work()
    except Error as error:
        return {f"{task}_why": error.message.partition("\n")[0]}


def medians(task: str, work: Callable[[], tuple[float, float]]) -> dict[str, Any]:
    """Do something some times; return the medians of its seconds and of the CPU it took."""
    took, spent = zip(*(work() for _ in range(ROUNDS)), strict=True)
    return {f"{task}_s": statistics.median(took), f"{task}_cpu_s": statistics.median(spent)}


def opened(page: Page, address: str, drawn: str) -> tuple[float, float]:
    """Return the seconds until an address is drawn, and the CPU of servers and browser."""
    before = _all_cpu()
    return _open(page, address, drawn), _all_cpu() - before


def listed(page: Page, peer: Pages, url: str) -> dict[str, Any]:
    """Open the list of runs, the first time unmeasured."""
    if not peer.listed:
        return {"list_why": "it has no table of runs"}
    _open(page, url + peer.listed, peer.rows)
    return medians("list", lambda: opened(page, url + peer.listed, peer.rows))


def curves(page: Page, peer: Pages, address: str) -> dict[str, Any]:
    """Open the curves, and count the spikes in what the page got to draw."""
    visit(page, peer, address)
    with page.expect_response(lambda answer: peer.data in answer.url) as awaited:
        _open(page, address, peer.drawn)
    body = awaited.value.body()
    spikes = max(body.count(str(SPIKE).encode()), body.count(struct.pack("<d", SPIKE)))
    return {"spikes": spikes} | medians("curves", lambda: opened(page, address, peer.drawn))


def visit(page: Page, peer: Pages, address: str) -> None:
    """Open the curves twice: at first a server may still read its files, and a page may ask."""
    page.goto(address)
    with suppress(Error):
        page.wait_for_function(peer.drawn, timeout=30_000)
    if peer.first:
        page.evaluate(peer.first)
    _open(page, address, peer.drawn)


def zoomed(page: Page, peer: Pages, address: str) -> tuple[float, float]:
    """Drag over a tenth of the steps; return the seconds until they are redrawn, and the CPU."""
    _open(page, address, peer.drawn)
    page.wait_for_timeout(1_000)
    box = page.locator(peer.plot).first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.4
    page.mouse.move(x, y)
    page.wait_for_timeout(300)  # some see a drag only when it takes its time
    page.evaluate(f"() => {{ window.before = ({peer.before})(); }}")
    page.mouse.down()
    page.mouse.move(x + box["width"] * 0.1, y + peer.drag, steps=8)
    page.wait_for_timeout(300)
    page.evaluate(
        f"""() => {{
          const late = (_, no) => setTimeout(() => no(new Error("not redrawn in a minute")), 60_000);
          window.zoomed = Promise.race([since("pointerup", {peer.zoomed}), new Promise(late)]);
        }}"""
    )
    spent = _all_cpu()
    page.mouse.up()
    return page.evaluate("zoomed") / 1e3, _all_cpu() - spent


if __name__ == "__main__":
    main()
