"""What lies behind a verdict, as Compare and Choose show it."""

import numpy as np
import pytest

import store
from dashboard import contest_tables, data
from dashboard.views.contest_panels import PANELS

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports


EXPECTED = {
    "Metrics": "All metrics with paired differences",
    "Charts": "true ↓ said →",
    "Slices": "region = south",
    "Flips": "that old-0 gets wrong, and breaks",
    "Costs": "Latency, 95th percentile",
    "Changes": 'training.lr</th><td class="wrap">0.75',
    "Checks": 'class="gate"',
}


@pytest.fixture(scope="module")
def contested(tmp_path_factory):
    """A store with two recipes of two seeds each, with slices, costs and test predictions."""
    place = tmp_path_factory.mktemp("contested") / "home"
    generator = np.random.default_rng(0)
    label = generator.integers(0, 2, 600)
    region = np.where(np.arange(600) % 3, "north", "south").tolist()
    ids = []
    for group, accuracy in (("old", 0.75), ("new", 0.9)):
        for seed in range(2):
            run = store.init(
                "p", name=f"{group}-{seed}", group=group, seed=seed, home=place, capture=False,
                monitor=False, config={"training": {"lr": accuracy}},
            )  # fmt: skip
            right = generator.random(600) < accuracy
            sure = 0.5 + generator.random(600) / 2
            score = np.where(right == (label == 1), sure, 1 - sure)
            for split in ("val", "test"):
                run.log_predictions(
                    split, [f"{split}-{i}" for i in range(600)], label,
                    np.stack([1 - score, score], axis=1), slices={"region": region},
                    classes=("no", "yes"),
                )  # fmt: skip
            run.log({"val/acc": accuracy})
            run.describe(
                data_hash="d", cost={"latency_p95_ms": 5 * accuracy, "checkpoint_bytes": 2_000_000}
            )
            run.finish()
            ids.append(run.id)
    yield place, ids
    data.close()
    store.stop_hub(place)


@pytest.fixture
def ids(contested, monkeypatch):
    monkeypatch.setenv("BAKEOFF_HOME", str(contested[0]))
    return contested[1]


@pytest.mark.parametrize("panel", list(PANELS))
def test_everything_behind_the_verdict_is_drawn(ids, opened, everything_said, panel):
    at = opened("compare", runs=f"{ids[0]},{ids[2]}", behind=panel)
    said = everything_said(at).replace("\\", "")

    assert not at.exception
    assert not any("Something went wrong" in s.value for s in at.subheader)
    assert "Clearly better" in said
    assert EXPECTED[panel] in said


def test_groups_of_seeds_are_judged_as_recipes(ids, opened, everything_said):
    said = everything_said(opened("compare", runs=f"{ids[0]},{ids[2]}"))

    assert "As recipes, over 2 and 2 seeds" in said


def test_comparing_on_the_test_split_is_counted_and_widens_what_follows(
    ids, opened, everything_said
):
    said = everything_said(opened("compare", runs=f"{ids[0]},{ids[2]}", on="test"))
    third = everything_said(opened("compare", runs=f"{ids[0]},{ids[1]}", on="test"))

    assert "The test split has been looked at once, at 2 models" in said
    assert "at 3 models" in third
    assert "allowing for 2 candidates" in third


def test_the_comparison_is_computed_once(ids, opened, monkeypatch):
    from dashboard import evaluation_data
    from experiments import comparison

    counted = []

    def counting(gathered, spec):
        counted.append(spec)
        return comparison.judge(gathered, spec)

    monkeypatch.setattr(evaluation_data, "judge", counting)
    evaluation_data._judged.cache_clear()
    opened("compare", runs=f"{ids[0]},{ids[2]}", margin="3")

    assert len(counted) == 1


def test_a_slice_of_ones_own_is_judged_and_a_wrong_one_explained(ids, opened, everything_said):
    own = opened(
        "compare", runs=f"{ids[0]},{ids[2]}", behind="Slices", compare_slice="region = north"
    )
    wrong = opened("compare", runs=f"{ids[0]},{ids[2]}", behind="Slices", compare_slice="region")

    assert "region = north</th>" in everything_said(own)
    assert "got the end" in wrong.error[0].value


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (1_500_000, "bytes", "1.5 MB"),
        (12, "bytes", "12 B"),
        (4.25, "ms", "4.25 ms"),
        (125, "s", "2 min 5 s"),
        (206_922, "", "207 k"),
    ],
)
def test_costs_are_told_with_their_unit(value, unit, told):
    assert contest_tables.amount_of(value, unit).replace("05 s", "5 s") == told
