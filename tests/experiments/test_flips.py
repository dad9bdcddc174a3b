import numpy as np
import pyarrow as pa
import pytest

from experiments.evaluating.flips import agreement, between, flips
from experiments.evaluating.predicted import Predicted


def model(positive, label=(0, 0, 1, 1, 1), task="classification"):
    positive = np.asarray(positive, dtype=float)
    return Predicted(
        example_id=pa.chunked_array([[f"e{i}" for i in range(len(positive))]]),
        label=np.asarray(label),
        scores=np.stack([1 - positive, positive], axis=1),
        task=task,
        classes=("no", "yes"),
        group=None,
        slices={},
    )


OLD = [0.1, 0.8, 0.9, 0.3, 0.2]
NEW = [0.9, 0.2, 0.6, 0.4, 0.9]


def test_flips_count_who_is_right():
    found = flips(model(NEW), model(OLD))

    assert (found.fixed, found.broken, found.both_wrong, found.both_right) == (2, 1, 1, 1)
    assert found.difference.estimate == pytest.approx(1 / 5)
    assert found.rows("fixed").tolist() == [4, 1]
    assert found.rows("broken").tolist() == [0]
    assert found.rows("both wrong", most=5).tolist() == [3]
    assert found.sentence("new", "old") == (
        "new gets 2 examples right that old gets wrong, and breaks 1: 1 more right of 5."
    )


def test_the_same_answers_and_a_draw_are_said():
    same = flips(model(OLD), model(OLD))
    draw = flips(model([0.9, 0.1, 0.9, 0.3, 0.2]), model([0.1, 0.9, 0.9, 0.3, 0.2]))

    assert same.sentence("a", "b") == "a and b are right and wrong on the same examples."
    assert draw.sentence("a", "b").endswith("and breaks 1: a draw of 5.")


def test_examples_are_told_with_what_each_says():
    [row] = between(model(NEW), model(OLD), [0])

    assert row == {
        "id": "e0", "label": "no", "candidate": "yes", "candidate_score": pytest.approx(0.9),
        "baseline": "no", "baseline_score": pytest.approx(0.9),
    }  # fmt: skip


def test_other_examples_or_another_task_are_refused():
    with pytest.raises(ValueError, match="same examples"):
        flips(model(NEW), model(OLD, label=(1, 0, 1, 1, 1)))
    with pytest.raises(ValueError, match="these predictions are numbers"):
        flips(model(NEW, task="regression"), model(OLD, task="regression"))


def test_agreement_is_the_share_of_equal_answers():
    found = agreement([model(NEW), model(OLD)])

    assert found.tolist() == [[1.0, 0.4], [0.4, 1.0]]
