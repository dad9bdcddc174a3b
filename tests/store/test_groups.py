"""Groups of runs as single rows: mean, spread and count over the seeds."""

import math
import statistics

import pytest

import store
from store import testing


@pytest.fixture
def seeds(home):
    def make(name, acc, group=None, **options):
        return testing.make_run(
            home, name=name, metrics={"val/acc": [0.1, acc]}, group=group, **options
        )

    make("a0", 0.8, "a", seed=0)
    make("a1", 0.9, "a", seed=1)
    make("a2", math.nan, "a", seed=2, status="failed")
    make("b0", 0.95, "b")
    make("alone", 0.5)
    make("blank", 0.4, "")
    with store.open(home) as s:
        yield s


def asked(s, **changes):
    options = {"filter": None, "metrics": ["val/acc"], "order_by": "val/acc", "descending": True}
    return s.ask("groups", **{**options, "limit": 10, "offset": 0, **changes}).to_pylist()


def test_a_group_is_one_row_with_mean_spread_and_count(seeds):
    rows = {row["group"] or row["names"][0]: row for row in asked(seeds)}

    a = rows["a"]
    assert a["names"] == ["a0", "a1", "a2"]
    assert a["num_runs"] == 3
    assert a["statuses"] == ["finished", "finished", "failed"]
    values = [0.8, 0.9, 0.1]  # the third run's best value before its NaN
    assert a["mean.0"] == pytest.approx(statistics.mean(values))
    assert a["std.0"] == pytest.approx(statistics.stdev(values))
    assert a["n.0"] == 3
    assert rows["b"]["std.0"] is None
    assert rows["alone"]["group"] is None


def test_groups_are_ordered_filtered_and_paged_by_the_store(seeds):
    assert [row["names"][0] for row in asked(seeds)] == ["b0", "a0", "alone", "blank"]
    assert [r["names"][0] for r in asked(seeds, descending=False)] == ["blank", "alone", "a0", "b0"]
    assert [r["names"] for r in asked(seeds, filter="status = finished and group = a")] == [
        ["a0", "a1"]
    ]
    assert [row["names"][0] for row in asked(seeds, limit=1, offset=1)] == ["a0"]
    assert seeds.ask("count_groups", filter=None)["n"][0].as_py() == 4


def test_groups_need_no_metric(seeds):
    rows = asked(seeds, metrics=[], order_by=None)

    assert [row["names"][-1] for row in rows] == ["blank", "alone", "b0", "a2"]


def test_groups_of_the_same_name_in_two_projects_are_two(home):
    for project in ("p", "q"):
        testing.make_run(home, project=project, group="g")
    testing.make_run(home, project="p", id="g")

    with store.open(home) as s:
        assert s.ask("count_groups", filter=None)["n"][0].as_py() == 3
        assert len(asked(s)) == 3
