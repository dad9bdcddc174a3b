"""Choosing, releasing and what is kept of it, as the pages show it."""

import time

import numpy as np
import pytest

import store
from dashboard import choice_tables, data, release_data
from dashboard.views import release_dialog
from experiments import release
from experiments.releasing import exact_record, policy
from experiments.releasing.gate_case import GateResult
from store.layout import Home

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports

POLICY = """\
metric: accuracy
margin: 0.01
split: test
gates:
  - verdict vs champion in {better, equivalent}
  - checks: none failing
  - test/acc >= 0.80
"""


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    """A store with a champion, a better model, a worse one, and a policy."""
    place = tmp_path_factory.mktemp("decided") / "home"
    generator = np.random.default_rng(0)
    label = generator.integers(0, 2, 1_500)
    ids = {}
    for name, accuracy in (("champion", 0.85), ("better", 0.95), ("worse", 0.6)):
        run = store.init("p", name=name, home=place, capture=False, monitor=False)
        right = generator.random(1_500) < accuracy
        score = np.where(right == (label == 1), accuracy, 1 - accuracy)
        for split in ("val", "test"):
            run.log_predictions(
                split, [f"{split}-{i}" for i in range(1_500)], label,
                np.stack([1 - score, score], axis=1), classes=("no", "yes"),
            )  # fmt: skip
        run.describe(data_hash="d", cost={"latency_p95_ms": 10 * accuracy})
        run.finish()
        ids[name] = run.id
    home = Home.locate(place)
    policy.save(home, POLICY, who="kim", reason="first")
    with store.open(place) as opened:
        release.release(
            opened, "answers", [ids["champion"]], reason="the first", who="kim",
            override="no export in this test", export=False,
        )  # fmt: skip
    yield place, ids
    data.close()
    store.stop_hub(place)


@pytest.fixture
def ids(decided, monkeypatch):
    monkeypatch.setenv("BAKEOFF_HOME", str(decided[0]))
    return decided[1]


def fine(at):
    return not at.exception and not any("Something went wrong" in s.value for s in at.subheader)


def test_one_screen_says_what_to_release_and_why(ids, opened, everything_said):
    at = opened("choose", line="answers", runs=f"{ids['better']},{ids['worse']}")
    said = everything_said(at).replace("\\", "")

    assert fine(at)
    assert "Release better" in said
    assert "better is clearly better than the champion on accuracy" in said
    assert "Do not release" in said
    assert "3 of 3 gates passed" in said
    assert "looked at once, at 3 models" in said
    assert "Fixed beforehand, in the policy" in said
    assert [b.label for b in at.button if b.key == "open_release"] == ["Release better …"]
    assert at.get("plotly_chart")


@pytest.mark.parametrize("why", ["Flips", "Slices", "Checks", "Metrics", "Charts", "Costs"])
def test_what_lies_behind_the_choice_is_one_click_away(ids, opened, why):
    at = opened("choose", line="answers", runs=f"{ids['better']},{ids['worse']}", why=why)

    assert fine(at)


def test_without_a_choice_the_newest_that_fit_are_suggested(ids, opened, everything_said):
    at = opened("choose", line="answers")

    assert fine(at)
    assert "Release better" in everything_said(at)


def test_the_best_runs_on_the_same_data_are_suggested(home, opened):
    ids = []
    for name, accuracy, seen in (("good", 0.9, "d"), ("poor", 0.7, "d"), ("other", 0.99, "e")):
        run = store.init("p", name=name, home=home, capture=False, monitor=False)
        run.log({"val/acc": accuracy}, step=0)
        label = np.arange(40) % 2
        score = np.where(label == 1, accuracy, 1 - accuracy)
        run.log_predictions(
            "test", [str(i) for i in range(40)], label,
            np.stack([1 - score, score], axis=1), classes=("no", "yes"),
        )  # fmt: skip
        run.describe(data_hash=seen)
        run.finish()
        ids.append(run.id)

    at = opened("choose")

    assert fine(at)
    assert at.multiselect(key="choose_runs").value == ids[:2]


