"""Side by side: the best by the goal, ties named, differences with a direction."""

import math

from dashboard import comparing


def row(run, metric, best, goal, last=None):
    return {
        "run_id": run, "metric": metric, "goal": goal, "unit": None, "best": best,
        "best_step": 3, "last": best if last is None else last, "last_step": 9,
    }  # fmt: skip


def test_a_lower_loss_is_better_and_a_lower_accuracy_is_worse():
    rows = comparing.metric_rows(
        [row("a", "val/loss", 0.3, "min"), row("b", "val/loss", 0.2, "min"),
         row("a", "val/acc", 0.9, "max"), row("b", "val/acc", 0.8, "max")],
        ["a", "b"], "a",
    )  # fmt: skip

    accuracy, loss = rows
    assert [c.verdict for c in loss.cells] == ["neutral", "better"]
    assert [c.is_best for c in loss.cells] == [False, True]
    assert accuracy.cells[1].verdict == "worse"
    assert accuracy.cells[0].delta is None


def test_all_runs_that_share_the_best_value_are_marked():
    (only,) = comparing.metric_rows(
        [row(run, "val/acc", value, "max") for run, value in [("a", 0.9), ("b", 0.9), ("c", 0.1)]],
        ["a", "b", "c"],
        "c",
    )

    assert [c.is_best for c in only.cells] == [True, True, False]
    assert [c.verdict for c in only.cells] == ["better", "better", "neutral"]


def test_a_tie_with_the_baseline_is_no_win():
    (only,) = comparing.metric_rows(
        [row("a", "val/acc", 0.9, "max"), row("b", "val/acc", 0.9, "max")], ["a", "b"], "a"
    )

    assert only.cells[1].verdict == "same"


def test_without_a_goal_the_last_value_is_shown_and_nothing_is_judged():
    (only,) = comparing.metric_rows(
        [row("a", "lr", None, None, last=0.1), row("b", "lr", None, None, last=0.2)],
        ["a", "b"],
        "a",
    )

    assert [c.value for c in only.cells] == [0.1, 0.2]
    assert [c.verdict for c in only.cells] == ["neutral", "neutral"]
    assert not any(c.is_best for c in only.cells)


def test_missing_and_nan_values_are_neither_best_nor_compared():
    (only,) = comparing.metric_rows(
        [row("a", "val/acc", math.nan, "max"), row("b", "val/acc", 0.5, "max")],
        ["a", "b", "c"],
        "b",
    )

    assert [c.delta for c in only.cells] == [None, None, None]
    assert not any(c.is_best for c in only.cells)


def test_test_metrics_come_before_validation_and_training():
    names = ["train/loss", "val/loss", "test/acc", "lr", "val/acc", "system/cpu"]
    goals = {"lr": None, "system/cpu": None, "test/acc": "max", "val/acc": "max"}
    rows = [row("a", name, 1.0, goals.get(name, "min")) for name in names]

    ordered = [r.name for r in comparing.metric_rows(rows, ["a", "b"], "a")]

    assert ordered == ["test/acc", "val/acc", "val/loss", "train/loss", "lr"]


def test_parameters_that_only_one_run_has_differ():
    rows = comparing.parameter_rows(
        [{"params": {"lr": 0.1, "depth": 2}}, {"params": {"lr": 0.1, "width": 3}}]
    )

    assert {r.key: r.differs for r in rows} == {"lr": False, "depth": True, "width": True}
    assert rows[1].values == (2, None)


def test_a_metric_that_runs_define_differently_is_said_and_not_ranked():
    rows = [row("a", "val/x", 1.0, "max"), row("b", "val/x", 2.0, "min")]
    (only,) = comparing.metric_rows(rows, ["a", "b"], "a")

    assert only.goal is None
    assert not any(cell.is_best for cell in only.cells)
    note = comparing.goal_note(rows)
    assert note is not None
    assert "define val/x differently" in note
    assert comparing.goal_note(rows[:1]) is None
