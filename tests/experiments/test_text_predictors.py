"""Models of language answer from a bundle: small networks whose answers can be worked out by hand."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import store
from experiments.releasing.bulk_predict import predict_file
from experiments.releasing.bundle import BundleError
from experiments.releasing.bundle_check import recorded_scores
from experiments.releasing.bundle_models import open_model
from experiments.releasing.model_inputs import InputError
from experiments.releasing.predictor import Predictor

LETTERS = ["a", "b", "c"]  # ids 2, 3, 4
NUM_IDS = 6  # padding, unknown, three letters, mask
TEXT = {
    "modality": "text",
    "tokens": "characters",
    "max_length": 5,
    "padding": 0,
    "unknown": 1,
    "first": 2,
}


def graph(inputs: Mapping[str, int], nodes: list[Any], table: NDArray[np.float32]) -> bytes:
    """Return a network of integer inputs, which may look things up in a table."""
    given = [
        helper.make_tensor_value_info(name, kind, [f"{name}_b", f"{name}_t"])
        for name, kind in inputs.items()
    ]
    out = helper.make_tensor_value_info("outputs", TensorProto.FLOAT, None)
    made = helper.make_graph(
        nodes, "small", given, [out], [numpy_helper.from_array(table, "table")]
    )
    return helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    ).SerializeToString()


def bundle(
    scores: dict[str, Any], networks: Mapping[str, bytes], target: list[str] | None = None
) -> Predictor:
    files = {
        "config.json": {"onnx": {"input": "input", "output": "outputs", "batch": None}},
        "labels.json": ["loss"],
        "preprocessing.json": {**TEXT, "scores": scores},
        "vocabulary.json": LETTERS,
        "target_vocabulary.json": target or [],
    }
    return open_model({**{n: json.dumps(one).encode() for n, one in files.items()}, **networks})


def next_letter_table() -> NDArray[np.float32]:
    """After a comes b, after b comes c, after c comes a: each with probability e^3 / (e^3 + 5)."""
    table = np.zeros((NUM_IDS, NUM_IDS), np.float32)
    for before, after in ((2, 3), (3, 4), (4, 2)):
        table[before, after] = 3.0
    return table


@pytest.fixture(scope="module")
def writer() -> Predictor:
    look = helper.make_node("Gather", ["table", "input"], ["outputs"])
    network = graph({"input": TensorProto.INT32}, [look], next_letter_table())
    scores = {"kind": "next_token", "special": 2, "temperature": 0.0}
    return bundle(scores, {"model.onnx": network})


def test_a_text_is_gone_on_with_up_to_what_the_model_can_read(writer: Predictor):
    [told, short] = writer.answers(["ab", {"text": "c", "length": 1}])

    assert told["continuation"] == "cab"
    assert short["continuation"] == "a"
    assert told["next"][0]["token"] == "c"
    assert told["next"][0]["probability"] == pytest.approx(
        math.exp(3) / (math.exp(3) + 3), abs=1e-6
    )


def test_the_loss_of_a_text_is_the_mean_over_the_letters_after_the_first(writer: Predictor):
    known, unknown = math.log(math.exp(3) + 5) - 3, math.log(math.exp(3) + 5)

    [[expected], [mixed]] = writer.recorded(["abc", "aba"]).tolist()
    [told] = writer.answers(["abc"])

    assert expected == pytest.approx(known)
    assert mixed == pytest.approx((known + unknown) / 2)
    assert told["perplexity"] == pytest.approx(math.exp(known), abs=1e-3)


def test_a_seed_and_a_temperature_give_the_same_text_every_time(writer: Predictor):
    ask = {"text": "a", "temperature": 50.0, "seed": 3}
    [[first], [again], [other]] = (writer.answers([one]) for one in (ask, ask, {**ask, "seed": 4}))

    assert first == again
    assert first["continuation"] != other["continuation"]
    assert writer.answers([{"text": "b"}, ask])[1]["continuation"] == first["continuation"]


@pytest.mark.parametrize(
    "item",
    ["", "  ", 3, None, {"text": "a", "size": 1}, {"text": "a", "length": -1}, {"length": 3},
     {"text": "a", "temperature": -1}, {"text": "a", "temperature": True}, {"text": "a", "seed": 0.5}],
)  # fmt: skip
def test_what_cannot_be_gone_on_with_is_named(writer: Predictor, item: Any):
    with pytest.raises(InputError, match=r"^Expected .* as .*input 1"):
        writer.answers(["a", item])


@pytest.fixture(scope="module")
def filler() -> Predictor:
    """What stands at a place depends on the letter there alone; the mask is most likely a c."""
    table = np.zeros((NUM_IDS, NUM_IDS), np.float32)
    table[5] = [9.0, 9.0, 1.0, 0.0, 2.0, 0.0]  # padding and what is unknown must never be said
    look = helper.make_node("Gather", ["table", "input"], ["outputs"])
    network = graph({"input": TensorProto.INT32}, [look], table)
    return bundle({"kind": "masked", "mask": 5}, {"model.onnx": network})


def test_what_is_hidden_is_filled_in(filler: Predictor):
    [told, cut] = filler.answers(["a[MASK]b[MASK]", {"tokens": [None, "b"]}])

    assert told["text"] == "acbc"
    assert [one["token"] for one in told["masks"][0][:2]] == ["c", "a"]
    assert len(told["masks"]) == 2
    assert cut["text"] == "cb"


def test_a_text_without_holes_is_judged_by_hiding_each_letter(filler: Predictor):
    total = math.log(2 * math.exp(9) + math.exp(1) + 1 + math.exp(2) + 1)

    [told] = filler.answers(["ac"])
    [[recorded]] = filler.recorded([{"tokens": ["b", None], "hidden": {"1": "a"}}]).tolist()

    assert told["loss"] == pytest.approx(((total - 1) + (total - 2)) / 2, abs=1e-5)
    assert recorded == pytest.approx(total - 1, abs=1e-5)


@pytest.mark.parametrize("item", ["", 3, {"tokens": []}, {"tokens": [1]}, {"words": ["a"]}])
def test_what_cannot_be_filled_in_is_named(filler: Predictor, item: Any):
    with pytest.raises(InputError, match="input 0"):
        filler.answers([item])


def translator(table: NDArray[np.float32], beams: int) -> Predictor:
    """The decoder looks at what it wrote last alone; ids: 0 start, 2 end, 3 x, 4 y, 5 z."""
    read = helper.make_node("Gather", ["table", "input"], ["outputs"])
    write = [
        helper.make_node("Gather", ["table", "written"], ["said"]),
        helper.make_node("ReduceSum", ["states"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["input"], ["ids"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["ids"], ["total"], keepdims=0),
        helper.make_node("Add", ["sum", "total"], ["all"]),
        helper.make_node("Sub", ["all", "all"], ["nothing"]),
        helper.make_node("Add", ["said", "nothing"], ["outputs"]),
    ]
    kinds = {"written": TensorProto.INT64, "input": TensorProto.INT32}
    decoder = graph(kinds, write, table)
    model = onnx.load_from_string(decoder)
    states = helper.make_tensor_value_info("states", TensorProto.FLOAT, None)
    model.graph.input.append(states)
    networks = {
        "encoder.onnx": graph({"input": TensorProto.INT32}, [read], table),
        "decoder.onnx": model.SerializeToString(),
    }
    scores = {"kind": "text_to_text", "max_length": 4, "beams": beams, "start": 0, "end": 2, "first": 3}  # fmt: skip
    return bundle(scores, networks, target=["x", "y", "z"])


def likely(*chances: tuple[int, dict[int, float]]) -> NDArray[np.float32]:
    """Return logits with such probabilities, by what was written last."""
    table = np.full((NUM_IDS, NUM_IDS), -30.0, np.float32)
    for before, after in chances:
        for number, chance in after.items():
            table[before, number] = math.log(chance)
    return table


# x is likelier to begin with, but leads to an end that is less likely than y's
ROADS = likely((0, {3: 0.6, 4: 0.4}), (3, {2: 0.4, 5: 0.3, 4: 0.3}), (4, {2: 1.0}), (5, {2: 1.0}))


def test_a_text_is_written_greedily_or_with_beams():
    assert translator(ROADS, 1).answers(["ab", "c"]) == [{"text": "x"}, {"text": "x"}]
    assert translator(ROADS, 2).answers(["ab", "c"]) == [{"text": "y"}, {"text": "y"}]


def test_a_text_that_never_ends_stops_where_the_longest_target_did():
    assert translator(likely((0, {3: 1.0}), (3, {3: 1.0})), 1).answers(["a"]) == [{"text": "xxxx"}]


def test_the_true_text_is_judged_each_letter_after_those_before_it():
    [told] = translator(ROADS, 1).answers([{"text": "ab", "target": "xz"}])

    assert told["text"] == "x"
    assert told["loss"] == pytest.approx(-math.log(0.6 * 0.3 * 1.0) / 3, abs=1e-4)


def test_texts_that_are_written_in_another_way_are_counted():
    known = [{"text": "a", "written": "x"}, {"text": "b", "written": "y"}, {"text": "c"}]

    assert translator(ROADS, 1).others(known) == 1


def test_a_model_of_a_kind_that_is_not_known_asks_for_an_update():
    with pytest.raises(BundleError, match="Update Bakeoff"):
        bundle({"kind": "smell"}, {"model.onnx": b""})


def test_several_questions_are_answered_by_name(tmp_path: Path):
    cast = helper.make_node("Identity", ["input"], ["outputs"])
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["b", 3])
    out = helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["b", 3])
    made = helper.make_graph([cast], "same", [given], [out])
    network = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    ).SerializeToString()
    heads = [
        {"kind": "softmax", "name": "mood", "labels": ["bad", "good"]},
        {"kind": "linear", "name": "stars", "labels": ["stars"], "mean": [3.0], "std": [2.0]},
    ]
    files = {
        "config.json": {"onnx": {"input": "input", "output": "outputs", "batch": None}},
        "labels.json": ["bad", "good"],
        "preprocessing.json": {
            "modality": "table", "names": ["a", "b", "c"], "categories": {},
            "scores": {"kind": "several", "heads": heads},
        },
    }  # fmt: skip
    parts = {name: json.dumps(one).encode() for name, one in files.items()}
    model = open_model(parts | {"model.onnx": network})
    (tmp_path / "in.csv").write_text("a,b,c\n0,1,0.5\n", encoding="utf-8")

    [told] = model.answers([[0, 1, 0.5]])
    predict_file(model, tmp_path / "in.csv", tmp_path / "out.jsonl")
    row = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))

    with pytest.raises(InputError, match="input 300"):
        model.answers([[0, 1, 0]] * 300 + [["x", 1, 0]])
    good = round(1 / (1 + math.exp(-1)), 6)
    assert told["mood"]["label"] == "good"
    assert told["mood"]["scores"]["good"] == good
    assert told["stars"] == {"values": {"stars": 4.0}}
    assert model.recorded([[0, 1, 0.5]])[0, 1] == pytest.approx(good, abs=1e-6)
    assert (row["mood.label"], row["mood.score.good"], row["stars.stars"]) == ("good", good, 4.0)


def test_what_a_model_of_language_recorded_is_compared_by_its_mean_loss(tmp_path):
    with store.init("p", id="r", home=tmp_path) as run:
        loss_and_hits = np.array([[6.0, 1], [10.0, 2]])
        run.log_predictions("test", ["a", "b"], np.array([3, 4]), loss_and_hits, task="tokens")
    path = tmp_path / "runs" / "r" / "predictions" / "test.parquet"

    found = recorded_scores(path, ["b", "a"], names=["loss"], is_classifier=False)

    assert found.tolist() == [[2.5], [2.0]]
