"""The run table: which columns it has, and what stands in them."""

import math
from datetime import datetime

import pandas as pd
import pytest

from dashboard import formats, tables
from dashboard.tables import KeyMetric

STARTED = datetime.fromisoformat("2026-11-22T12:00")  # UTC, without saying so: as the store does


def series(**goals):
    return [{"metric": name, "goal": goal, "run_id": "a"} for name, goal in goals.items()]


def test_validation_metrics_with_a_goal_come_first():
    rows = series(**{"train/loss": "min", "val/loss": "min", "val/acc": "max", "test/acc": "max"})
    rows += series(lr=None, **{"system/cpu": None})

    labels = [metric.label for metric in tables.key_metrics(rows)]

    assert labels == ["val/acc ↑ best", "val/loss ↓ best", "test/acc ↑ best"]


def test_runs_that_log_training_only_show_that():
    assert [m.name for m in tables.key_metrics(series(**{"train/loss": "min"}))] == ["train/loss"]


def test_a_chosen_metric_without_a_goal_says_that_it_shows_the_last_value():
    chosen = tables.metrics_named(series(lr=None, **{"val/acc": "max"}), ["lr", "gone"])

    assert [m.label for m in chosen] == ["lr last"]


def test_the_best_run_is_sorted_to_the_top_by_the_goal():
    assert KeyMetric(name="val/loss", goal="min").order == 'metrics."val/loss" asc'
    assert KeyMetric(name="val/acc", goal="max").order == 'metrics."val/acc" desc'


def test_only_parameters_that_tell_runs_apart_earn_a_column():
    values = {
        "same": [1, 1, 1],
        "rare": [None, None, 2],
        "lr": [0.1, 0.2, None],
        "depth": [1, 2, 3],
    }

    assert tables.differing(values) == ["depth", "lr"]
    assert tables.differing(values, most=1) == ["depth"]


def test_odd_parameter_names_are_quoted_for_the_filter_language():
    assert tables.param_column("model.lr") == "params.model.lr"
    assert tables.param_column("my key") == 'params."my key"'


def test_the_frame_holds_what_the_table_shows():
    rows = {
        "run_id": ["r1", "r2"],
        "name": ["first", None],
        "status": ["running", "crashed"],
        "model": ["cnn", None],
        "duration_s": [61.0, None],
        "created_at": [STARTED, STARTED],
        "group": [None, None],
        "tags": [["best"], None],
        "notes": [None, "why"],
        "seed": [0, None],
        "project": ["p", "p"],
        'metrics."val/acc"': [0.5, math.nan],
        "params.lr": [0.1, None],
        "params.kind": ["adam", None],
        'spark."val/loss"': [[1.0, 0.5], None],
    }
    metrics = [KeyMetric(name="val/acc", goal="max")]

    frame = tables.run_frame(rows, ["lr", "kind"], metrics)
    columns = tables.run_columns(["lr", "kind"], metrics, "val/loss", frame)

    assert list(frame["name"]) == ["first", "r2"]
    assert list(frame["status"]) == [["● running"], ["✕ crashed"]]
    assert list(frame["duration"]) == ["1 min 01 s", "\N{EN DASH}"]
    assert str(frame["created_at"].dt.tz) == "UTC"
    assert [c.label for c in columns] == [
        "Run", "Status", "Model", "val/acc ↑ best", "val/loss", "lr", "kind",
        "Duration", "Started", "Tags",
    ]  # fmt: skip
    assert {c.key: c.kind for c in columns}["params.kind"] == "text"


def test_a_parameters_short_name_is_used_where_it_is_clear():
    assert tables.short_param("model.lr", ["model.lr", "data.kind"]) == "lr"
    assert tables.short_param("model.lr", ["model.lr", "head.lr"]) == "model.lr"


def test_chosen_columns_come_in_the_chosen_order():
    metric = tables.KeyMetric(name="val/acc", goal="max")
    frame = pd.DataFrame({'metrics."val/acc"': [0.5], "params.lr": [0.1], "group": [None]})

    listed = tables.run_columns(["lr"], [metric], None, frame, ["lr", "notes", "val/acc", "gone"])

    assert [c.label for c in listed] == ["Run", "lr", "Notes", "val/acc ↑ best"]


def test_a_column_of_tiny_parameters_is_wide_enough_for_them():
    frame = pd.DataFrame({"params.lr": [1e-3, 5.7e-5], "params.size": [0.0, 0.25]})

    _, small, plain = tables.run_columns(["lr", "size"], [], None, frame, ["lr", "size"])

    assert (small.width or 0) > 100
    assert plain.width is None


def test_differences_to_a_baseline_say_which_way_is_better():
    metric = tables.KeyMetric(name="val/loss", goal="min")
    frame = pd.DataFrame({'metrics."val/loss"': [0.5, 0.25, None]})

    tables.add_deltas(frame, [metric], {"val/loss": 0.5})

    assert frame["delta.val/loss"].tolist()[:2] == [0.0, -0.25]
    assert tables.delta_words(-0.25, 3) == f"▼ {formats.MINUS}0.250"
    assert tables.delta_words(0.25, None) == "▲ +0.2500"
    assert tables.delta_words(0.0, 3) == "="
    assert tables.delta_words(math.nan, 3) == ""
    assert tables.delta_verdict(-0.25, "min") == "better"
    assert tables.delta_verdict(-0.25, "max") == "worse"
    assert tables.delta_verdict(0.25, None) == "neutral"
    assert tables.delta_verdict(0.0, "min") == "neutral"


@pytest.mark.parametrize(
    ("mean", "std", "count", "text"),
    [
        (0.9124, 0.0041, 5, "0.912 ± 0.004 (5)"),
        (0.9124, 0.0141, 5, "0.912 ± 0.014 (5)"),
        (123.4, 8.6, 3, "123 ± 9 (3)"),
        (0.5, None, 1, "0.5000 (1)"),
        (0.5, 0.0, 2, "0.5000 ± 0 (2)"),
        (None, None, 0, formats.DASH),
        (-0.25, 0.03, 2, f"{formats.MINUS}0.25 ± 0.03 (2)"),
    ],
)
def test_a_mean_keeps_as_many_digits_as_its_spread_allows(mean, std, count, text):
    assert formats.spread(mean, std, count) == text
