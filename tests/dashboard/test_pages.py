"""What the pages say for given data and addresses; drawn for real, without a browser."""

import dataclasses
import json

import pytest

import store
from dashboard import cards, data, errors, state
from store import testing
from store.errors import HubUnreachableError

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports


def explorer_of(at):
    (sent,) = [
        json.loads(c.proto.json)
        for c in at.get("bidi_component")
        if c.proto.component_name == "bakeoff_curves"
    ]
    return sent


def test_an_empty_store_says_exactly_what_to_do(empty, opened, everything_said):
    for page in ("runs", "curves", "compare"):
        at = opened(page)

        assert not at.exception
        said = everything_said(at)
        assert "No runs yet" in said
        assert "make demo" in said
        assert "bakeoff train" in said
        assert "store.init(" in said


def test_the_commands_of_the_empty_page_name_files_that_exist():
    from experiments import specs

    preset = next((data.Path(specs.__file__).parent / "presets").glob("*.yaml"))
    assert cards.PRESET.startswith("experiments/presets/")
    assert (preset.parent / data.Path(cards.PRESET).name).exists()


def test_the_runs_table_has_status_best_values_and_what_differs(runs, opened):
    at = opened("runs")

    assert not at.exception
    frame = at.dataframe[0].value
    assert len(frame) == len(runs)
    assert frame["status"].iloc[0] == ["✓ finished"]
    assert ["✕ failed"] in frame["status"].tolist()
    assert {'metrics."val/acc"', 'metrics."val/loss"', "params.training.lr"} <= set(frame.columns)
    assert "params.training.batch_size" not in frame.columns
    assert len(frame['spark."val/loss"'].iloc[0]) == 40


def test_a_filter_and_an_order_in_the_address_are_applied_by_the_store(runs, opened):
    at = opened("runs", q="lstm", sort='metrics."val/acc" asc', status="finished")

    frame = at.dataframe[0].value
    assert frame["name"].tolist() == ["lstm-03", "lstm-05"]


def test_quick_filters_are_written_into_the_address(runs, opened):
    at = opened("runs")

    at.pills(key="runs_status").set_value(["failed"]).run()

    assert at.dataframe[0].value["status"].tolist() == [["✕ failed"]]
    assert "".join(at.query_params["status"]) == "failed"


def test_a_bad_filter_is_explained_under_its_field(runs, opened, everything_said):
    at = opened("runs", q="status = ")

    assert not at.exception
    assert "Expected" in everything_said(at)
    assert not at.dataframe


def test_a_filter_without_a_match_says_so(runs, opened, everything_said):
    assert "No run fits these filters" in everything_said(opened("runs", q="nowhere"))


def test_the_selection_is_in_the_address(runs, opened, everything_said):
    at = opened("runs", sel=f"{runs[0]},{runs[2]}")

    assert "2 selected" in everything_said(at)
    buttons = {button.label: button for button in at.button}
    assert "Open run" not in buttons  # there are two
    buttons["Curves of selected"].click().run()
    assert at.query_params["runs"] in (f"{runs[0]},{runs[2]}", [f"{runs[0]},{runs[2]}"])


def test_curves_draw_the_runs_of_the_address_with_letters_and_folded_panels(runs, opened):
    at = opened("curves", runs=f"{runs[2]},{runs[0]},gone", x="epoch", smooth="0.6", log="1")

    assert not at.exception
    sent = explorer_of(at)
    assert [r["name"] for r in sent["runs"]] == ["cnn-02", "cnn-00"]
    assert [mark["letter"] for mark in sent["marks"][:2]] == ["A", "B"]
    assert [(p["key"], len(p["metrics"])) for p in sent["panels"]] == [("loss", 2), ("acc", 1)]
    assert sent["view"] == {"x": "epoch", "smooth": "0.6", "log": "1"}
    assert any("Not in this store: gone" in c.value for c in at.caption)


def test_curves_of_nothing_are_those_of_the_newest_runs_and_the_address_says_so(runs, opened):
    at = opened("curves")

    newest = [run["id"] for run in explorer_of(at)["runs"]]
    assert newest == runs[::-1][:4]
    assert state.split("".join(at.query_params["runs"])) == tuple(newest)


def test_metrics_of_the_address_choose_the_panels(runs, opened):
    sent = explorer_of(opened("curves", runs=runs[0], metrics="acc"))

    assert [panel["key"] for panel in sent["panels"]] == ["acc"]


def test_compare_judges_on_the_predictions_and_asks_what_matters(runs, opened, everything_said):
    at = opened("compare", runs=f"{runs[0]},{runs[6]}", margin="0.1", judge="accuracy")

    assert not at.exception
    said = everything_said(at)
    assert "Is the difference real?" in said
    assert "95% interval" in said
    assert "200 examples" in said
    assert at.number_input[0].value == 0.1

    at.number_input[0].set_value(40.0).run()

    assert "but by less than matters" in everything_said(at)
    assert "".join(at.query_params["margin"]) == "40"


