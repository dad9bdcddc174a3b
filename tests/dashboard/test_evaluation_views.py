"""The evaluation of models, as pages draw it: every chart, for one model and for several."""

import json

import numpy as np
import pytest

import store
from dashboard import data, example_data, figures
from dashboard.example_data import Example
from experiments.evaluating.findings import finding
from store import testing

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports

CHARTS = [
    "Confusion", "ROC", "Precision and recall", "Threshold", "Calibration", "Classes", "Scores",
    "Lift", "Errors", "Fit",
]  # fmt: skip


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A store with two binary classifiers, one of three classes, and a regression."""
    place = tmp_path_factory.mktemp("evaluated") / "home"
    generator = np.random.default_rng(0)
    chance = generator.random(300)
    label = (generator.random(300) < chance).astype(int)
    noisy = np.clip(chance + 0.2 * generator.normal(size=300), 0.001, 0.999)
    ids = [
        testing.make_run(
            place,
            name=name,
            metrics={"train/loss": [1, 0.5], "val/loss": [1, 0.6]},
            predictions={
                split: (label, np.stack([1 - score, score], axis=1)) for split in ("val", "test")
            },
            classes=("no", "yes"),
            facts={"data_hash": "d", "data": {"hashes": {"test": "t"}}},
        )
        for name, score in (("sharp", chance), ("noisy", noisy))
    ]
    three = generator.dirichlet([1, 1, 1], 300)
    classes = three.argmax(axis=1)
    ids.append(testing.make_run(place, name="three", predictions={"val": (classes, three)}))
    run = store.init("p", name="values", home=place, capture=False, monitor=False)
    true = generator.normal(size=300)
    run.log_predictions(
        "val", [f"val-{i}" for i in range(300)], true, true + 0.1, task="regression"
    )
    run.finish()
    yield place, [*ids, run.id]
    data.close()
    store.stop_hub(place)


@pytest.fixture
def ids(evaluated, monkeypatch):
    monkeypatch.setenv("BAKEOFF_HOME", str(evaluated[0]))
    return evaluated[1]


def fine(at):
    return not at.exception and not any("Something went wrong" in s.value for s in at.subheader)


@pytest.mark.parametrize("chart", CHARTS)
def test_every_chart_of_a_classifier_is_drawn(ids, opened, chart):
    at = opened("run", id=ids[0], tab="Evaluation", run_chart=chart)

    assert fine(at)
    for drawn in at.get("plotly_chart"):
        assert "bdata" in drawn.proto.spec  # NumPy arrays, not lists of numbers
        assert json.loads(drawn.proto.spec)["data"]


@pytest.mark.parametrize("chart", ["Confusion", "ROC", "Calibration", "Scores", "Lift", "Classes"])
def test_many_classes_are_drawn_too(ids, opened, chart):
    assert fine(opened("run", id=ids[2], tab="Evaluation", run_chart=chart))


@pytest.mark.parametrize("chart", ["Predicted and true", "Residuals", "Errors"])
def test_a_regression_has_its_own_charts(ids, opened, everything_said, chart):
    at = opened("run", id=ids[3], tab="Evaluation", run_chart=chart)

    assert fine(at)
    if chart == "Predicted and true":
        assert "Mean absolute error" in everything_said(at)


def test_a_cell_of_the_confusion_matrix_leads_to_its_examples(ids, opened, everything_said):
    at = opened("run", id=ids[0], tab="Evaluation", cell=f"{ids[0]}:0:1")
    said = everything_said(at)

    assert fine(at)
    assert "true no, said yes" in said
    assert "Only ids are shown" in said
    assert 'data-run="cell:1:0"' in said


def test_a_threshold_with_prices_says_what_it_costs(ids, opened, everything_said):
    at = opened(
        "run", id=ids[0], tab="Evaluation", run_chart="Threshold", threshold="0.2", cost_fn="4",
        cost_fp="1",
    )  # fmt: skip
    said = everything_said(at)

    assert fine(at)
    assert "At threshold 0.2" in said
    assert "Least expected cost" in said
    assert "For calibrated probabilities it is 0.2" in said


def test_looking_at_the_test_split_is_counted_and_said(ids, opened, everything_said):
    first = everything_said(opened("run", id=ids[0], tab="Evaluation", split="test"))
    again = everything_said(opened("run", id=ids[0], tab="Evaluation", split="test"))
    other = everything_said(opened("run", id=ids[1], tab="Evaluation", split="test"))
    val = everything_said(opened("run", id=ids[0], tab="Evaluation", split="val"))

    assert "looked at once, at 1 model" in first
    assert "looked at once, at 1 model" in again
    assert "looked at twice, at 2 models" in other
    assert "looked at" not in val


def test_without_predictions_the_page_says_how_to_get_them(empty, opened, everything_said):
    run_id = testing.make_run(empty, metrics={"val/acc": [0.5]})

    assert "log_predictions" in everything_said(opened("run", id=run_id, tab="Evaluation"))


def test_a_condition_narrows_the_errors_and_a_wrong_one_is_explained(ids, opened):
    at = opened("run", id=ids[0], tab="Evaluation", run_chart="Errors")
    (field,) = [f for f in at.text_input if f.label == "Only where"]
    field.set_value("label = yes").run()
    assert any("are wrong" in c.value for c in at.caption)

    (field,) = [f for f in at.text_input if f.label == "Only where"]
    field.set_value("colour = red").run()
    assert "Expected a column of label, id" in at.error[0].value


def test_examples_are_shown_as_what_they_are_and_escaped():
    contents = {
        "a": Example(kind="image", content='x"><script>'),
        "b": Example(kind="text", content="<b>bold</b>"),
        "c": Example(kind="series", content=[[0.0, None, 2.0]]),
        "d": Example(kind="table", content={"age": 3}),
    }
    made = figures.examples([{"id": name} for name in "abcde"], contents, [["said"]] * 5)

    assert "<script>" not in made
    assert "&lt;b&gt;bold" in made
    assert "polyline" in made
    assert "<dd>3</dd>" in made
    assert "<code>e</code>" in made


def test_examples_that_cannot_be_read_say_why():
    told = example_data.examples({"config": {}}, ["a"])
    unknown = example_data.examples({"config": {"data": {"kind": "no such kind"}}}, ["a"])

    assert told == "The run does not say which data it saw, so its examples cannot be read again."
    assert "Expected a kind of" in str(unknown)


def test_many_classes_are_listed_by_their_most_frequent_mistakes():
    counts = np.zeros((40, 40), dtype=np.int64)
    counts[3, 5], counts[7, 1] = 9, 4
    made = figures.confusions(counts, [f"c{i}" for i in range(40)])

    assert made.index("c3") < made.index("c7")
    assert 'data-run="cell:3:5"' in made


def test_findings_are_listed_with_failures_first_and_who_they_are_about():
    made = figures.findings(
        [finding("T01", "r1", "It rose."), finding("P01", "r1", "Never yes.")], {"r1": "cnn"}
    )

    assert made.index("P01 fail") < made.index("T01 warn")
    assert "Dead class: cnn" in made
