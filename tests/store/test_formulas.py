"""Formulae say what NumPy says, and whatever cannot be one is refused in a sentence."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from store.errors import FormulaError
from store.formulas import FUNCTIONS, Call, Metric, Node, Number, check, evaluate, metrics, parse

A, B = np.array([1.0, 4.0, np.nan, -2.0]), np.array([0.5, -1.0, 3.0, 0.0])
VALUES = {Metric("val/loss"): A, Metric("b"): B, Metric("b", is_last=True): B}

LEAVES = st.one_of(
    st.floats(0, 1e9).map(Number),
    st.sampled_from([Metric("val/loss"), Metric("b"), Metric("b", is_last=True)]),
)


def calls(parts):
    binary = st.builds(
        Call, st.sampled_from(["+", "-", "*", "/", "^", "min", "max"]), st.tuples(parts, parts)
    )
    unary = st.builds(Call, st.sampled_from(["-", "abs", "exp", "log", "sqrt"]), st.tuples(parts))
    return binary | unary


TREES = st.recursive(LEAVES, calls, max_leaves=8).filter(metrics)


def written(node: Node, quote: str) -> str:
    """Write a tree with every parenthesis."""
    if isinstance(node, Number):
        return repr(node.value)
    if isinstance(node, Metric):
        name = f"{quote}{node.name}{quote}"
        return f"last({name})" if node.is_last else name
    parts = [written(part, quote) for part in node.operands]
    if node.function in FUNCTIONS:
        return f"{node.function}({', '.join(parts)})"
    if len(parts) == 1:
        return f"(-{parts[0]})"
    return f"({parts[0]} {node.function} {parts[1]})"


@given(tree=TREES, quote=st.sampled_from(["", '"']))
def test_what_is_written_is_read_back(tree, quote):
    assert parse(written(tree, quote)) == tree


@given(text=st.text(max_size=40) | st.text('ab/+-*^()., 12"', max_size=25))
@example(text="(" * 200)
@example(text="-" * 299 + "b")
@example(text="b" + "^b" * 140)
@example(text="a" * 301)
@example(text="__import__('os')")
def test_any_text_is_a_formula_or_refused_in_a_sentence(text):
    refusal, tree = "", None
    try:
        tree = parse(text)
    except FormulaError as error:
        refusal = str(error)
    if tree is None:
        assert refusal.startswith("Expected ")
        assert "\n" not in refusal
    else:
        evaluate(tree, dict.fromkeys(metrics(tree), A))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("val/loss - b", A - B),
        ("b / 2 + 1", B / 2 + 1),
        ("2 * b - b * 2", B * 0),
        ("-b ^ 2", -(B**2)),
        ("2 ** 3 ^ 0 * b", 2 * B),
        ('"val/loss"/"b"', [2, -4, np.nan, -np.inf]),
        ("log10(abs(val/loss))", [0, np.log10(4), np.nan, np.log10(2)]),
        ("max(b; 0)", np.maximum(B, 0)),
        ("1 - last(b)", 1 - B),
    ],
)
def test_formulae_are_computed_as_in_school(text, expected):
    np.testing.assert_allclose(evaluate(parse(text), VALUES), expected)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("val/los - b", "Expected a metric of these runs; got 'val/los'. Did you mean val/loss?"),
        (
            "b/val/loss",
            "Expected a metric of these runs; got 'b/val/loss'. Put blanks around / to divide.",
        ),
        ("b +", "Expected a metric, a number or '('; got the end."),
        ("(b", "Expected ')'; got the end."),
        ("b b", "Expected an operator or the end; got 'b'."),
        ("b $ 2", "Expected numbers, metrics and operators; got '$'."),
        ("1 + 2", "Expected a formula with a metric in it; got '1 + 2'."),
        ("min(b)", "Expected 2 values for min; got 1."),
        ("last(b + 1)", "Expected a metric's name in last(); got something else."),
        ("f(b)", f"Expected one of the functions {', '.join(FUNCTIONS)}, last; got 'f'."),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(text, sentence):
    with pytest.raises(FormulaError) as refusal:
        check(text, ["val/loss", "b"])

    assert str(refusal.value) == sentence
