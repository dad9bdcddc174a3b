"""Every preset trains, on fewer examples and for one epoch."""

import math
from pathlib import Path

import pytest

import store
from experiments.specs import preset_names, read_spec
from trainers.fit import train

SHORT = ["training.epochs=1", "training.threads=1", "data.max_examples=400"]
INSTEAD = {"lstm_fraud": ["training.epochs=1", "training.threads=1", "data.num_customers=150"]}
BEFORE = {"transformer_finetune": "masked_reviews"}


@pytest.mark.exhaustive
@pytest.mark.parametrize("preset", preset_names())
def test_a_preset_trains_and_is_judged(preset: str, home: Path):
    spec = read_spec(preset, INSTEAD.get(preset, SHORT))
    folder = getattr(spec.data, "path", None)
    if folder and not Path(folder).exists():
        pytest.skip(f"{folder} is not here")
    if preset in BEFORE:
        assert train(read_spec(BEFORE[preset], SHORT), home=home).status == "finished"
    outcome = train(spec, home=home)
    assert outcome.status == "finished", outcome.message

    with store.open(home) as opened:
        rows = {r["metric"]: r["last"] for r in opened.series([outcome.run_id]).to_pylist()}
        kept = opened.predictions(outcome.run_id, "test")
    tested = {name: value for name, value in rows.items() if name.startswith("test/")}
    assert tested
    assert all(math.isfinite(value) for value in tested.values())
    assert kept.num_rows
