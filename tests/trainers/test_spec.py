"""A spec either loads or says everything that is wrong with it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.catalog import DATA
from trainers.configs import CnnConfig, MnistConfig, TrainingConfig
from trainers.fields import FieldCard
from trainers.spec import RunSpec, SpecError, describe_fields, load_spec

DIGITS = {"data": {"kind": "digits"}, "model": {"kind": "cnn"}}


def problems(mapping: Any) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        load_spec(mapping)
    return caught.value.problems


def with_section(section: str, **values: Any) -> dict[str, Any]:
    return {**DIGITS, section: {**DIGITS.get(section, {}), **values}}


def test_two_kinds_are_enough():
    spec = load_spec(DIGITS)

    assert spec.data.kind == "digits"
    assert isinstance(spec.model, CnnConfig)
    assert spec.training == TrainingConfig()


def test_a_spec_survives_json():
    spec = load_spec({**with_section("model", channels=[8, 16]), "tags": ["a"], "seed": 7})

    assert load_spec(json.loads(json.dumps(spec.to_mapping()))) == spec


def test_a_spec_built_in_python_is_checked_too():
    spec = load_spec({"data": MnistConfig(), "model": CnnConfig(), "training": TrainingConfig()})

    assert isinstance(spec, RunSpec)


def test_a_number_written_as_yaml_text_is_a_number():
    assert load_spec(with_section("training", lr="1e-3")).training.lr == 1e-3


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        (None, "Expected a spec with the sections data and model; got None."),
        (
            with_section("training", lr=3.0),
            "Expected training.lr to be a number in [1e-06, 1.0]; got 3.0.",
        ),
        (
            with_section("training", epochs="many"),
            "Expected training.epochs to be a whole number in [1, 10000]; got 'many'.",
        ),
        (
            with_section("model", dense=True),
            "Expected model.dense to be a whole number in [1, 8192]; got True.",
        ),
        (
            with_section("model", dropout=float("nan")),
            "Expected model.dropout to be a number in [0.0, 0.9]; got nan.",
        ),
        (
            with_section("model", channels=[16, 0]),
            "Expected model.channels[1] to be a whole number in [1, 1024]; got 0.",
        ),
        (
            with_section("model", channels=[]),
            "Expected model.channels to name 1 to 8 blocks; got 0.",
        ),
        (
            with_section("training", optimizer="adamm"),
            (
                "Expected training.optimizer to be one of adamw, adam, sgd; got 'adamm'. "
                "Did you mean 'adam'?"
            ),
        ),
        (
            with_section("model", dens=64),
            "Expected a known setting; got 'model.dens'. Did you mean 'model.dense'?",
        ),
        (
            {**DIGITS, "lr": 0.1},
            "Expected a known setting; got 'lr'. Did you mean 'training.lr'?",
        ),
        (
            {**DIGITS, "project": " "},
            "Expected project to be a text that is not blank; got ' '.",
        ),
        ({**DIGITS, "training": 3}, "Expected training to be a section; got 3."),
        (
            with_section("data", val_share=0.5, test_share=0.5),
            "Expected data.val_share + data.test_share to be at most 0.8; got 1.0.",
        ),
        (
            {"data": {"kind": "minst"}, "model": {"kind": "cnn"}},
            (
                f"Expected data.kind to be one of {', '.join(DATA)}; "
                "got 'minst'. Did you mean 'mnist'?"
            ),
        ),
        (
            {"data": {"kind": "image_folder"}, "model": {"kind": "cnn"}},
            (
                "Expected data.path to be a text; it is missing. Folder that holds one folder per "
                "class."
            ),
        ),
        (
            {"data": {"kind": "mnist"}, "model": {"kind": "lstm"}},
            (
                "Expected a model that reads image data (data.kind 'mnist'); got model.kind 'lstm', "
                "which reads text or sequence. Choose model.kind from cnn, multiscale, transfer."
            ),
        ),
        (
            {"data": {"kind": "reviews"}, "model": {"kind": "transformer", "heads": 5}},
            "Expected model.embedding to be a multiple of model.heads; got 64 and 5.",
        ),
    ],
)
def test_a_problem_is_one_sentence_with_key_value_and_range(mapping: Any, sentence: str):
    assert problems(mapping) == (sentence,)


def test_all_problems_are_told_at_once():
    found = problems(
        {
            "data": {"kind": "digits", "split_seed": -1, "augmentt": True},
            "model": {"kind": "cnn", "dense": 0},
            "training": {"lr": 9, "epochs": 0},
            "seed": "x",
            "prject": "p",
        }
    )

    named = ("data.split_seed", "data.augmentt", "model.dense", "training.lr", "training.epochs")
    for name in (*named, "seed", "prject"):
        assert any(name in sentence for sentence in found), name
    assert len(found) == 7


def test_a_huge_value_is_cut_short():
    (sentence,) = problems(with_section("training", optimizer="x" * 10_000))

    assert len(sentence) < 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
names = st.sampled_from(
    [card.name.rpartition(".")[2] for card in describe_fields("text_csv", "lstm")]
)
sections = st.dictionaries(names | st.text(max_size=5), json_values, max_size=4)
kinds = st.sampled_from(["digits", "reviews", "text_csv", "cnn", "lstm", "transformer"])


@given(
    top=st.dictionaries(names | st.integers() | st.none(), json_values, max_size=3),
    data=st.tuples(kinds, sections),
    model=st.tuples(kinds, sections),
    training=sections | json_values,
)
def test_any_mapping_loads_or_is_a_spec_error(
    top: dict[Any, Any],
    data: tuple[str, dict[str, Any]],
    model: tuple[str, dict[str, Any]],
    training: Any,
):
    mapping = {
        **top,
        "data": {**data[1], "kind": data[0]},
        "model": {**model[1], "kind": model[0]},
        "training": training,
    }
    found: tuple[str, ...] = ()
    try:
        spec = load_spec(mapping)
    except SpecError as error:
        found = error.problems
    else:
        assert load_spec(spec.to_mapping()) == spec

    assert all(sentence.startswith("Expected ") for sentence in found)


def test_every_setting_is_described_for_forms_and_searches():
    cards = {card.name: card for card in describe_fields("mnist", "cnn")}

    lr = cards["training.lr"]
    assert (lr.type, lr.default, lr.ge, lr.le, lr.log) == ("float", 1e-3, 1e-6, 1.0, True)
    assert lr.tunable == (1e-4, 1e-2)
    assert cards["data.kind"].choices[:2] == ("digits", "mnist")
    assert cards["model.channels"].type == "int list"
    assert cards["data.max_examples"].nullable
    assert all(card.help for card in cards.values() if not card.name.endswith(".kind"))


def test_what_a_search_tries_is_allowed():
    for data, model in (("digits", "cnn"), ("reviews", "lstm"), ("reviews", "transformer")):
        for card in describe_fields(data, model):
            for value in card.tunable or ():
                values = value if isinstance(value, tuple) else (value,)
                if card.ge is not None:
                    assert all(card.ge <= item <= card.le for item in values), card.name
                else:
                    assert value in (card.choices or (True, False)), card.name


def test_a_setting_without_a_default_is_marked():
    cards = {card.name: card for card in describe_fields("text_csv", "lstm")}

    assert cards["data.path"].is_required
    assert cards["data.path"].default is FieldCard.REQUIRED
    assert not cards["data.text_column"].is_required
