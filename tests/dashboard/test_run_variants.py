"""A run's page makes smaller variants of its model, each in a process of its own."""

import time

import pytest

from dashboard import data
from dashboard.views import run_variants
from store import testing

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports


@pytest.fixture
def trained(home, monkeypatch):
    """A run with a checkpoint that is none."""
    run_id = testing.make_run(home, name="first", project="p")
    folder = home / "runs" / run_id / "checkpoints"
    folder.mkdir(exist_ok=True)
    (folder / "best.ckpt").write_bytes(b"no checkpoint")
    monkeypatch.setenv("BAKEOFF_HOME", str(home))
    yield run_id
    run_variants._making.clear()
    data.close()


def test_only_a_finished_run_with_a_model_can_have_a_variant(trained, home, opened):
    bare = testing.make_run(home, name="second", project="p")

    assert "Make it" in [one.label for one in opened("run", id=trained).button]
    assert "Make it" not in [one.label for one in opened("run", id=bare).button]


@pytest.mark.exhaustive
def test_what_cannot_be_made_is_told_in_words(trained, opened):
    page = opened("run", id=trained)
    next(one for one in page.button if one.label == "Make it").click().run()
    [work] = run_variants._making.values()
    deadline = time.monotonic() + 120
    while not work.is_done and time.monotonic() < deadline:
        time.sleep(0.1)
    page.run()

    assert not work.succeeded
    assert any(one.value.startswith("Expected ") for one in page.error)
    next(one for one in page.button if one.label == "Close").click().run()
    assert not page.error
