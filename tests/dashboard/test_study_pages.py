"""What the pages of searches say; drawn for real, without a browser."""

import pytest

import store
from dashboard import data, study_charts
from experiments import studies
from experiments.search.testing import sample_study

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A store with a study of 60 trials; do not write to it."""
    place = tmp_path_factory.mktemp("searched") / "home"
    made = sample_study(place, num_trials=60)
    yield place, made.id
    data.close()
    store.stop_hub(place)


@pytest.fixture
def study_id(searched, monkeypatch):
    monkeypatch.setenv("BAKEOFF_HOME", str(searched[0]))
    return searched[1]


def test_a_store_without_studies_says_how_to_search(empty, opened, everything_said):
    at = opened("search")

    assert not at.exception
    assert "No search yet" in everything_said(at)
    assert "bakeoff search digits_quick" in everything_said(at)


def test_the_list_names_each_study_and_its_best(study_id, opened, everything_said):
    at = opened("search")

    assert not at.exception
    said = everything_said(at)
    assert "learning rate and width" in said
    assert "60 of 60" in said
    assert "val/f1" in said


def test_a_study_shows_how_far_it_is_and_its_best_run(study_id, opened, everything_said):
    at = opened("study", id=study_id)

    assert not at.exception
    said = everything_said(at)
    assert "best val/f1" in said
    assert "median pruner" in said


@pytest.mark.parametrize("kind", [kind for kind in study_charts.CHARTS if kind != "pareto"])
def test_every_chart_is_drawn(study_id, opened, kind):
    at = opened("study", id=study_id, tab="Charts", chart=kind)

    assert not at.exception
    assert len(at.get("plotly_chart")) == 1


@pytest.mark.parametrize("tab", ["Trials", "Change", "About"])
def test_every_tab_is_drawn(study_id, opened, tab):
    at = opened("study", id=study_id, tab=tab)

    assert not at.exception


def test_an_unknown_study_is_explained(study_id, opened, everything_said):
    for asked in ("nothing", "../../etc", ""):
        at = opened("study", id=asked)

        assert not at.exception
        assert "This study is not here" in everything_said(at)


def test_the_form_offers_the_ranges_that_the_settings_suggest(study_id, opened):
    at = opened("search", **{"new": "1", "from": "preset:cnn_mnist"})

    assert not at.exception
    scope = "space:preset:cnn_mnist:mnist:cnn:training.lr"
    assert at.text_input(key=f"{scope}:low").value == "0.0001"
    assert at.text_input(key=f"{scope}:high").value == "0.01"
    assert at.button(key="search_go").disabled is False


def test_the_form_says_what_is_wrong_and_starts_nothing(study_id, opened, everything_said):
    at = opened("search", **{"new": "1", "from": "preset:cnn_mnist"})
    scope = "space:preset:cnn_mnist:mnist:cnn:training.lr"

    at.text_input(key=f"{scope}:low").set_value("; rm -rf /").run()

    assert not at.exception
    said = everything_said(at).replace("\\", "")
    assert "Expected space.training.lr to have low and high, both numbers; got '; rm" in said
    assert at.button(key="search_go").disabled is True


def test_a_changed_budget_is_in_the_ledger(tmp_path, monkeypatch, opened):
    made = sample_study(tmp_path / "home", num_trials=3)
    monkeypatch.setenv("BAKEOFF_HOME", str(tmp_path / "home"))
    at = opened("study", id=made.id, tab="Change")

    at.number_input(key="budget_trials").set_value(77)
    at.button(key="FormSubmitter:study_budget-Apply").click().run()

    assert not at.exception
    assert studies.study(tmp_path / "home", made.id).spec.n_trials == 77
    data.close()
