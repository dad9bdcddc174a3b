"""From a form's values to specs: every problem has its field, every change is seen."""

import pytest
import yaml

import store
from experiments import launching, own_presets, specs
from experiments.cli import main
from experiments.errors import SpecFileError, UsageError
from store import testing
from trainers.spec import load_spec

SPEC = load_spec({"data": {"kind": "digits"}, "model": {"kind": "cnn"}, "seed": 7})
VALUES = launching.flat(SPEC.to_mapping())


def card(name):
    return next(c for c in launching.cards("digits", "cnn") if c.name == name)


def test_flat_and_nested_are_each_others_inverse():
    assert launching.nested(VALUES) == SPEC.to_mapping()
    assert load_spec(launching.nested(VALUES)) == SPEC


def test_what_is_typed_comes_back_as_it_is_written():
    for name, value in VALUES.items():
        if card(name).type in {"int", "float", "int list", "float list", "str list"}:
            assert launching.entered(card(name), launching.written(value)) == value, name


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("training.lr", "1e-3", 0.001),
        ("training.epochs", " 12 ", 12),
        ("model.channels", "8, 16", [8, 16]),
        ("model.channels", "[8, 16]", [8, 16]),
        ("training.target_weights", "1, 0.5", [1, 0.5]),
        ("data.max_examples", "", None),
        ("training.lr", "fast", "fast"),
        ("name", "$(rm -rf /)", "$(rm -rf /)"),
    ],
)
def test_numbers_lists_and_nothing_are_read_as_meant(name, text, value):
    assert launching.entered(card(name), text) == value


def test_each_problem_is_found_beside_its_field():
    wrong = VALUES | {
        "training.lr": "fast",
        "training.epochs": 0,
        "model.channels": [16, "x"],
        "project": " ",
    }

    checked = launching.check(wrong)

    assert checked.spec is None
    assert set(checked.problems) == {"training.lr", "training.epochs", "model.channels", "project"}
    assert "[1e-06, 1.0]; got 'fast'" in checked.problems["training.lr"]
    assert checked.general == ()


def test_a_rule_across_settings_marks_all_of_them():
    checked = launching.check(VALUES | {"data.val_share": 0.5, "data.test_share": 0.5})

    assert set(checked.problems) == {"data.val_share", "data.test_share"}
    assert len(checked.sentences) == 1


def test_values_without_a_problem_are_a_spec():
    assert launching.check(VALUES).spec == SPEC


def test_differences_see_values_not_their_spelling():
    before = {"a": 1, "b": (1, 2), "c": "x", "gone": 1}

    found = launching.differences(before, {"a": 1.0, "b": [1, 2], "c": "y", "new": True})

    assert [(c.name, c.before, c.after) for c in found] == [
        ("c", "x", "y"),
        ("new", None, True),
        ("gone", 1, None),
    ]


def test_true_is_another_value_than_one():
    assert launching.differences({"a": 1}, {"a": True})


def test_a_form_without_values_is_filled_with_the_defaults():
    values = launching.completed({"training.lr": 0.5, "model.hidden": 3})

    assert values["data.kind"] == "digits"
    assert values["training.lr"] == 0.5
    assert values["training.epochs"] == 10
    assert "model.hidden" not in values


def test_a_model_that_cannot_read_the_data_gives_way():
    values = launching.completed({"data.kind": "reviews", "model.kind": "cnn"})

    assert values["model.kind"] in launching.model_kinds("reviews")
    assert launching.check(values).spec is not None


def test_a_required_setting_is_asked_for():
    values = launching.completed({"data.kind": "image_folder"})

    assert values["data.path"] == ""
    assert "data.path" in launching.check(values).problems


def test_seeds_follow_each_other_in_one_group():
    started = launching.seeded(SPEC, 3)

    assert [spec.seed for spec in started] == [7, 8, 9]
    assert len({spec.group for spec in started}) == 1
    assert started[0].group
    assert [spec.name for spec in started] == ["cnn-seed7", "cnn-seed8", "cnn-seed9"]
    assert all(spec.training == SPEC.training for spec in started)


def test_two_groups_of_the_same_spec_are_two():
    assert launching.seeded(SPEC, 2)[0].group != launching.seeded(SPEC, 2)[0].group


def test_a_single_run_joins_a_group_only_when_told_to():
    assert launching.seeded(SPEC, 1) == (SPEC,)
    assert launching.seeded(SPEC, 1, group="g")[0].group == "g"


@pytest.mark.parametrize("count", [0, launching.MOST_SEEDS + 1])
def test_a_senseless_number_of_seeds_is_refused(count):
    with pytest.raises(UsageError, match="Expected 1 to 100 seeds"):
        launching.seeded(SPEC, count)


def test_a_clone_leaves_group_and_notes_behind():
    values = launching.cloned(SPEC.to_mapping() | {"group": "g", "notes": "why"})

    assert values["group"] is None
    assert values["notes"] is None
    assert values["training.lr"] == SPEC.training.lr


def test_only_what_is_trained_changes_the_recipe():
    about = launching.differences(VALUES, VALUES | {"seed": 1, "name": "x", "tags": ["y"]})
    recipe = launching.differences(VALUES, VALUES | {"training.lr": 0.5})

    assert not launching.changes_recipe(about)
    assert launching.changes_recipe(recipe)


def test_a_saved_preset_is_found_by_name_and_gives_the_same_spec(tmp_path):
    spec = SPEC.model_copy(update={"name": "mine", "notes": "n"})

    path = own_presets.save_preset(tmp_path, "my-cnn", spec)

    assert path == tmp_path / "presets" / "my-cnn.yaml"
    assert specs.own_preset_names(tmp_path) == ["my-cnn"]
    assert specs.read_spec("my-cnn", home=tmp_path) == SPEC
    assert "lr" not in yaml.safe_load(path.read_text()).get("training", {})


def test_an_own_preset_is_unknown_in_another_store(tmp_path):
    own_presets.save_preset(tmp_path / "a", "my-cnn", SPEC)

    with pytest.raises(SpecFileError, match="a spec file or a preset"):
        specs.read_spec("my-cnn", home=tmp_path / "b")


@pytest.mark.parametrize(
    "name", ["../up", "a/b", ".hidden", "", "a b", "x" * 61, "$(touch x)", "cnn_mnist", "a\n"]
)
def test_a_preset_name_cannot_leave_its_folder_or_hide_one_of_bakeoffs(name, tmp_path):
    with pytest.raises(UsageError, match="Choose another"):
        own_presets.save_preset(tmp_path, name, SPEC)

    assert not list(tmp_path.rglob("*"))


def test_a_preset_is_replaced_only_when_told_to(tmp_path):
    own_presets.save_preset(tmp_path, "p", SPEC)
    other = SPEC.model_copy(update={"seed": 9})

    with pytest.raises(UsageError, match="taken"):
        own_presets.save_preset(tmp_path, "p", other)
    own_presets.save_preset(tmp_path, "p", other, replace=True)

    assert specs.read_spec("p", home=tmp_path).seed == 9
    own_presets.delete_preset(tmp_path, "p")
    assert specs.own_preset_names(tmp_path) == []


def test_a_run_is_a_source_like_a_preset(tmp_path):
    config = SPEC.to_mapping() | {"group": "g", "notes": "why"}
    run_id = testing.make_run(tmp_path, config=config)

    spec = specs.read_spec(f"run:{run_id}", ["training.lr=0.5"], home=tmp_path)

    assert spec.training.lr == 0.5
    assert (spec.group, spec.notes, spec.seed) == (None, None, SPEC.seed)


@pytest.mark.parametrize("source", ["run:nobody", "run:../../etc", "run:"])
def test_a_run_that_is_not_there_is_no_source(source, tmp_path):
    with pytest.raises((SpecFileError, store.RunNotFoundError), match="Expected"):
        specs.read_spec(source, home=tmp_path)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_seeds_on_the_command_line_are_one_group(tmp_path, capfd):
    spec = tmp_path / "tiny.yaml"
    spec.write_text(
        "data: {kind: digits, max_examples: 100}\nmodel: {kind: cnn, channels: [2], dense: 4}\n"
        "training: {epochs: 1, threads: 1}\n"
    )

    assert main(["train", str(spec), "--seeds", "2", "--home", str(tmp_path / "home")]) == 0

    with store.open(tmp_path / "home") as s:
        runs = s.runs(order_by="created_at").to_pylist()
    assert [run["seed"] for run in runs] == [0, 1]
    assert len({run["group"] for run in runs}) == 1
