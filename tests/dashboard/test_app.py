"""The server's settings and its light footprint, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

DASHBOARD = Path(__file__).resolve().parents[2] / "dashboard"


def python(code, cwd):
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_settings_hold_wherever_the_server_is_started(tmp_path):
    said = python(
        f"""
from streamlit import config
config._main_script_path = {str(DASHBOARD / "app.py")!r}
names = ["runner.postScriptGC", "browser.gatherUsageStats", "server.address",
         "client.showErrorDetails", "theme.dark.primaryColor"]
print([config.get_option(name) for name in names])
""",
        tmp_path,
    )

    assert said == "[False, False, '127.0.0.1', 'none', '#6169E1']"


def test_streamlit_finds_the_server_in_app_py():
    from streamlit.web.server.app_discovery import discover_asgi_app

    found = discover_asgi_app(DASHBOARD / "app.py")

    assert (found.is_asgi_app, found.app_name) == (True, "app")


@pytest.mark.slow
def test_no_page_loads_torch_or_duckdb(runs, tmp_path):
    said = python(
        f"""
import sys, logging
logging.disable()
from streamlit.testing.v1 import AppTest
import dashboard.app
from streamlit.util import calc_hash
for name, parameters in [("home", {{}}), ("runs", {{}}), ("curves", {{}}), ("compare", {{}}),
                         ("launch", {{}}), ("queue", {{}}),
                         ("run", {{"id": {runs[0]!r}, "tab": "Evaluation"}})]:
    at = AppTest.from_file({str(DASHBOARD / "shell.py")!r}, default_timeout=60)
    at._page_hash = "" if name == "home" else calc_hash(name)
    for key, value in parameters.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, at.exception
    assert at.title, name
print(sorted({{"torch", "lightning", "duckdb", "optuna"}} & set(sys.modules)))
""",
        tmp_path,
    )

    assert said == "[]"


def test_nothing_in_the_folder_hides_a_module():
    names = {path.stem for path in DASHBOARD.glob("*.py")} - {"__init__"}
    names |= {path.name for path in DASHBOARD.iterdir() if path.is_dir()}

    hidden = names & (
        set(sys.stdlib_module_names)
        | {"store", "experiments", "trainers", "streamlit", "plotly", "pandas", "numpy", "pyarrow"}
    )

    assert not hidden
