"""Runs are grouped by what some of them share."""

from dashboard import explorer, grouping


def test_the_group_comes_first_then_parameters_that_part_the_runs(runs):
    found = {one.key: one for one in grouping.groupings(explorer.rows(runs))}

    assert next(iter(found)) == "group"
    assert found["group"].values[:4] == ("cnn-0", "cnn-0", "cnn-0", "lstm-1")
    assert "params.training.lr" in found
    assert "params.training.batch_size" not in found, "it is the same for all"


def test_one_run_cannot_be_grouped(runs):
    assert grouping.groupings(explorer.rows(runs[:1])) == []
