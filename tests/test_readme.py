import ast
import re
import shlex
from pathlib import Path

import pytest
import yaml

from experiments.cli import _parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`\n]+)`|^(make [^\n#]+)", re.MULTILINE)


def commands(program: str) -> list[str]:
    spans = [(one or two).strip() for one, two in CODE.findall(README)]
    return sorted({span for span in spans if span.startswith(f"{program} ")})


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("command", commands("make"))
def test_every_make_target_exists(command: str) -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)

    assert command.split()[1] in targets


@pytest.mark.parametrize("command", commands("bakeoff"))
def test_every_bakeoff_command_can_be_typed(command: str) -> None:
    assert _parser().parse_args(shlex.split(command)[1:]).run


def test_the_first_screen_holds_the_two_commands_and_one_screenshot() -> None:
    first = README.split("\n## ")[0]

    assert all(command in first for command in ("make demo", "make test"))
    assert first.count("![") == 1


def test_every_file_that_it_shows_exists() -> None:
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)

    assert [name for name in shown if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("code", blocks("python"))
def test_its_python_imports_what_exists(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module:
            source = (ROOT / f"{node.module.replace('.', '/')}.py").read_text(encoding="utf-8")
            assert all(f"class {name.name}" in source for name in node.names)


def test_its_store_example_records_a_run(home: Path) -> None:
    exec(compile(blocks("python")[0], "README.md", "exec"), {})

    assert len(list(home.glob("runs/*/run.json"))) == 1


def test_its_specs_are_what_the_text_says(tmp_path: Path) -> None:
    from experiments.search.search_spec import read_study
    from experiments.specs import read_spec

    run, study = tmp_path / "run.yaml", tmp_path / "study.yaml"
    for path, text in zip((run, study), blocks("yaml"), strict=True):
        path.write_text(text, encoding="utf-8")

    assert read_spec(run).model.kind == yaml.safe_load(run.read_text("utf-8"))["model"]["kind"]
    assert read_study(study).n_trials == yaml.safe_load(study.read_text("utf-8"))["n_trials"]
