"""Colours can be told apart and read, in both themes."""

import itertools
import tomllib
from pathlib import Path

import pytest

from dashboard import theme

CONFIG = Path(theme.__file__).with_name(".streamlit") / "config.toml"


@pytest.fixture(scope="module")
def configured():
    return tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_letter_is_visible_on_the_page_and_readable_on_its_colour(configured, mode):
    for colour in theme.PALETTE[mode]:
        assert theme.contrast(colour, configured[mode]["backgroundColor"]) >= 3
        assert theme.contrast(colour, theme.ink(colour)) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_and_buttons_have_contrast(configured, mode):
    page = configured[mode]["backgroundColor"]
    assert theme.contrast(configured[mode]["textColor"], page) >= 12
    assert theme.contrast(configured[mode]["linkColor"], page) >= 4.5
    assert theme.contrast(configured[mode]["primaryColor"], "#FFFFFF") >= 4.5
    assert theme.contrast(configured[mode]["primaryColor"], page) >= 3
    for colour in (theme.BETTER[mode], theme.WORSE[mode]):
        assert theme.contrast(colour, page) >= 4.5


def test_the_charts_of_streamlit_use_the_same_colours(configured):
    for mode in ("light", "dark"):
        assert tuple(configured[mode]["chartCategoricalColors"]) == theme.PALETTE[mode]


def test_statuses_are_told_apart_by_more_than_colour():
    words = [status.word for status in theme.STATUSES.values()]

    assert words == ["running", "finished", "failed", "stopped", "crashed", "lost"]
    for one, other in itertools.combinations(theme.STATUSES.values(), 2):
        assert one.label != other.label
    assert theme.status("dreaming") is theme.UNKNOWN


def test_ten_runs_have_letters_and_those_that_share_a_colour_are_dashed():
    assert theme.letter(9) == "J"
    assert theme.colour(6, "light") == theme.colour(0, "light")
    assert [theme.is_dashed(place) for place in range(10)] == [False] * 6 + [True] * 4
    looks = {(theme.colour(place, "dark"), theme.is_dashed(place)) for place in range(10)}
    assert len(looks) == 10


def test_a_run_beyond_the_tenth_is_grey_and_has_no_letter():
    assert theme.letter(10) == ""
    assert theme.colour(10, "dark") == theme.GREY["dark"]
