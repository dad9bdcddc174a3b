"""Colours can be told apart and read, in both themes."""

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest

from dashboard import theme

# What is left of red, green and blue: Machado, Oliveira & Fernandes 2009, severity 1.
SIGHTS = {
    "all colours": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE Lab of linear sRGB, for the white of daylight."""
    matrix = [[0.41246, 0.35758, 0.18044], [0.21267, 0.71515, 0.07218], [0.01933, 0.11919, 0.9503]]
    xyz = np.array(matrix) @ rgb / [0.95047, 1, 1.08883]
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), xyz * 24389 / 3132 + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


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


def test_ten_runs_have_letters_and_the_last_four_strokes_of_their_own():
    assert theme.letter(9) == "J"
    assert [theme.is_dashed(place) for place in range(10)] == [False] * 6 + [True] * 4
    assert len({theme.dash(place) for place in range(5, 10)}) == 5


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_ten_colours_keep_apart_however_they_are_seen(mode, sight):
    seen = [lab(np.clip(SIGHTS[sight] @ linear(colour), 0, 1)) for colour in theme.PALETTE[mode]]

    nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2))

    assert len(seen) == len(theme.LETTERS)
    assert nearest > 20


def test_a_run_beyond_the_tenth_is_grey_and_has_no_letter():
    assert theme.letter(10) == ""
    assert theme.colour(10, "dark") == theme.GREY["dark"]
