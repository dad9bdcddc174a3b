"""A real server and a real browser, once for all browser tests; both end with the tests."""

import atexit
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

import store
from store import testing
from tests.chromium import launched

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
_READY_S = 90
_SETTLED = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app && app.dataset.testScriptState === 'notRunning'
    && app.dataset.testConnectionState === 'CONNECTED'
    && !document.querySelector('[data-testid=stSkeleton]');
}"""
_OURS = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "file:")
# Streamlit looks for its own base address below the page's path first; it is not there.
_EXPECTED_404 = ("/_stcore/health", "/_stcore/host-config")

_LIVING = """
import select, sys, store
run = store.init("demo", name="living", home=sys.argv[1], config={"model": {"kind": "cnn"}},
                 monitor=False, capture=False)
print(run.id, flush=True)
step = 0
while not select.select([sys.stdin], [], [], 0.05)[0]:
    run.log({"train/loss": 1 / (1 + step), "val/loss": 2 / (1 + step)}, step=step)
    step += 1
run.finish()
"""

_PATIENCE_MS = 60_000
"""A page or a training that starts on slow, shared cores takes half of it."""
expect.set_options(timeout=_PATIENCE_MS)


class Server:
    """A dashboard of its own on a free port; started from a foreign folder on purpose."""

    def __init__(self, home: Path, cwd: Path) -> None:
        self.home = home
        self.port = _free_port()
        self.log = home.parent / "server.log"
        self._cwd = cwd
        # Before a test changes it for itself: one that starts the server again must not share it.
        self._env = {**os.environ, "BAKEOFF_HOME": str(home), "BAKEOFF_SPARE": "0"}
        self.start()

    @property
    def url(self) -> str:
        """Address for the browser."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", str(APP)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--server.port", str(self.port)],
                cwd=self._cwd,
                stdout=log,
                stderr=log,
                env=self._env,
                start_new_session=True,
            )
        atexit.register(self.stop)
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                return
            time.sleep(0.1)
        raise RuntimeError(f"The server did not answer:\n{self.log.read_text()[-2_000:]}")

    def stop(self) -> None:
        """End the server and everything that it started in its group."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        atexit.unregister(self.stop)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a store with six runs."""
    place = tmp_path_factory.mktemp("browser")
    testing.filled_store(place / "home", num_runs=6)
    server = Server(place / "home", cwd=place)
    yield server
    server.stop()
    store.stop_hub(server.home)


@pytest.fixture
def run_ids(server: Server) -> list[str]:
    """The runs of the server's store as it is now, oldest first; other tests may have added some."""
    with store.open(server.home) as s:
        return s.runs(order_by="created_at").column("run_id").to_pylist()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, whichever is there."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture
def open_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Make profiles; whatever their pages complain about fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def make(*, allows: str = "", **options: object) -> BrowserContext:
        settings = {"viewport": {"width": 1360, "height": 900}, "locale": "en-GB", **options}
        context = browser.new_context(**settings)
        context.set_default_timeout(_PATIENCE_MS)
        context.on("page", lambda page: _listen(page, complaints, allows))
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """A profile that ordinary tests share: the scripts are fetched and compiled once."""
    context = browser.new_context(viewport={"width": 1360, "height": 900}, locale="en-GB")
    context.set_default_timeout(_PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(profile: BrowserContext) -> Iterator[Page]:
    """A page; whatever it complains about fails the test."""
    page = profile.new_page()
    complaints: list[str] = []
    _listen(page, complaints, "")
    yield page
    page.close()
    assert complaints == []


@pytest.fixture
def visit(server: Server) -> Callable[[Page, str], None]:
    """Open a path and wait until the script has run and nothing is still loading."""

    def go(page: Page, path: str) -> None:
        page.goto(server.url + path)
        page.wait_for_function(_SETTLED, timeout=_PATIENCE_MS)

    return go


@dataclass(frozen=True)
class LivingRun:
    """A run in a process of its own that logs 20 points a second until it is told to end."""

    id: str
    process: subprocess.Popen[str]

    def end(self) -> None:
        """Let the run come to its end."""
        self.process.communicate("end\n", timeout=30)


@pytest.fixture
def start_run(server: Server) -> Iterator[Callable[[], LivingRun]]:
    """Start runs that live; what is left of them is killed in the end."""
    started: list[subprocess.Popen[str]] = []

    def start() -> LivingRun:
        process = subprocess.Popen(
            [sys.executable, "-c", _LIVING, str(server.home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(process.kill)
        started.append(process)
        assert process.stdout is not None
        return LivingRun(id=process.stdout.readline().strip(), process=process)

    yield start
    for process in started:
        process.kill()
        process.communicate()
        atexit.unregister(process.kill)


def _listen(page: Page, complaints: list[str], allows: str) -> None:
    def on_console(message: ConsoleMessage) -> None:
        url = str(message.location.get("url", ""))
        if message.type != "error" or url.endswith(_EXPECTED_404):
            return
        if not (allows and re.search(allows, message.text)):
            complaints.append(f"console: {message.text} ({url})")

    def on_request(url: str) -> None:
        if not url.startswith(_OURS):
            complaints.append(f"request to another host: {url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("request", lambda request: on_request(request.url))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
