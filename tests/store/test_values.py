"""Values as people log and configure them, as the store keeps them."""

import argparse
import dataclasses
import enum
import json
import math
from collections import OrderedDict, namedtuple
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb
import numpy as np
import pydantic
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from store.values import MAX_TEXT, as_number, flatten, to_json

NUMBERS = [
    (1.5, 1.5),
    (3, 3.0),
    (True, 1.0),
    (10**400, math.inf),
    (-(10**400), -math.inf),
    (Decimal("0.25"), 0.25),
    (Decimal("-1e999"), -math.inf),
    (Fraction(1, 4), 0.25),
    (Fraction(10**400), math.inf),
    (np.float32(0.5), 0.5),
    (np.float64(0.5), 0.5),
    (np.int8(-3), -3.0),
    (np.bool_(True), 1.0),
    (np.longdouble(2), 2.0),
    (np.array(7), 7.0),
    (np.array([[7.0]]), 7.0),
    (np.array([Decimal(2)], dtype=object), 2.0),
    (torch.tensor(0.5), 0.5),
    (torch.tensor([2]), 2.0),
    (torch.tensor(0.5, dtype=torch.bfloat16), 0.5),
    (torch.tensor(0.5, requires_grad=True), 0.5),
    (math.inf, math.inf),
    (torch.tensor(-math.inf), -math.inf),
]


@pytest.mark.parametrize(("value", "number"), NUMBERS, ids=repr)
def test_numbers_of_all_kinds_become_floats(value, number):
    assert as_number(value) == number
    assert type(as_number(value)) is float


@pytest.mark.parametrize(
    "value", [math.nan, np.float32("nan"), torch.tensor(math.nan), Decimal("sNaN"), Decimal("nan")]
)
def test_nan_stays_nan(value):
    assert math.isnan(as_number(value))


NO_NUMBERS = [
    (None, "NoneType"),
    ("0.5", "str"),
    (b"1", "bytes"),
    ([1], "list"),
    ({"a": 1}, "dict"),
    ((1,), "tuple"),
    (1j, "complex"),
    (object(), "object"),
    (len, "builtin"),
    (np.array([1, 2]), r"ndarray of shape \(2,\)"),
    (np.array([]), "ndarray"),
    (np.array("x"), "ndarray"),
    (np.str_("1"), "str_"),
    (np.complex64(1), "complex64"),
    (np.datetime64("2026-11-01", "ns"), "datetime64"),
    (torch.zeros(2, 3), r"Tensor of shape \(2, 3\)"),
    (torch.tensor(1j), "complex"),
    (datetime(2026, 11, 1, tzinfo=UTC), "datetime"),
]


@pytest.mark.parametrize(("value", "name"), NO_NUMBERS, ids=range(len(NO_NUMBERS)))
def test_what_is_no_number_is_named_in_one_sentence(value, name):
    with pytest.raises(TypeError, match=rf"^Expected a number; got {name}"):
        as_number(value)


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Inner:
    path: Path
    sizes: list[int]


class Model(pydantic.BaseModel):
    kind: str = "cnn"
    inner: dict[str, float] = {"dropout": 0.5}


def test_nested_configurations_become_dotted_keys_and_plain_values():
    config = {
        "model": Model(),
        "data": Inner(path=Path("a/b"), sizes=[1, 2]),
        "args": argparse.Namespace(lr=np.float32(0.5), fused=True),
        "pair": namedtuple("Pair", "left right")(1, None),
        "colour": Colour.RED,
        "when": datetime(2026, 11, 1, tzinfo=UTC),
        "device": torch.device("cpu"),
        "activation": torch.nn.ReLU,
        "weights": np.array([1.5, 2.5]),
        "empty": {},
        "names": {"b", "a"},
        3: {"deep": {"er": math.inf}},
        "text": 'quo"te',
    }
    assert flatten(config) == {
        "model.kind": "cnn",
        "model.inner.dropout": 0.5,
        "data.path": "a/b",
        "data.sizes": "[1, 2]",
        "args.lr": 0.5,
        "args.fused": True,
        "pair.left": 1,
        "pair.right": None,
        "colour": "red",
        "when": "2026-11-01T00:00:00+00:00",
        "device": "device(type='cpu')",
        "activation": "torch.nn.modules.activation.ReLU",
        "weights": "[1.5, 2.5]",
        "empty": "{}",
        "names": '["a", "b"]',
        "3.deep.er": math.inf,
        "text": 'quo"te',
    }
    assert flatten({"a": {"b": 1}}, sep="/") == {"a/b": 1}
    assert flatten({"a.b": 1, "a": {"b": 2}}) == {"a.b": 2}
    assert flatten({}) == {}