def test_a_release_needs_a_reason_and_an_override_where_a_gate_is_closed(ids, opened):
    at = opened("choose", line="answers", runs=ids["worse"])
    (button,) = [b for b in at.button if b.key == "open_release"]
    assert button.label == "Release in spite of this …"
    button.click().run()
    (now,) = [b for b in at.button if b.key == "release_now"]
    assert now.disabled
    assert "Why the gates do not matter" in [a.label for a in at.text_area]
    told = "Not all gates are passed: write why that does not matter, or settle them."
    assert release_dialog.missing("good", "", is_closed=True) == told
    assert release_dialog.missing("good", "it speaks Frisian", is_closed=True) == ""
    assert release_dialog.missing(" ", "x", is_closed=False) == "Write why this model is released."


@pytest.mark.slow
def test_a_release_that_is_blocked_says_so_and_one_that_is_made_is_shown(ids, opened):
    release_data.start("answers", [ids["worse"]], reason="because", export=False)
    made = release_data.making("answers")
    assert made is not None
    made.process.wait(60)
    assert not made.succeeded
    at = opened("choose", line="answers", runs=ids["better"])
    assert at.error[0].value.startswith("Not released")
    release_data.forget("answers")


def test_the_releases_page_shows_versions_gates_evidence_policy_and_audit_log(
    ids, opened, everything_said
):
    page = everything_said(opened("releases"))
    for part in ("Evidence", "Model card", "Bundle", "Aliases"):
        assert fine(opened("releases", release_part=part))
    history = opened("releases", section="Policy")
    log = everything_said(opened("releases", section="Audit log"))

    assert "Audit log whole" in page
    assert "no export in this test" in str(opened("releases").warning[0].value)
    assert history.text_area[0].value == POLICY
    assert "answers@v1" in log
    assert "policy" in log


def test_the_releases_page_says_how_far_the_exact_interval_is(ids, opened, decided):
    before = [one.value for one in opened("releases").caption]
    exact_record.main(["answers", "1", "--home", str(decided[0]), "--resamples", "30"])
    at = opened("releases", release_part="Evidence")

    assert any("not computed" in told and "bakeoff release verify" in told for told in before)
    assert any("bootstrap, 30 resamples, seed 0" in one.value for one in at.caption)
    assert len(at.json) == 2


def test_a_policy_that_cannot_be_understood_is_refused_in_words(ids, opened):
    at = opened("releases", section="Policy")
    at.text_area[0].set_value("gates: [nonsense !!]").run()
    (save,) = [b for b in at.button if b.key == "policy_save"]
    save.click().run()

    assert "Expected" in at.warning[0].value
    assert policy.read_text(Home.locate(data.home())) == POLICY


def test_a_changed_audit_log_is_said_on_top(ids, opened, decided):
    path = Home.locate(decided[0]).releases / "audit.jsonl"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("the first", "the worst"), encoding="utf-8")
    try:
        at = opened("releases")
        assert "The record is not whole" in at.error[0].value
    finally:
        path.write_text(before, encoding="utf-8")


def test_the_run_table_says_how_each_run_stands_to_the_gates(ids, opened):
    names = [ids["better"], ids["worse"]]
    cells: list[str] = []
    for _ in range(200):
        cells = release_data.gates_column(names, ["finished"] * 2)
        if all(cells):
            break
        time.sleep(0.05)
    at = opened("runs")

    assert cells[0].startswith("✓ 3/3")
    assert cells[1].startswith("✕ ")
    assert "verdict vs champion" in cells[1]
    assert "✓ 3/3" in at.dataframe[0].value["gates"].tolist()
    assert release_data.gates_column([ids["better"]], ["running"]) == [""]


def test_gates_in_a_cell_name_what_is_not_passed():
    results = [
        GateResult(gate="a", passed=True, reason=""),
        GateResult(gate="b", passed=None, reason=""),
        GateResult(gate="c <= 1", passed=False, reason=""),
    ]

    assert choice_tables.words(results) == "✕ 1/3: c <= 1"
    assert choice_tables.words(results[:2]) == "? 1/2: b"
    assert choice_tables.words(results[:1]) == "✓ 1/1"
    assert choice_tables.words([]) == ""
