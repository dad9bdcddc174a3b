"""Measures the Choose page with 10 models x 100,000 examples; `make bench` runs it.

The page's own script, run by Streamlit's test harness without a browser: CPU seconds, since the
machine is shared. The first row holds reading the predictions and everything on the first screen.
"""

import gc
import os
import tempfile
import time
from pathlib import Path

from bench_comparison import record, row
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import store
from dashboard import data
from experiments import release
from experiments.releasing import policy
from store.layout import Home

SHELL = Path(data.__file__).with_name("shell.py")
POLICY = """\
metric: accuracy
margin: 0.002
split: val
gates:
  - verdict vs champion in {better, equivalent}
  - no slice worse than champion by > 0.05 (95 % CI)
  - checks: none failing
  - ECE <= 0.20
"""
PANELS = ("Flips", "Slices", "Checks", "Metrics", "Costs", "Changes", "Gates")
CHARTS = ("ROC", "Precision and recall", "Threshold", "Calibration", "Scores", "Lift", "Confusion")


def spent(at: AppTest) -> float:
    """Run a page and return the CPU seconds that this process spent."""
    start = time.process_time()
    at.run()
    assert not at.exception
    return time.process_time() - start


def opened(page: str, **parameters: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=120)
    at.query_params.update(parameters)
    at._page_hash = calc_hash(page)
    return at


def put(at: AppTest, key: str, value: str) -> None:
    """Choose a section, as a click does."""
    at.query_params[key] = value
    if key in at.session_state:
        at.session_state[key] = value


def bench_page(runs: str) -> None:
    """The first screen, then what lies behind it, each for the first and the second time."""
    spent(opened("releases"))  # Streamlit's and Python's own start
    empty = spent(opened("releases"))
    gc.freeze()  # as the server does when it has started
    at = opened("choose", line="bench", runs=runs)
    first = spent(at) - empty
    row("Choose, 10 models x 100,000 examples: the first screen", f"{first:.1f} CPU s")
    time.sleep(3)  # what is computed behind the page
    slowest: dict[str, tuple[float, str]] = {}
    for kind, names in (("why", PANELS), ("choose_chart", CHARTS)):
        for turn in ("first", "again"):
            for name in names:
                put(at, "why", "Charts" if kind == "choose_chart" else name)
                put(at, kind, name)
                took = spent(at) * 1e3
                slowest[f"{kind} {turn}"] = max(
                    slowest.get(f"{kind} {turn}", (0, "")), (took, name)
                )
    for what, told in (("why", "a panel behind it"), ("choose_chart", "a chart of all ten")):
        early, late = slowest[f"{what} first"], slowest[f"{what} again"]
        row(
            f"{told}: the slowest, first time / again",
            f"{early[0]:.0f} ({early[1]}) / {late[0]:.0f} ms ({late[1]}) of CPU",
        )
    assert first < 6, "the Choose page costs three times what it should"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home.locate(Path(folder))
        os.environ["BAKEOFF_EXACT"] = "0"  # minutes of another process, in a folder that goes
        candidates = record(home.path)
        policy.save(home, POLICY, who="bench")
        ids = [candidate.run_ids[0] for candidate in candidates]
        with store.open(home.path) as s:
            release.release(
                s, "bench", ids[:1], reason="bench", override="a benchmark", export=False
            )
        os.environ["BAKEOFF_HOME"] = str(home.path)
        bench_page(",".join(ids[1:]))
        data.close()
        store.stop_hub(home.path)


if __name__ == "__main__":
    main()
