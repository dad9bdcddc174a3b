"""Bring the dashboard up as a process of its own and wait until it answers."""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from experiments import processes
from experiments.errors import PortInUseError, ProcessFailedError
from experiments.interrupts import Interrupts
from store.layout import Home

HOST = "127.0.0.1"
DEFAULT_PORT = 8501
_PORTS_TRIED = 50
_READY_S = 90.0
# Where dashboard/ and .streamlit/ lie: Streamlit takes its settings from the working folder.
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A dashboard process and where to find it."""

    port: int
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False, compare=False)

    @property
    def url(self) -> str:
        """Address for the browser."""
        return f"http://{HOST}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self.process.poll() is None


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port of this machine's loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def check_port(port: int) -> int:
    """Return `port` if nobody listens there.

    Raises
    ------
    PortInUseError
        If somebody does.
    """
    if not is_free(port):
        raise PortInUseError(
            f"Expected a free port; got {port}, which is in use. Choose another with --port."
        )
    return port


def next_free_port(first: int = DEFAULT_PORT) -> int:
    """Return the first free port from `first` on.

    Raises
    ------
    PortInUseError
        If none of the next 50 is free.
    """
    for port in range(first, first + _PORTS_TRIED):
        if is_free(port):
            return port
    raise PortInUseError(
        f"Expected a free port from {first} on; got none of {_PORTS_TRIED}. Free one of them."
    )


def start_dashboard(home: str | os.PathLike[str] | None, port: int) -> Dashboard:
    """Start the dashboard on a store and return at once; `wait_until_ready` comes next.

    Raises
    ------
    store.HomeNotWritableError
        If the store's folder cannot be written.
    """
    place = Home.locate(home).create()
    log = place.path / "dashboard.log"
    process = processes.start(
        [
            *(sys.executable, "-m", "streamlit", "run", _ROOT / "dashboard" / "app.py"),
            *("--server.port", str(port), "--server.address", HOST),
            *("--server.headless", "true", "--browser.gatherUsageStats", "false"),
        ],
        output=log,
        env={"BAKEOFF_HOME": str(place.path)},
        cwd=_ROOT,
    )
    return Dashboard(port=port, log=log, process=process)


def wait_until_ready(dashboard: Dashboard, interrupts: Interrupts) -> bool:
    """Wait until the dashboard answers; return False if a stop was requested before.

    Raises
    ------
    ProcessFailedError
        If it ended or does not answer.
    """
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        if interrupts.requested:
            return False
        if not dashboard.is_running:
            break
        if _answers(f"{dashboard.url}/healthz"):
            return True
        interrupts.sleep(0.1)
    raise ProcessFailedError(
        f"Expected the dashboard to answer on {dashboard.url}; got {last_line(dashboard.log)!r}. "
        f"See {dashboard.log}."
    )


def stop_dashboard(dashboard: Dashboard) -> int:
    """Stop the dashboard and return its exit code."""
    return processes.stop(dashboard.process, grace_s=5.0)


def open_browser(url: str) -> bool:
    """Open a page in the user's browser if there is a display; return whether it was tried."""
    has_display = sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if has_display:
        # In a thread: some browsers only return when they are closed.
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    return has_display


def last_line(path: Path, *, max_bytes: int = 8192) -> str:
    """Return the last line of a text file that is not empty, '' if there is none."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - max_bytes))
        lines = file.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback, no proxy
    try:
        with opener.open(url, timeout=2.0) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False
