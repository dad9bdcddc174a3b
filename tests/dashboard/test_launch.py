"""The launch form: where it starts, what is wrong beside its field, what differs, what starts."""

import pytest

from dashboard import data, launch_form
from experiments import own_presets
from experiments.errors import UsageError
from store import testing
from trainers.spec import load_spec

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports


def field(at, name):
    for kind in ("text_input", "selectbox", "toggle", "multiselect", "text_area"):
        for element in at.get(kind):
            if element.key == f"launch:{name}":
                return element
    raise AssertionError(f"no field {name}")


def start_button(at):
    return next(b for b in at.button if b.key == "launch_go")


def test_the_form_has_a_field_for_every_setting_of_the_chosen_kinds(empty, opened):
    at = opened("launch")

    assert not at.exception
    origin = launch_form.read_origin("")
    for card in launch_form.fill(origin, []).cards:
        assert field(at, card.name), card.name
    assert not start_button(at).disabled


def test_another_model_brings_its_own_settings(empty, opened):
    at = opened("launch")
    field(at, "data.kind").set_value("reviews").run()
    field(at, "model.kind").set_value("transformer").run()

    assert field(at, "model.heads").value == "4"
    assert {"data.kind=reviews", "model.kind=transformer"} <= set(at.query_params["set"])


def test_a_wrong_value_is_explained_beside_its_field_and_stops_the_start(
    empty, opened, everything_said
):
    at = opened("launch")
    field(at, "training.lr").set_value("fast").run()

    assert not at.exception
    said = everything_said(at)
    assert "to be a number in" in said
    assert "fast" in said
    assert start_button(at).disabled


@pytest.mark.parametrize("value", ["$(touch /tmp/x)", "; rm -rf /", "../../etc/passwd", "`id`"])
def test_a_value_that_tries_tricks_is_an_error_or_just_text(empty, opened, value):
    at = opened("launch", set=f"data.kind={value}")
    assert not at.exception
    field(at, "training.epochs").set_value(value).run()

    assert not at.exception
    assert start_button(at).disabled


def test_a_path_that_leads_nowhere_is_said_before_the_start(empty, opened, everything_said):
    at = opened("launch", set="data.kind=image_folder")
    assert start_button(at).disabled

    field(at, "data.path").set_value("/nowhere/$(id)").run()

    assert "to be a file or folder of this machine" in everything_said(at)
    assert start_button(at).disabled


def test_an_origin_that_is_not_there_says_so(empty, opened, everything_said):
    for source in ("run:nobody", "preset:../../etc/passwd", "run:../../x"):
        at = opened("launch", **{"from": source})

        assert not at.exception
        assert "Nothing to start from" in everything_said(at)


def test_a_link_with_changes_shows_them(empty, opened, everything_said):
    at = opened("launch", **{"from": "preset:cnn_mnist", "set": "training.lr=0.05"})

    assert field(at, "training.lr").value == "0.05"
    said = everything_said(at)
    assert "1 difference to preset" in said
    assert "was 0\\.002" in said
    assert "--set training.lr=0.05" in said


def test_a_change_that_is_taken_back_leaves_the_address(empty, opened):
    at = opened("launch", **{"from": "preset:cnn_mnist"})
    field(at, "training.epochs").set_value("3").run()
    assert "training.epochs=3" in at.query_params["set"]

    field(at, "training.epochs").set_value("12").run()

    assert "set" not in at.query_params


@pytest.fixture
def a_run(home, monkeypatch):
    spec = load_spec(
        {
            "data": {"kind": "digits"},
            "model": {"kind": "cnn", "channels": [8]},
            "group": "old",
            "notes": "why",
            "seed": 4,
        }
    )
    run_id = testing.make_run(home, config=spec.to_mapping(), group="old", name="first")
    monkeypatch.setenv("BAKEOFF_HOME", str(home))
    yield run_id
    data.close()


def test_a_clone_starts_from_what_the_run_recorded(a_run, opened, everything_said):
    at = opened("launch", **{"from": f"run:{a_run}"})

    assert not at.exception
    assert field(at, "model.channels").value == "8"
    assert field(at, "seed").value == "4"
    assert field(at, "notes").value == ""
    assert "nothing changed. It repeats that run exactly." in everything_said(at)


def test_settings_that_nothing_here_knows_are_named(home, monkeypatch, opened, everything_said):
    monkeypatch.setenv("BAKEOFF_HOME", str(home))
    run_id = testing.make_run(home, config={"lr": 0.1, "model": {"kind": "cnn"}})

    said = everything_said(opened("launch", **{"from": f"run:{run_id}"}))
    data.close()

    assert "Left out, because nothing here knows them: lr" in said


def test_a_clone_joins_the_group_only_while_the_recipe_is_the_same(a_run):
    origin = launch_form.read_origin(f"run:{a_run}")

    assert launch_form.fill(origin, ["seed=5"]).group_to_join() == "old"
    assert launch_form.fill(origin, ["seed=5", "training.lr=0.1"]).group_to_join() is None


def test_changing_the_kind_keeps_what_both_have(a_run):
    form = launch_form.fill(launch_form.read_origin(f"run:{a_run}"), ["training.lr=0.1"])

    changes = launch_form.changed(form, "data.kind", "reviews")

    assert "training.lr=0.1" in changes
    assert "data.kind=reviews" in changes
    again = launch_form.fill(form.origin, changes)
    assert again.values["data.kind"] == "reviews"
    assert again.checked.spec is not None


def test_the_store_s_own_presets_come_first(home, monkeypatch):
    monkeypatch.setenv("BAKEOFF_HOME", str(home))
    spec = load_spec({"data": {"kind": "digits"}, "model": {"kind": "cnn"}})
    own_presets.save_preset(home, "zebra", spec)

    assert launch_form.preset_names()[0] == "zebra"
    assert launch_form.read_origin("preset:zebra").values["model.kind"] == "cnn"
    with pytest.raises(UsageError, match="Expected a preset"):
        launch_form.read_origin("preset:../presets/zebra")
