"""The run table: which columns it has, and what stands in them."""

import math
from datetime import datetime

from dashboard import tables
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
