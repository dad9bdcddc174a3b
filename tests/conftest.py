"""What every test needs: one thread, a store of its own, nothing left behind."""

import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["TZ"] = "Pacific/Auckland"  # far from UTC: a mixed-up time zone shows
time.tzset()
for _name in [name for name in os.environ if name.startswith("BAKEOFF_")]:
    if _name != "BAKEOFF_CACHE":  # where the data sets were fetched to
        del os.environ[_name]
os.environ["BAKEOFF_EXACT"] = "0"  # who wants the exact bootstrap of a release starts it

from hypothesis import HealthCheck, settings  # noqa: E402  the environment comes first

settings.register_profile(
    "bakeoff", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("bakeoff")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store's folder that exists for one test only; BAKEOFF_HOME names it."""
    folder = tmp_path / "home"
    monkeypatch.setenv("BAKEOFF_HOME", str(folder))
    monkeypatch.setenv("BAKEOFF_SUPERVISOR", "0")  # who wants one in a test starts it
    monkeypatch.setenv("BAKEOFF_SPARE", "0")
    yield folder
    if (folder / "queue" / "supervisor.json").exists():
        from experiments.queueing.supervisor import stop_supervisor

        stop_supervisor(folder)
    if (folder / "hub.json").exists():
        import store

        store.stop_hub(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a browser test that is skipped has failed: nothing is left out in silence."""
    report = yield
    in_ci = os.environ.get("CI") == "true"
    if in_ci and report.skipped and item.get_closest_marker("browser") and call.excinfo:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {call.excinfo.value}"
    return report
