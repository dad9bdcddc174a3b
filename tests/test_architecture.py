import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("dashboard", "experiments", "store", "trainers")
HEAVY = ("torch", "lightning", "streamlit", "duckdb", "pyarrow", "plotly", "optuna", "pandas")
TOP_LEVEL = {
    *(*PACKAGES, "tests", "shared"),
    *("Makefile", "README.md", "LICENSE", "constraints.txt", "pyproject.toml"),
}
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).exists()]


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring: explaining is not to be saved."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_imports_obey_the_contracts() -> None:
    check = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    # In a process of its own: it sets up logging, and so silences the loggers of other tests.
    outcome = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import store", HEAVY),
        ("import experiments.cli", HEAVY),
        ("import trainers.spec, trainers.catalog", HEAVY),
        ("import dashboard, experiments.demo, experiments.up", ("torch", "lightning")),
    ],
)
def test_light_imports_stay_light(statement: str, forbidden: tuple[str, ...]) -> None:
    assert loaded_by(statement).isdisjoint(forbidden)


def test_the_dashboard_never_loads_torch() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "dashboard").rglob("*.py"))
        if path.name not in {"__init__.py", "app.py", "__main__.py"}
    ]

    assert loaded_by(f"import {', '.join(['dashboard', *names])}").isdisjoint(
        {"torch", "lightning"}
    )


def test_nothing_in_the_dashboard_hides_a_package() -> None:
    """Streamlit puts dashboard/ first on the path: dashboard/store.py would hide `store`."""
    names = {path.stem for path in (ROOT / "dashboard").iterdir() if not path.name.startswith("_")}
    taken = {*PACKAGES, *HEAVY, *sys.stdlib_module_names, "tests", "numpy", "starlette", "psutil"}

    assert names.isdisjoint(taken)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    too_long = [
        f"{node.name}: {code_lines(node)} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and code_lines(node) > MAX_FUNCTION_LINES
    ]

    assert not too_long
    assert len(source.splitlines()) <= MAX_MODULE_LINES


def test_the_top_level_holds_only_what_belongs_there() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in tracked_files()}

    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_no_file_names_a_place_outside_the_repository() -> None:
    """A path of one developer's machine works nowhere else; pip knows its indexes by itself."""
    foreign = re.compile(rb"""(?:^|[\s"'`(=])/(?:home|work|Users|root|mnt)/[\w.]""", re.MULTILINE)
    registry = re.compile(rb"pypi\.org|pythonhosted\.org|registry\.npmjs|download\.pytorch\.org")
    text = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".js", ".css", ".html", ".json", ""}
    ours = [path for path in tracked_files() if path.suffix in text and path != Path(__file__)]
    found = [
        str(path.relative_to(ROOT))
        for path in ours
        if "vendor" not in path.parts
        and (foreign.search(raw := path.read_bytes()) or registry.search(raw))
    ]

    assert not found


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_sorted_and_exist(package: str) -> None:
    module = importlib.import_module(package)
    names = list(getattr(module, "__all__", []))

    assert names == sorted(names)
    assert [name for name in names if not hasattr(module, name)] == []


def test_tests_have_no_packages() -> None:
    """An __init__.py below tests/ would make tests/store hide the package `store`."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []
