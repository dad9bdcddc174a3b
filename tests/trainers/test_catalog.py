"""Kinds are found by name, added by users, and listed without loading torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from trainers import catalog
from trainers.spec import SpecError, load_spec

HEAVY = ("torch", "lightning", "numpy", "pandas", "sklearn", "duckdb", "pyarrow", "store")


def run_python(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env or None
    )


def test_spec_and_catalog_load_nothing_heavy():
    code = (
        "import sys, trainers.spec, trainers.catalog\n"
        "trainers.spec.describe_fields('reviews', 'lstm')\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    done = run_python(code)

    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("entry", [*catalog.MODELS.values(), *catalog.DATA.values()])
def test_every_kind_can_be_loaded_and_names_itself(entry: catalog.Entry):
    assert callable(entry.load())
    assert entry.config.model_fields["kind"].default == entry.kind


def test_models_are_offered_by_what_they_read():
    assert catalog.models_for("mnist") == ("cnn", "multiscale", "transfer")
    writers = ("masked", "gpt", "pretrained_gpt")
    assert catalog.models_for("reviews") == (
        "lstm", "transformer", "masked", "gpt", "pretrained", "pretrained_gpt",
    )  # fmt: skip
    assert catalog.models_for("weather") == ("lstm", "transformer")
    assert catalog.models_for("text_files") == writers


def test_a_plugin_adds_a_model(tmp_path: Path):
    (tmp_path / "my_kinds.py").write_text(
        "from trainers.catalog import register_model\n"
        "from trainers.configs import ModelConfig\n"
        "from trainers.fields import number\n"
        "class MlpConfig(ModelConfig):\n"
        "    kind: str = 'mlp'\n"
        "    width: int = number(64, ge=1, le=4096, text='Hidden units.')\n"
        "register_model('mlp', title='Two layers', config=MlpConfig,\n"
        "               implementation='my_mlp:Mlp', modalities=('image',))\n",
        encoding="utf-8",
    )
    code = (
        "from trainers.spec import SpecError, load_spec\n"
        "spec = load_spec({'data': {'kind': 'digits'}, 'model': {'kind': 'mlp', 'width': 8}})\n"
        "print(spec.model.width)"
    )
    root = Path(__file__).parents[2]

    done = run_python(code, BAKEOFF_PLUGINS="my_kinds", PYTHONPATH=f"{root}:{tmp_path}")

    assert done.stdout.strip() == "8", done.stderr


def test_a_plugin_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BAKEOFF_PLUGINS", "no_such_module")

    with pytest.raises(SpecError, match="got 'no_such_module'"):
        load_spec({"data": {"kind": "digits"}, "model": {"kind": "cnn"}})


def test_a_spec_reaches_its_implementation():
    spec = load_spec({"data": {"kind": "digits"}, "model": {"kind": "cnn"}})

    assert catalog.MODELS[spec.model.kind].load().__name__ == "Cnn"
