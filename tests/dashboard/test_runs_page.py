"""The Runs page: folding, columns, baseline, and what is done to the ticked runs."""

import json

import pytest

import store
from dashboard import data, folded, settings
from dashboard.views import runs_edit
from experiments import queue
from experiments.queueing.jobs import JOB
from store import testing
from store.ledger import LEDGER_NAME, Ledger

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports


@pytest.fixture
def own(home, monkeypatch):
    """Three runs in a store that may be changed, oldest first."""
    monkeypatch.setenv("BAKEOFF_HOME", str(home))
    yield testing.filled_store(home, num_runs=3)
    data.close()


def button(at, label):
    return next(b for b in at.button if b.label == label)


def rows_of(home):
    with store.open(home) as s:
        return s.runs(order_by="created_at").to_pylist()


def test_seeds_are_folded_into_one_row_with_their_spread(runs, opened):
    frame = opened("runs", fold="true").dataframe[0].value

    assert frame["runs"].tolist() == [1, 3, 3]
    assert frame["states"].tolist()[1] == "2 ✓  1 ✕"
    assert frame['metrics."val/acc"'].str.fullmatch(r"0\.\d+ (± 0\.\d+ )?\(\d\)").all()


def test_a_folded_table_is_sorted_and_filtered_by_the_store(runs, opened):
    at = opened("runs", fold="true", sort='metrics."val/acc" asc', q="status = finished")

    assert at.dataframe[0].value["name"].tolist() == ["cnn-0", "lstm-1", "transformer-2"]


def test_a_ticked_group_is_all_its_runs():
    shown = [["a", "b"], ["c"]]

    assert folded.selection([0], shown, ["x"]) == ["x", "a", "b"]
    assert folded.selection([1], shown, ["x", "a", "b"]) == ["x", "c"]
    assert folded.selection([], shown, ["c"]) == []


def test_columns_are_chosen_and_ordered_in_the_address(runs, opened):
    at = opened("runs", cols="training.lr,status,val/loss")

    assert at.dataframe[0].proto.columns
    order = list(at.dataframe[0].proto.column_order)
    assert order == ["name", "params.training.lr", "status", 'metrics."val/loss"']


def test_columns_are_moved_and_kept_for_everybody(own, opened, home):
    at = opened("runs", cols="status,model")
    at.selectbox(key="runs_col_move").set_value("model").run()
    button(at, "First").click().run()
    assert "".join(at.query_params["cols"]) == "model,status"

    button(at, "Keep for everybody").click().run()
    again = opened("runs")

    assert list(again.dataframe[0].proto.column_order) == ["name", "model", "status"]
    button(again, "Reset").click().run()
    assert settings.read("runs.columns", []) == []


def test_differences_refer_to_the_baseline_in_the_address(runs, opened):
    frame = opened("runs", base=runs[0]).dataframe[0].value

    by_name = dict(zip(frame["name"], frame["delta.val/acc"], strict=True))
    assert by_name["⚑ cnn-00"] == 0
    assert by_name["transformer-06"] > 0.1


def test_a_condition_from_the_builder_is_added_to_the_filter(runs, opened):
    at = opened("runs", q="cnn")
    at.selectbox(key="build_value_status").set_value("finished").run()
    button(at, "Add").click().run()

    assert at.text_input(key="q").value == 'cnn and status = "finished"'
    assert len(at.dataframe[0].value) == 3


def test_what_is_typed_is_completed(runs, opened):
    at = opened("runs", q="lr")
    offered = next(b for b in at.button if "training" in b.label)

    offered.click().run()

    assert at.text_input(key="q").value == "params.training.lr "


def test_tags_are_edited_in_bulk(own, opened, home):
    at = opened("runs", sel=",".join(own[:2]))
    at.multiselect(key="bulk_add").set_value(["baseline"]).run()
    next(b for b in at.button if b.key == "bulk_tag").click().run()

    assert not at.exception
    assert [run["tags"] for run in rows_of(home)] == [["baseline"], ["baseline"], []]


def test_runs_are_pinned_and_go_to_the_trash_in_bulk(own, opened, home, everything_said):
    at = opened("runs", sel=own[0])
    button(at, "Pin").click().run()
    button(at, "Move to trash").click().run()
    assert "Expected" in everything_said(at)

    button(at, "Unpin").click().run()
    button(at, "Move to trash").click().run()

    assert [run["run_id"] for run in rows_of(home)] == own[1:]
    assert "sel" not in at.query_params


def test_stopping_in_bulk_names_what_the_queue_does_not_know(
    own, opened, home, everything_said, monkeypatch
):
    monkeypatch.setattr(queue, "ensure_supervisor", lambda home: None)
    ledger = Ledger(home / "queue" / LEDGER_NAME)
    ledger.write(JOB, "j", job_kind="train", name="x", run_id=own[0], state="running", spec={})
    at = opened("runs", sel=",".join(own[:2]))

    button(at, "Stop").click().run()

    assert queue.job(home, "j").wanted == "stop"
    said = everything_said(at)
    assert own[1] in said
    assert f"got {own[0]}" not in said


def test_settings_that_cannot_be_read_are_the_defaults(home, monkeypatch):
    monkeypatch.setenv("BAKEOFF_HOME", str(home))
    home.mkdir(parents=True, exist_ok=True)
    (home / "dashboard.json").write_text("{broken")

    assert settings.read("runs.columns", ["a"]) == ["a"]
    settings.write("runs.columns", ["b"])
    assert settings.read("runs.columns", []) == ["b"]
    assert settings.read("runs.columns", "text") == "text"


def test_the_gates_stand_among_the_chosen_columns_only_when_chosen(runs, opened):
    chosen = opened("runs", cols="model,gates")
    others = opened("runs", cols="model,status")

    assert list(chosen.dataframe[0].proto.column_order) == ["name", "model", "gates"]
    assert "gates" not in others.dataframe[0].proto.column_order


def test_tags_and_notes_are_typed_into_the_table(own, opened, home):
    at = opened("runs", edit="true")
    assert list(at.dataframe[0].proto.column_order)[:3] == ["name", "tags", "notes"]

    before = {"tags": ["baseline"], "notes": None}
    runs_edit.write_row(own[0], before, {"tags": ["best"], "notes": "Look **here**."})

    oldest = rows_of(home)[0]
    assert (oldest["tags"], oldest["notes"]) == (["best"], "Look **here**.")
    runs_edit.write_row(own[0], oldest, {"notes": None})
    assert (rows_of(home)[0]["tags"], rows_of(home)[0]["notes"]) == (["best"], "")


def test_a_pinned_run_stays_on_top_and_the_baseline_is_marked(own, opened, home):
    with store.open(home) as s:
        s.edit_run(own[0], pinned=True)

    names = opened("runs", base=own[1]).dataframe[0].value["name"].tolist()

    assert names == ["◆ cnn-00", "cnn-02", "⚑ cnn-01"]


def test_columns_stay_in_place_as_the_address_says(runs, opened):
    at = opened("runs", cols="training.lr,status", pins="1")

    columns = json.loads(at.dataframe[0].proto.columns)

    assert [columns[key].get("pinned") for key in ("name", "params.training.lr", "status")] == [
        True,
        True,
        False,
    ]
