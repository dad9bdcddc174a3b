import re

import pytest

from dashboard.verdicts import verdict_table
from experiments.comparison import Verdict
from experiments.evaluating.verdict import Word, judge
from experiments.statistics import PairedDifference


def verdict(estimate, low, high, *, margin=0.01):
    difference = PairedDifference(
        estimate=estimate,
        low=low,
        high=high,
        metric="accuracy",
        value_a=0.8 + estimate,
        value_b=0.8,
        se=0.01,
        df=99.0,
        n=100,
        groups=None,
        method="t",
        note="",
    )
    return Verdict(
        candidate="<b>new</b>",
        baseline="old",
        metric="accuracy",
        difference=difference,
        word=judge(difference, margin),
        sentence="",
        recipe=None,
        recipe_word=Word.NOT_JUDGED,
        recipe_sentence="",
        next_step="",
    )


def numbers(name, html):
    return [float(found) for found in re.findall(rf'\b{name}="([\d.]+)"', html)]


@pytest.mark.parametrize(
    ("low", "high", "tone"),
    [(0.02, 0.04, "better"), (-0.04, -0.02, "worse"), (-0.02, 0.04, "neutral")],
)
def test_the_tone_follows_the_word(low, high, tone):
    html = verdict_table([verdict((low + high) / 2, low, high)], [1], 0.01)

    assert f'class="chip {tone}"' in html
    assert f'class="interval {tone}"' in html


def test_all_intervals_share_one_scale_that_holds_them():
    html = verdict_table([verdict(0.3, 0.2, 0.4), verdict(-0.01, -0.02, 0.0)], [1, 2], 0.01)
    ends = numbers("x1", html) + numbers("x2", html) + numbers("cx", html)

    assert all(0 <= end <= 220 for end in ends)
    bands = re.findall(r'<rect x="([\d.]+)"[^>]*width="([\d.]+)"', html)
    assert len(bands) == 2
    assert bands[0] == bands[1]


def test_a_difference_without_an_interval_is_drawn_as_a_point_alone():
    nan = float("nan")
    html = verdict_table([verdict(0.1, nan, nan)], [1], 0.01)

    assert 'aria-label="no interval"' in html
    assert "reach" not in html
    assert "Not judged" in html


def test_names_are_escaped():
    assert "&lt;b&gt;new" in verdict_table([verdict(0.1, 0.0, 0.2)], [1], 0.01)
