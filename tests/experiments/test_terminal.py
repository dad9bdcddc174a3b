import json
from datetime import datetime

import pytest

from experiments import terminal


def test_json_keeps_nan_and_infinity_as_words(capsys: pytest.CaptureFixture[str]) -> None:
    values = {
        "loss": float("nan"),
        "best": [float("inf"), -float("inf")],
        "at": datetime.fromisoformat("2026-01-02T00:00:00"),
    }
    terminal.say_json(values)

    assert json.loads(capsys.readouterr().out) == {
        "loss": "NaN",
        "best": ["Infinity", "-Infinity"],
        "at": "2026-01-02T00:00:00+00:00",
    }


def test_a_table_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say_table(
        [{"a": 1.23456, "b": None}, {"a": "x", "b": ["p", "q"]}], {"a": "A", "b": "B"}
    )

    assert capsys.readouterr().out == "A      B\n1.235  -\nx      p,q\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "-"), (float("nan"), "-"), (0.4, "0 s"), (125, "2 min 5 s"), (12_000, "3 h 20 min")],
)
def test_durations_read_well(seconds: float | None, words: str) -> None:
    assert terminal.duration(seconds) == words
