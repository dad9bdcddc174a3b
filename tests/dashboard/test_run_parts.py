"""A run's family, what changed, its files; and what can be done from its page."""

import pytest

import store
from dashboard import data, run_parts
from experiments import queue
from experiments.queueing.jobs import JOB
from store import testing
from store.ledger import LEDGER_NAME, Ledger

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports


@pytest.fixture
def family(home, monkeypatch):
    def make(name, lr, **options):
        config = {"model": {"kind": "cnn"}, "training": {"lr": lr}}
        return testing.make_run(home, name=name, config=config, project="p", **options)

    first = make("first", 0.1)
    monkeypatch.setenv("BAKEOFF_LABELS", f'{{"cloned_from": "{first}", "study": "s1"}}')
    second = make("second", 0.2)
    monkeypatch.delenv("BAKEOFF_LABELS")
    monkeypatch.setenv("BAKEOFF_HOME", str(home))
    yield first, second
    data.close()


def button(at, label):
    return next(b for b in at.button if b.label == label)


def test_parent_and_clone_know_each_other(family, opened, everything_said):
    first, second = family

    child = everything_said(opened("run", id=second, tab="Lineage"))
    parent = everything_said(opened("run", id=first, tab="Lineage"))

    assert f'data-run="{first}">first' in child
    assert "parent" in child
    assert "study **s1**" in child
    assert f'data-run="{second}">second' in parent
    assert "cloned from this run" in parent


def test_what_changed_since_the_parent_is_shown(family, opened, everything_said):
    said = everything_said(opened("run", id=family[1], tab="Lineage"))

    assert "training.lr" in said
    assert "0.1</td>" in said
    assert "<b>0.2</b>" in said


def test_what_a_run_is_called_is_no_difference():
    found = run_parts.differences(
        {"name": "a", "lr": 1, "old": 2}, {"name": "b", "lr": 1, "new": 3}
    )

    assert [(d.key, d.before, d.after) for d in found] == [("new", None, 3), ("old", 2, None)]


def test_changes_around_a_run_are_its_code_data_and_packages():
    before = {"git": {"commit": "a" * 40}, "packages": {"torch": "1", "x": "1"}}
    after = {"git": {"commit": "b" * 40}, "packages": {"torch": "2", "x": "1"}}

    found = {d.key: d.after for d in run_parts.facts_that_changed(before, after)}

    assert found == {"commit": "b" * 12, "torch (package)": "2"}


def test_links_that_lead_out_of_the_folder_are_no_files_of_a_run(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "secret.txt").write_text("x")
    (run / "a.txt").write_text("hello")
    (run / ".hidden").write_text("x")
    (run / "out.txt").symlink_to(tmp_path / "secret.txt")

    assert [(f.name, f.size_bytes, f.preview) for f in run_parts.files(run)] == [
        ("a.txt", 5, "text")
    ]


@pytest.mark.parametrize("asked", ["../../../etc/passwd", "/etc/passwd", "nothing.txt"])
def test_only_a_run_s_own_files_are_opened(family, opened, everything_said, asked):
    at = opened("run", id=family[0], tab="Files", file=asked)

    assert not at.exception
    assert "root:" not in everything_said(at)


def test_a_text_file_is_previewed(family, home, opened, everything_said):
    (home / "runs" / family[0] / "note.md").write_text("# Hello\n")

    said = everything_said(opened("run", id=family[0], tab="Files", file="note.md"))

    assert "# Hello" in said


def test_the_log_is_searched_from_the_address(family, home, opened, everything_said):
    (home / "runs" / family[0] / "output.log").write_text("alpha\nbeta\nALPHA 2\n")

    said = everything_said(opened("run", id=family[0], tab="Log", find="alpha"))

    assert "1  alpha\n3  ALPHA 2" in said
    assert "beta" not in said


def test_name_tags_and_notes_are_edited(family, opened, home):
    at = opened("run", id=family[0])
    at.text_input(key="edit_name").set_value("renamed").run()
    at.text_area(key="edit_notes").set_value("Why **so**.").run()
    button(at, "Save").click().run()

    assert not at.exception
    with store.open(home) as s:
        record = s.run(family[0])
    assert (record["name"], record["notes"]) == ("renamed", "Why **so**.")


def test_a_pinned_run_says_so_and_cannot_be_removed(family, opened, everything_said, home):
    at = opened("run", id=family[0])
    button(at, "Pin").click().run()
    assert [b.label for b in at.button if b.label == "Unpin"]

    button(at, "Trash").click().run()

    assert not at.exception
    assert "Expected" in everything_said(at)
    with store.open(home) as s:
        assert s.count_runs() == 2


def test_a_run_of_the_queue_is_stopped_and_resumed_from_its_page(family, home, opened, monkeypatch):
    monkeypatch.setattr(queue, "ensure_supervisor", lambda home: None)
    ledger = Ledger(home / "queue" / LEDGER_NAME)
    ledger.write(
        JOB, "j", job_kind="train", name="first", run_id=family[0], state="running", spec={}
    )

    at = opened("run", id=family[0])
    button(at, "Stop").click().run()

    assert queue.job(home, "j").wanted == "stop"
    ledger.write(JOB, "j", state="stopped")
    at = opened("run", id=family[0])
    assert button(at, "Resume")
