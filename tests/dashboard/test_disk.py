"""The pages Disk & trash and Media, drawn for real, without a browser."""

import numpy as np
import pytest

import store
from dashboard import disk_data
from store import gc
from store.testing import make_run

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports


def test_the_page_tells_what_takes_the_space_and_the_rules_say_what_would_go(
    runs, opened, everything_said
):
    at = opened("disk")
    assert not at.exception
    assert len(at.dataframe[0].value) == len(runs)
    assert "Set a rule" in everything_said(at)
    at.number_input(key="disk_last").set_value(2).run()

    frame = at.dataframe[1].value
    assert frame["fate"].tolist() == ["goes"] * (len(runs) - 2) + ["stays"] * 2
    assert any(f"Move {len(runs) - 2} runs to the trash" in b.label for b in at.button)


def test_a_rule_that_cannot_be_understood_is_a_sentence(runs, opened, everything_said):
    at = opened("disk")
    at.text_input(key="disk_only").set_value("status = ").run()

    assert not at.exception
    assert "Expected" in everything_said(at)


def test_an_empty_store_has_nothing_to_delete(empty, opened, everything_said):
    at = opened("disk")

    assert not at.exception
    assert "There is nothing to delete" in everything_said(at)


def test_the_media_tab_shows_each_kind(home, empty, opened, everything_said):
    with store.init("p", id="m", home=home, capture=False, monitor=False) as run:
        for step in range(3):
            run.log_text("sample", f"words of step {step}", step=step)
            run.log_histogram("weights", [1.0, 2.0, 3.0, float("nan")], step=step)
        run.log_image("picture", np.zeros((4, 4)))
        run.log_audio("tone", np.zeros(80), 8_000)
        run.log_table("worst", {"id": [7]})
        run.alert("diverged", "it was NaN", level="error")
    (run.folder / "files" / "images" / "picture.png").unlink()
    at = opened("run", id="m", tab="Media")

    assert not at.exception
    assert "diverged" in at.error[0].value
    assert [code.value for code in at.code] == ["words of step 2"]
    assert at.dataframe[0].value["id"].tolist() == [7]
    said = everything_said(at)
    assert "Was its file deleted?" in said
    assert "1 values are NaN or infinite" in said


def test_small_projects_are_one_bar_and_ticks_are_words(home):
    sizes = {f"p{place}": dict.fromkeys(disk_data.KINDS, 1_000 * place) for place in range(1, 21)}
    rows = [
        {"project": name, "total": sum(kinds.values()), **kinds} for name, kinds in sizes.items()
    ]
    sums = disk_data.by_project(disk_data.pa.Table.from_pylist(rows))
    figure = disk_data.chart(sums, mode="dark").to_dict()

    assert next(iter(sums)) == "p20"
    assert list(sums)[-1] == "9 more"
    assert len(figure["data"]) == len(disk_data.KINDS)
    assert figure["layout"]["xaxis"]["ticktext"][:2] == ["0 B", "100 kB"]


def test_a_preview_tells_bytes_only_of_what_goes(home):
    for _ in range(3):
        make_run(home, metrics={"x": [1.0]})
    with store.open(home) as s:
        frame = disk_data.preview_frame(gc.decide(s, gc.Rules(keep_last=1)), ())

    assert frame["frees"].notna().tolist() == [True, True, False]
