"""Whoever draws only what is new since the last answer sees what one whole answer shows."""

import json
from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.asked import Asked
from store.curve_cache import CurveCache
from store.grid import Grid
from store.journal_reader import Block
from store.line_questions import FACTS, NUMBERS, lines
from store.schema import key_of

RUNS = ("r0", "r1", "r2")
METRICS = ("a", "b")
_START_US = 1_700_000_000_000_000


class Recording:
    """Points in a database and in the curves in memory, as the owner of a store puts them there."""

    database = duckdb.connect()

    def __init__(self):
        self.database.execute(
            "CREATE OR REPLACE TABLE all_points(run_key BIGINT, metric_key BIGINT, step BIGINT, epoch DOUBLE, "
            "wall_us BIGINT, elapsed_s DOUBLE, value DOUBLE)"
        )
        self.database.execute(
            "CREATE OR REPLACE TABLE run_base(run_key BIGINT, run_id VARCHAR, status VARCHAR)"
        )
        self.curves = CurveCache()
        self.written = 0

    def write(self, rows):
        """Take in rows of run, metric, step, epoch, value."""
        order = np.arange(self.written, self.written + len(rows))
        self.written += len(rows)
        runs, metrics, steps, epochs, values = zip(*rows, strict=True)
        points = {
            "run_key": np.array([key_of(run) for run in runs]),
            "metric_key": np.array([key_of(metric) for metric in metrics]),
            "step": np.array(steps, np.int64),
            "epoch": np.array(epochs, np.float64),
            "wall_us": _START_US + order * 1_000,
            "elapsed_s": order / 1_000,
            "value": np.array(values, np.float64),
        }
        with self.curves.lock:
            self.database.register("batch", pa.table(points))
            self.database.execute("INSERT INTO all_points BY NAME SELECT * FROM batch")
            for run, metric in dict.fromkeys(zip(runs, metrics, strict=True)):
                is_of = np.array([one == (run, metric) for one in zip(runs, metrics, strict=True)])
                part = {name: column[is_of] for name, column in points.items()}
                block = Block(
                    keys=(metric,),
                    values=part["value"][:, None],
                    **{name: part[name] for name in ("step", "epoch", "wall_us", "elapsed_s")},
                )
                self.curves.add(key_of(run), [block])

    def ask(self, question, known=""):
        """Return the facts of an answer, and its lines."""
        table = lines(Asked(self.database.cursor(), self.curves), **question, known=known)
        facts = json.loads((table.schema.metadata or {})[FACTS])
        numbers, start, found = table[NUMBERS].to_numpy(), 0, {}
        for line in facts["lines"]:
            end = start + line["n"] * line["columns"]
            columns = numbers[start:end].reshape(line["columns"], line["n"])
            found[line["run"], line["metric"], line["kind"]] = (line["since"], columns)
            start = end
        assert start == len(numbers)
        return facts, found


def drawn_after(drawn, facts, news):
    """Return what a browser has drawn after an answer."""
    after = {} if facts["is_all"] else dict(drawn)
    for key, (since, columns) in news.items():
        before = drawn[key][:, drawn[key][0] < since] if since is not None else columns[:, :0]
        after[key] = np.concatenate([before, columns], axis=1)
    return after


STEPS = st.integers(0, 40)
VALUES = st.sampled_from([0.0, 1.0, -2.5, 9.0, np.nan, np.inf]) | st.floats(-5, 5)