def test_runs_on_different_data_are_neither_judged_nor_ranked(empty, opened, everything_said):
    first, second = testing.filled_store(empty, num_runs=2)
    for run_id, data_hash in ((first, "aaaa"), (second, "bbbb")):
        with store.init(id=run_id, resume="must", home=empty, capture=False) as run:
            run.describe(data_hash=data_hash)
    at = opened("compare", runs=f"{first},{second}")

    assert not at.exception
    said = everything_said(at)
    assert "saw different data" in said
    assert "Is the difference real?" not in said
    assert 'class="value best"' not in said
    assert "delta" not in said


def test_compare_puts_runs_side_by_side_and_claims_no_winner(runs, opened, everything_said):
    at = opened("compare", runs=f"{runs[0]},{runs[6]}", base=runs[6])

    assert not at.exception
    said = everything_said(at)
    assert "★" in said
    assert "delta worse" in said
    assert "single numbers cannot tell" in said
    assert "None of these runs says which data it saw" in said
    assert "winner" not in said.lower()
    assert "training.batch_size" not in said
    assert "training.lr" in said or "model.kind" in said


def test_compare_shows_all_parameters_on_demand(runs, opened, everything_said):
    at = opened("compare", runs=f"{runs[0]},{runs[6]}", all="true")

    assert "training.batch_size" in everything_said(at)


def test_compare_with_one_run_asks_for_another(runs, opened, everything_said):
    assert "Choose one more run" in everything_said(opened("compare", runs=runs[0]))


def test_runs_on_different_data_are_warned_about_first(home, opened):
    ids = []
    for name in ("one", "two"):
        run = testing.init("demo", name=name, home=home, capture=False, monitor=False)
        run.describe(data_hash=name * 4)
        run.log({"val/acc": 0.5})
        run.finish()
        ids.append(run.id)

    at = opened("compare", runs=",".join(ids))

    assert at.warning[0].value.startswith("The candidates saw different data")
    data.close()


def test_a_run_shows_its_numbers_and_says_what_is_missing(runs, opened, everything_said):
    at = opened("run", id=runs[6])

    assert not at.exception
    assert at.title[0].value == "transformer\\-06"
    said = everything_said(at)
    assert "val/acc" in said
    assert "best ↑ at step" in said
    assert "dropout" in said
    assert "not recorded" in everything_said(opened("run", id=runs[6], tab="Environment"))


@pytest.mark.parametrize("tab", ["Curves", "System", "Evaluation", "Log", "Code"])
def test_every_tab_of_a_run_opens(runs, opened, tab):
    at = opened("run", id=runs[0], tab=tab)

    assert not at.exception
    assert not any("Something went wrong" in s.value for s in at.subheader)


def test_an_unknown_run_is_a_card_and_not_an_error(runs, opened, everything_said):
    at = opened("run", id="nobody")

    assert not at.exception
    assert "This run is not here" in everything_said(at)


def test_a_failed_run_shows_its_reason_first(home, opened, everything_said):
    run = testing.init("demo", name="bad", home=home, capture=False, monitor=False)
    (run.folder / "output.log").write_text("epoch 1\nloss is nan\n", encoding="utf-8")
    run.finish("failed", error="ValueError: the *loss* is NaN")

    said = everything_said(opened("run", id=run.id))

    assert "This run failed" in said
    assert r"ValueError\: the \*loss\* is NaN" in said
    assert "loss is nan" in said
    data.close()


def test_a_page_that_breaks_shows_a_card_and_logs_under_an_id(
    runs, opened, everything_said, monkeypatch, caplog
):
    def broken(*_):
        raise ZeroDivisionError("secret details")

    monkeypatch.setattr(data, "overview", broken)

    at = opened("runs")

    said = everything_said(at)
    assert not at.exception
    assert "Something went wrong on this page" in said
    assert "secret details" not in said
    (record,) = [r for r in caplog.records if r.name == "bakeoff.dashboard"]
    assert record.args is not None
    assert str(record.args[0]) in said
    assert record.exc_info is not None


def test_a_store_that_does_not_answer_is_said_in_a_sentence(
    runs, opened, everything_said, monkeypatch
):
    def silent():
        raise HubUnreachableError("No hub answers for the store /tmp/x.")

    monkeypatch.setattr(data, "state", silent)

    said = everything_said(opened("runs"))

    assert "The store does not answer" in said
    assert "No hub answers" in said


def test_a_store_that_lags_behind_says_why(runs, opened, monkeypatch):
    words = "New points wait in the journals, none is lost: No space left on device.\nDetails"
    lagging = dataclasses.replace(data.state(), trouble=words)
    monkeypatch.setattr(data, "state", lambda: lagging)

    for page, parameters in (("runs", {}), ("run", {"id": runs[0]})):
        (warning,) = opened(page, **parameters).warning
        assert "No space left on device" in warning.value
        assert "Details" not in warning.value


def test_the_boundary_lets_a_page_through():
    seen = []
    errors.guarded(lambda: seen.append(1))
    assert seen == [1]


def test_a_name_with_markup_stays_a_name(home, opened, everything_said):
    evil = "<img src=x onerror=alert(1)>"
    ids = [
        testing.make_run(home, name=evil, config={"k": evil}, metrics={"val/acc": [0.1]})
        for _ in range(2)
    ]

    said = everything_said(opened("compare", runs=",".join(ids), all="true"))

    assert "&lt;img" in said
    assert 'class="table"' in said
    assert "<img" not in said
    data.close()
