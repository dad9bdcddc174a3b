import importlib
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_wheel_holds_the_four_packages() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert wheel["packages"] == ["dashboard", "experiments", "store", "trainers"]


def test_console_scripts_can_be_called() -> None:
    for target in PROJECT["project"]["scripts"].values():
        module, _, name = target.partition(":")

        assert callable(getattr(importlib.import_module(module), name))


def test_every_dependency_is_pinned() -> None:
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    }
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    names = {entry.split("[")[0].split("=")[0].split("<")[0].split(">")[0] for entry in wanted}

    assert {name.lower() for name in names} <= pinned


def test_streamlit_is_the_version_whose_internals_we_know() -> None:
    assert version("streamlit") == "1.67.0"


def test_python_m_experiments_is_bakeoff() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "experiments", "version"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.startswith(f"bakeoff {PROJECT['project']['version']}")
    assert done.returncode == 0
