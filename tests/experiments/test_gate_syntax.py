import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.evaluating.findings import CHECKS
from experiments.releasing.gate_syntax import (
    OPERATORS,
    VERDICTS,
    ChecksGate,
    GateError,
    RegressionGate,
    SliceGate,
    ThresholdGate,
    VerdictGate,
    parse_gate,
)

names = st.one_of(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_./@-]{0,20}", fullmatch=True),
    st.text(st.characters(exclude_characters='"\n\r', exclude_categories=["Cs", "Cc"]), min_size=1),
)
numbers = st.floats(allow_nan=False, allow_infinity=False)
margins = st.floats(0, 1e9)
levels = st.none() | st.integers(500, 999).map(lambda tenths: tenths / 10 / 100)
codes = st.sampled_from(sorted(CHECKS))

gates = st.one_of(
    st.builds(
        ThresholdGate,
        metric=names,
        op=st.sampled_from(OPERATORS),
        bound=numbers,
        is_plain=st.booleans(),
        level=st.none(),
    ),
    st.builds(
        ThresholdGate, metric=names, op=st.sampled_from(OPERATORS), bound=numbers, level=levels
    ),
    st.builds(RegressionGate, metric=names, margin=margins, level=levels),
    st.builds(
        RegressionGate,
        metric=names,
        margin=st.integers(0, 1000).map(lambda percent: percent / 100),
        is_share=st.just(True),
        is_plain=st.booleans(),
    ),
    st.builds(
        SliceGate,
        margin=margins,
        column=st.none() | names,
        metric=st.none() | names,
        level=levels,
    ),
    st.builds(ChecksGate, exceptions=st.lists(codes, unique=True).map(tuple)),
    st.builds(
        VerdictGate,
        allowed=st.sets(st.sampled_from(VERDICTS), min_size=1).map(
            lambda chosen: tuple(word for word in VERDICTS if word in chosen)
        ),
        metric=st.none() | names,
    ),
)


@given(gates)
def test_a_gate_reads_as_it_writes(gate):
    assert parse_gate(str(gate)) == gate


@given(gates)
def test_spaces_do_not_matter_between_tokens(gate):
    assert parse_gate(f"  {gate}  ") == gate


@given(st.text(max_size=60))
def test_any_text_is_a_gate_or_a_sentence_with_its_place(text):
    refused: GateError | None = None
    try:
        parse_gate(text)
    except GateError as error:
        refused = error
    if refused is not None:
        assert 0 <= refused.position <= len(text)
        assert str(refused).startswith("Expected ")
        assert f"character {refused.position + 1} " in str(refused)


@given(gates, st.data())
def test_a_gate_that_is_cut_off_is_not_taken_for_another_kind(gate, data):
    text = str(gate)
    cut = text[: data.draw(st.integers(0, len(text)))]
    try:
        found = parse_gate(cut)
    except GateError:
        return
    assert type(found) is type(gate)


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("val/f1 >= 0.90", ThresholdGate(metric="val/f1", op=">=", bound=0.9)),
        ("latency_p95_ms<=20", ThresholdGate(metric="latency_p95_ms", op="<=", bound=20)),
        ("ECE <= 0.05 (plain)", ThresholdGate(metric="ECE", op="<=", bound=0.05, is_plain=True)),
        (
            "no slice worse than champion by > 0.02 (95 % CI)",
            SliceGate(margin=0.02, level=0.95),
        ),
        (
            "no slice of length worse than champion by > 2e-2 on macro_f1",
            SliceGate(margin=0.02, column="length", metric="macro_f1"),
        ),
        (
            "no slice of length shown worse than champion by > 5 %",
            SliceGate(margin=0.05, is_share=True, is_shown=True, column="length"),
        ),
        ("checks: none failing", ChecksGate()),
        ("checks : none failing except P03, G01", ChecksGate(exceptions=("P03", "G01"))),
        (
            "verdict vs champion in {equivalent, better}",
            VerdictGate(allowed=("better", "equivalent")),
        ),
        (
            "verdict vs champion on val/auc in {not worse}",
            VerdictGate(allowed=("not worse",), metric="val/auc"),
        ),
        (
            "latency_p95_ms not worse than champion by > 10 %",
            RegressionGate(metric="latency_p95_ms", margin=0.1, is_share=True),
        ),
        ('"my metric" > -1', ThresholdGate(metric="my metric", op=">", bound=-1)),
    ],
)
def test_the_gates_of_the_manual_mean_what_it_says(text, gate):
    assert parse_gate(text) == gate


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "nothing more"),
        ("val/f1", 6, "one of >= <= > <"),
        ("val/f1 >= ninety", 10, "a number"),
        ("val/f1 >= 0.9 points", 14, "the end of the gate"),
        ("val/f1 >= 0.9 (95 CI)", 18, "'%'"),
        ("val/f1 >= 0.9 (5 % CI)", 15, "a confidence level from 50"),
        ("no slice worse than baseline by > 1", 20, "'champion'"),
        ("verdict vs champion in {best}", 24, "one of better, equivalent"),
        ("verdict vs champion in {better", 30, "'}'"),
        ("checks: none", 12, "'failing'"),
        ("x >= 3 §", 7, "a gate"),
        ("val/f1 not worse than champion by > -1", 36, "a margin from 0 on"),
    ],
)
def test_what_cannot_be_understood_is_told_with_its_place(text, position, words):
    with pytest.raises(GateError) as caught:
        parse_gate(text)

    assert caught.value.position == position
    assert words in str(caught.value)
