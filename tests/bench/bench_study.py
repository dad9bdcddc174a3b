"""How long the page of a large study takes: `tests/bench/bench_study.py [TRIALS [CHART...]]`.

Makes a study of 10,000 trials that were never trained, opens its page in a headless Chromium, and
prints the time until everything is drawn: the first time in a fresh server, then by a reload.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import store
from experiments.search.testing import sample_study

_APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
_SETTLED = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app && app.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-testid=stSkeleton]')
    && document.querySelector('[data-testid=stPlotlyChart] svg.main-svg');
}"""
_TABLE = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app && app.dataset.testScriptState === 'notRunning'
    && document.querySelector('[data-testid=stDataFrame]');
}"""
_CHARTS = ("history", "slice", "parallel", "contour", "timeline", "importance")


def main() -> int:
    num_trials = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        started = time.perf_counter()
        made = sample_study(home, num_trials=num_trials)
        print(f"{num_trials:,} trials written in {time.perf_counter() - started:.1f} s")
        with store.open(home) as s:
            for question, arguments in _questions(made.id).items():
                print(
                    f"store {question:16} {_timed(lambda q=question, a=arguments: s.ask(q, **a))}"
                )
        port = _free_port()
        server = _serve(home, port, Path(place))
        try:
            _browse(f"http://127.0.0.1:{port}", made.id)
        finally:
            server.terminate()
            server.wait()
            store.stop_hub(home)
    return 0


def _questions(study_id):
    page = {"study": study_id, "state": None, "order": "best", "limit": 50, "offset": 0}
    return {
        "studies": {},
        "study_progress": {"study": study_id},
        "study_history": {"study": study_id, "most": 1000},
        "study_trials": page,
    }


def _timed(run) -> str:
    times = []
    for _ in range(7):
        started = time.perf_counter()
        run()
        times.append((time.perf_counter() - started) * 1000)
    return f"median {statistics.median(times):6.0f} ms, worst {max(times):6.0f} ms"


def _browse(url: str, study_id: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        print(
            f"first page of the server   {_open(page, f'{url}/study?id={study_id}', _SETTLED):.2f} s"
        )
        for chart in sys.argv[2:] or _CHARTS:
            address = f"{url}/study?id={study_id}&chart={chart}"
            times = sorted(_open(page, address, _SETTLED) for _ in range(5))
            print(f"{chart:12} reload: worst {times[-1]:.2f} s, median {times[2]:.2f} s")
        address = f"{url}/study?id={study_id}&tab=Trials"
        times = sorted(_open(page, address, _TABLE) for _ in range(3))
        print(f"trials       reload: worst {times[-1]:.2f} s, median {times[1]:.2f} s")
        browser.close()


def _open(page: Page, address: str, drawn: str) -> float:
    page.goto("about:blank")
    started = time.perf_counter()
    page.goto(address)
    page.wait_for_function(drawn, timeout=120_000, polling=20)
    return time.perf_counter() - started


def _serve(home: Path, port: int, cwd: Path) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(_APP), "--server.port", str(port)],
        cwd=cwd,
        env={**os.environ, "BAKEOFF_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz"):
            return server
        time.sleep(0.1)
    raise RuntimeError("The server did not answer.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    raise SystemExit(main())
