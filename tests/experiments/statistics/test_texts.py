"""Written and wanted texts: textbook distances, sacrebleu's chrF, counts by hand."""

import random
from collections import Counter

import numpy as np
import pytest

from experiments.statistics import (
    TEXT_METRICS,
    bootstrap_metrics,
    chrf,
    edit_distance,
    edit_similarity,
    exact_match,
    metric_interval,
    paired_difference,
    text_scores,
    token_f1,
)
from trainers.tasks.similarity import edit_distance as one_distance


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("kitten", "sitting", 3),  # Wikipedia, "Levenshtein distance"
        ("Saturday", "Sunday", 3),  # Wikipedia, "Wagner-Fischer algorithm"
        ("intention", "execution", 5),  # Jurafsky & Martin, with substitutions at cost 1
        ("flaw", "lawn", 2),
        ("", "abc", 3),
        ("abc", "", 3),
        ("", "", 0),
        ("naïve 😀", "naive 😁", 2),
    ],
)
def test_edit_distances_of_textbooks(first: str, second: str, distance: int):
    assert edit_distance([first], [second]) == [distance]
    assert edit_distance([second], [first]) == [distance]


@pytest.mark.parametrize(
    ("written", "wanted", "value"),
    [
        # sacrebleu 2.6.0, CHRF().sentence_score(written, [wanted]).score / 100
        ("the cat is on the mat", "the cat sat on the mat", 0.619251512899325),
        ("1 jan 2020", "2020-01-01", 0.2140982794668742),
        ("abc", "abcdefgh", 0.32250580046403704),
        ("ab", "ba", 0.5),
        ("Straße", "Strasse", 0.3221520365933348),
        ("xyz", "abc", 0.0),
        ("abc", "", 0.0),
        ("", "", 1.0),  # ours: sacrebleu says 0 of two empty texts
    ],
)
def test_chrf_is_that_of_sacrebleu(written: str, wanted: str, value: float):
    assert chrf([written], [wanted]) == pytest.approx([value], abs=1e-12)


@pytest.mark.parametrize(
    ("written", "wanted", "value"),
    [
        ("the cat sat", "the cat sat", 1.0),
        ("the the the", "the cat", 2 * 1 / 5),
        ("a b c d", "c d e f g h", 2 * 2 / 10),
        ("Cat", "cat", 0.0),
        ("", "", 1.0),
        ("", "cat", 0.0),
    ],
)
def test_words_that_both_have_count_as_often_as_both_have_them(written, wanted, value):
    assert token_f1([written], [wanted]) == pytest.approx([value])


def invented(count: int) -> tuple[list[str], list[str]]:
    rng = random.Random(1)
    written, wanted = [], []
    for _ in range(count):
        text = " ".join("".join(rng.choices("abcdé", k=rng.randint(0, 5))) for _ in range(6))
        other = [rng.choice("abc ") if rng.random() < 0.2 else letter for letter in text]
        written.append(text)
        wanted.append("".join(other[: rng.randint(0, len(other))]))
    return written, wanted


def test_many_texts_at_once_give_what_each_gives_alone():
    written, wanted = invented(600)  # more than are worked on together
    pairs = list(zip(written, wanted, strict=True))

    found = text_scores(written, wanted)

    assert edit_distance(written, wanted).tolist() == [one_distance(a, b) for a, b in pairs]
    words = [(Counter(a.split()), Counter(b.split())) for a, b in pairs]
    assert found[:, 1] == pytest.approx(
        [2 * (a & b).total() / (a.total() + b.total()) if a or b else 1.0 for a, b in words]
    )
    for row in (0, 5, 599):
        assert found[row] == pytest.approx(text_scores([written[row]], [wanted[row]])[0])
    assert found[:, 0].tolist() == [float(a == b) for a, b in pairs]
    assert ((found >= 0) & (found <= 1)).all()


def test_texts_have_intervals_and_paired_differences():
    written, wanted = invented(300)
    table, better = text_scores(written, wanted), text_scores(wanted[:60] + written[60:], wanted)
    for place, metric in enumerate(TEXT_METRICS):
        one = metric_interval(metric, wanted, table)
        difference = paired_difference(metric, wanted, better, table)
        draws = bootstrap_metrics([metric], wanted, [table, better], resamples=200)[metric]
        assert one.estimate == pytest.approx(table[:, place].mean())
        assert difference.estimate > 0
        assert difference.se == pytest.approx((draws[:, 1] - draws[:, 0]).std(), rel=0.2)


def test_texts_that_do_not_pair_up_are_refused():
    with pytest.raises(ValueError, match="as many wanted texts as written ones; got 1 and 2"):
        text_scores(["a", "b"], ["a"])


def test_the_simplest_measures():
    assert exact_match(["a", "A"], ["a", "a"]).tolist() == [1, 0]
    assert edit_similarity(["kitten", ""], ["sitting", ""]) == pytest.approx([4 / 7, 1])
    assert np.array(text_scores([], [])).shape == (0, 4)