@pytest.mark.parametrize("config", [None, [1], "text", 3, Model])
def test_a_configuration_without_names_is_refused(config):
    with pytest.raises(TypeError, match="Expected a configuration"):
        flatten(config)


class Hostile:
    def __repr__(self):
        raise RuntimeError

    @property
    def shape(self):
        raise ValueError


class HostileMapping(OrderedDict):
    def keys(self):
        raise RuntimeError

    def items(self):
        raise RuntimeError


CIRCLE: dict[str, object] = {"a": [1]}
CIRCLE["self"] = CIRCLE
DEEP: list[object] = []
for _ in range(3_000):
    DEEP = [DEEP]

ODD_VALUES = [Hostile(), HostileMapping(a=1), CIRCLE, DEEP, Colour.RED, Path("x"), b"\xff", 10**5_000, "\ud800",
     object(), len, iter([1]), np.arange(3), torch.zeros(2), torch.zeros(1, device="meta"), Decimal("NaN"),
     1j, {1: 2, None: 3, (1, 2): 4}, {frozenset([1])}, range(5), Model(), Model, np.datetime64("NaT")]  # fmt: skip
ODD = st.integers(0, len(ODD_VALUES) - 1).map(lambda i: ODD_VALUES[i])
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), ODD),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(ANYTHING)
def test_json_is_written_of_anything_and_reads_back(value):
    text = to_json(value)
    json.loads(text)
    assert len(text.splitlines()) == 1
    text.encode()


@given(st.dictionaries(st.text(max_size=5), ANYTHING, max_size=5))
def test_any_configuration_flattens_to_plain_values(config):
    flat = flatten(config)
    assert all(type(key) is str for key in flat)
    assert all(value is None or type(value) in {str, int, float, bool} for value in flat.values())
    assert len(flat) >= (1 if config else 0)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_what_json_knows_comes_back_equal(value):
    assert json.loads(to_json(value)) == value


def test_nan_and_infinity_come_back_from_python_and_from_duckdb():
    text = to_json({"x": [math.nan, math.inf, -math.inf], "y": np.float32("nan")})
    assert text == '{"x": [NaN, Infinity, -Infinity], "y": NaN}'
    back = json.loads(text)
    assert math.isnan(back["x"][0])
    assert back["x"][1:] == [math.inf, -math.inf]
    row = duckdb.execute(
        "SELECT CAST(json_extract_string(?::JSON, '$.x[2]') AS DOUBLE)", [text]
    ).fetchone()
    assert row == (-math.inf,)


def test_long_values_are_cut_where_the_limit_is():
    assert len(to_json("x" * 10**6, limit=1_000)) < 1_100
    assert len(to_json({str(i): "y" * 50 for i in range(10_000)}, limit=1_000)) < 1_200
    assert len(to_json(list(range(10**6)), limit=1_000)) < 1_200
    assert to_json([1] * 10, limit=30) == '[1, 1, 1, 1, "… 6 more"]'
    assert len(flatten({"a": "x" * 10**6})["a"]) == MAX_TEXT + 1
    assert len(flatten({"a": [0.5] * 10**6})["a"]) < 2 * MAX_TEXT


def test_a_wide_circle_ends():
    node: list[object] = []
    node.extend([node, {"again": node}] * 100)
    assert len(to_json(node)) < 10_000
    assert len(flatten({"node": {"a": node, "b": CIRCLE}})) == 3
