"""Verdicts as a table: the word, the difference with its interval, and what it means. Pure."""

import math
from collections.abc import Sequence

from dashboard import markup
from dashboard.markup import Markup, element
from experiments.comparison import Verdict
from experiments.evaluating.verdict import Word, amount, name_of, span

_WIDTH, _HEIGHT, _PAD = 220, 26, 8
_GOOD = {Word.CLEARLY_BETTER, Word.BETTER, Word.BETTER_BUT_LITTLE}
_BAD = {Word.CLEARLY_WORSE, Word.WORSE}


def verdict_table(verdicts: Sequence[Verdict], places: Sequence[int], margin: float) -> Markup:
    """Return one row a candidate, with all intervals on one scale.

    Parameters
    ----------
    verdicts
        Of one comparison: one metric, one baseline.
    places
        Position of each candidate among the compared runs, for its letter.
    margin
        The smallest difference that matters, drawn as a band.
    """
    reach = _reach(verdicts, margin)
    metric = name_of(verdicts[0].metric)
    return markup.table(
        [
            element("th", "Run", scope="col"),
            element("th", "Verdict", scope="col"),
            element("th", f"Difference in {metric}", scope="col"),
            element("th", "95 % interval; in the grey band it does not matter", scope="col"),
            element("th", "Over seeds", scope="col"),
        ],
        [
            element(
                "tr",
                element(
                    "th",
                    markup.letter(place),
                    element("span", verdict.candidate, cls="run"),
                    scope="row",
                ),
                element("td", _chip(verdict.word)),
                element(
                    "td",
                    element(
                        "span",
                        amount(verdict.difference.estimate, verdict.metric),
                        cls=f"delta {_tone(verdict.word)}",
                    ),
                ),
                element("td", _interval(verdict, margin, reach)),
                element("td", _over_seeds(verdict)),
            )
            for verdict, place in zip(verdicts, places, strict=True)
        ],
        label=f"Verdicts against {verdicts[0].baseline} on {metric}",
    )


def _reach(verdicts: Sequence[Verdict], margin: float) -> float:
    """Return how far the common scale goes to either side of 0."""
    ends = [
        abs(end)
        for verdict in verdicts
        for end in (verdict.difference.low, verdict.difference.high, verdict.difference.estimate)
        if math.isfinite(end)
    ]
    return 1.08 * max([1.5 * margin, *ends])


def _chip(word: Word) -> Markup:
    return element("span", str(word).capitalize(), cls=f"chip {_tone(word)}")


def _tone(word: Word) -> str:
    if word in _GOOD:
        return "better"
    return "worse" if word in _BAD else "neutral"


def _over_seeds(verdict: Verdict) -> str:
    if verdict.recipe is None:
        return "not assessed"
    return f"{verdict.recipe_word} ({verdict.recipe.seeds_a} and {verdict.recipe.seeds_b} seeds)"


def _interval(verdict: Verdict, margin: float, reach: float) -> Markup:
    """Draw the interval around the difference, with the margin as a band around 0."""
    difference = verdict.difference

    def at(value: float) -> str:
        return f"{_PAD + (value / reach + 1) / 2 * (_WIDTH - 2 * _PAD):.1f}"

    middle = f"{_HEIGHT / 2:.0f}"
    band_width = f"{float(at(margin)) - float(at(-margin)):.1f}"
    parts = [
        element("rect", x=at(-margin), y="3", width=band_width, height="20", cls="band"),
        element("line", x1=at(0), x2=at(0), y1="1", y2="25", cls="zero"),
    ]
    if math.isfinite(difference.low) and math.isfinite(difference.high):
        low, high = at(difference.low), at(difference.high)
        parts.append(element("line", x1=low, x2=high, y1=middle, y2=middle, cls="reach"))
        told = f"{amount(difference.estimate, verdict.metric)}, {span(difference, verdict.metric)}"
    else:
        told = "no interval"
    if math.isfinite(difference.estimate):
        parts.append(element("circle", cx=at(difference.estimate), cy=middle, r="4.5"))
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        width=str(_WIDTH),
        height=str(_HEIGHT),
        role="img",
        cls=f"interval {_tone(verdict.word)}",
        aria_label=told,
    )