@st.composite
def histories(draw):
    """Batches of points: most go on behind the last step, some go back or write over."""
    last = dict.fromkeys(((run, metric) for run in RUNS for metric in METRICS), 0)
    batches = []
    for _ in range(draw(st.integers(1, 7))):
        if draw(st.integers(0, 9)) == 0:
            batches.append(None)  # memory is given back
            continue
        batch = []
        for _ in range(draw(st.integers(1, 25))):
            key = draw(st.sampled_from(list(last)))
            is_behind = draw(st.integers(0, 15)) == 0
            step = draw(STEPS) if is_behind else last[key] + draw(st.sampled_from([1, 1, 1, 2, 30]))
            last[key] = max(step, last[key])
            epoch = draw(st.sampled_from([step / 4, step / 4, step // 10, np.nan, -1.0]))
            batch.append((*key, step, epoch, draw(VALUES)))
        batches.append(batch)
    return batches


@st.composite
def questions(draw):
    """Anything that a panel can ask."""
    lo, hi = draw(st.sampled_from([(None, None), (None, None), (10, 60), (12.5, None), (3, 3)]))
    x = draw(st.sampled_from(["step", "step", "step", "epoch", "elapsed", "wall", "b"]))
    view = {
        "x": x,
        "lo": lo,
        "hi": hi,
        "width": draw(st.integers(1, 12)),
        "log_x": draw(st.booleans()),
        "weight": draw(st.sampled_from([0.0, 0.0, 0.5])),
        "clip": draw(st.booleans()),
    }
    metrics = draw(st.sampled_from([["a"], ["a", "b"], ["=a - b"], ["=last(b) - a"]]))
    groups = draw(st.sampled_from([[], [RUNS[:2]], [RUNS[1:], RUNS[:1]]]))
    return {"metrics": metrics, "run_ids": RUNS, "groups": groups, "view": view}


def tell_bit_by_bit(history, question):
    """Compare what is drawn after each batch with one whole answer."""
    recording, drawn, known = Recording(), {}, ""
    for batch in history:
        if batch is None:
            recording.curves.clear()
        else:
            recording.write(batch)
        facts, news = recording.ask(question, known)
        drawn, known = drawn_after(drawn, facts, news), facts["cursor"]
        everything, whole = recording.ask(question)

        assert everything["is_all"]
        assert everything["extent"] == facts["extent"]
        assert set(drawn) == set(whole)
        for key, (since, columns) in whole.items():
            assert since is None
            np.testing.assert_array_equal(drawn[key], columns)
        again, nothing = recording.ask(question, known)
        assert (nothing, again["is_all"]) == ({}, False)


@settings(max_examples=10, deadline=None)
@given(histories(), questions())
def test_what_is_told_bit_by_bit_is_what_is_told_at_once(history, question):
    tell_bit_by_bit(history, question)


@pytest.mark.exhaustive
@settings(max_examples=1_000, deadline=None)
@given(histories(), questions())
def test_whatever_comes_in_any_order_nothing_is_lost(history, question):
    tell_bit_by_bit(history, question)


def grown(numbers, question, size=2_100):
    """Return how many points each answer had while one curve of a run grew by `numbers`."""
    recording, known, step, sent = Recording(), "", 0, []
    recording.write([("r0", "a", at, at / 10, np.sin(at)) for at in range(size)])
    step = size
    for number in [0, *numbers]:
        if number:
            rows = range(step, step + number)
            recording.write([("r0", "a", at, at / 10, np.sin(at)) for at in rows])
            step += number
        facts, news = recording.ask(question, known)
        known = facts["cursor"]
        sent.append(sum(columns.shape[1] for _, columns in news.values()))
    return sent


@pytest.mark.parametrize("x", ["step", "epoch", "elapsed", "wall"])
@pytest.mark.parametrize("weight", [0.0, 0.9])
def test_a_curve_that_grows_is_not_told_again(x, weight):
    question = {
        "metrics": ["a"],
        "run_ids": ["r0"],
        "view": {"x": x, "width": 100, "weight": weight},
    }
    whole, *news = grown([5] * 8, question)

    assert whole > 380
    assert max(news) <= 24


def test_news_beyond_what_is_seen_are_none():
    view = {"lo": 100, "hi": 300, "width": 100}
    whole, *news = grown([5] * 3, {"metrics": ["a"], "run_ids": ["r0"], "view": view})

    assert whole == 203
    assert news == [0, 0, 0]


@given(
    low=st.floats(-1e300, 1e300),
    span=st.floats(0, 1e300),
    share=st.floats(0, 1),
    columns=st.integers(1, 4000),
)
def test_columns_hold_still_and_their_edges_are_ascending(low, span, share, columns):
    high = low + span
    grid = Grid.over(low, high, columns)
    edges = grid.edges(low, high, is_whole=False)

    assert len(edges) <= 1.25 * columns + 1
    assert all(a < b for a, b in pairwise(edges))
    x = min(high, low + share * span)
    begin = grid.start(x)
    assert begin <= x
    after = edges[np.searchsorted(edges, begin, "right") :][:1]
    assert all(x < edge for edge in after)
    np.testing.assert_array_equal(grid.edges(x, high, is_whole=False), edges[edges > x])


def test_a_chart_is_cut_into_as_many_columns_as_asked_for_or_a_quarter_more():
    for high in np.geomspace(1, 1e9, 300):
        for is_log in (False, True):
            edges = Grid.over(0.5, high, 100, is_log=is_log).edges(0.5, high, is_whole=False)
            assert 99 <= len(edges) <= 126


def test_a_grid_lasts_until_a_chart_has_grown_by_a_quarter():
    sizes = [Grid.over(0, high, 1_000).size for high in range(1_000, 64_000)]

    assert len(set(sizes)) == 4 * 6
    assert sizes == sorted(sizes)
