"""A search from the form to its best run and back, in a real browser."""

import re
import time

import pytest
from playwright.sync_api import expect

from experiments import queue, studies
from experiments.queueing.supervisor import stop_supervisor
from experiments.search.testing import sample_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SMALL = (
    *("data.kind=digits", "data.max_examples=200", "model.channels=4", "model.dense=8"),
    *("training.epochs=1", "training.threads=1", "project=searched"),
)


@pytest.fixture
def searching(server):
    """The server's store; nothing of its queue is left running."""
    yield server.home
    for job in queue.jobs(server.home):
        if not job.state.is_final:
            queue.stop(server.home, job.id, hard=True)
    deadline = time.monotonic() + 180
    while not all(job.state.is_final for job in queue.jobs(server.home)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    stop_supervisor(server.home)


@pytest.mark.exhaustive
def test_a_search_from_start_to_best_run(page, visit, searching):
    changes = "&".join(f"set={change}" for change in SMALL)
    visit(page, f"/search?new=1&from=preset:cnn_mnist&{changes}")
    page.get_by_role("spinbutton", name="Trials").fill("2")
    page.get_by_role("spinbutton", name="Trials").press("Enter")
    expect(page.get_by_text("up to 2 runs")).to_be_visible()

    page.locator(".st-key-search_go button").click()

    expect(page.get_by_role("heading", name="cnn search")).to_be_visible()
    page.get_by_text("2 of 2 trials").wait_for(timeout=180_000)
    (made,) = [one for one in studies.studies(searching) if one.name == "cnn search"]
    rows = studies.trials(searching, made.id)
    assert [row["state"] for row in rows] == ["complete", "complete"]
    best = max(rows, key=lambda row: row["values"][0])
    page.get_by_role("link", name=re.compile("Best run")).click()
    expect(page.get_by_text(best["run_ids"][0]).first).to_be_visible()
    page.get_by_role("link", name=re.compile(f"{made.id}, trial {best['number']}")).click()
    expect(page.get_by_role("heading", name="cnn search")).to_be_visible()


def test_a_budget_is_raised_and_a_range_frozen(page, visit, searching):
    made = sample_study(searching, num_trials=12, name="to be changed")
    visit(page, f"/study?id={made.id}&tab=Change")
    field = page.get_by_role("spinbutton", name="Trials in all")
    field.fill("40")
    field.press("Tab")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("The new budget holds")).to_be_visible()

    page.locator('[class*="st-key-range_training-lr"]').get_by_role("button").click()
    page.get_by_role("textbox", name="Freeze at").fill("0.002")
    page.get_by_role("textbox", name="Freeze at").press("Enter")
    page.get_by_role("button", name="Freeze", exact=True).click()
    expect(page.get_by_text("frozen at 0.002").first).to_be_visible()

    changed = studies.study(searching, made.id).spec
    assert changed.n_trials == 40
    assert [one.only for one in changed.space if one.name == "training.lr"] == [(0.002,)]


def test_a_click_on_a_point_opens_its_run(page, visit, searching):
    made = sample_study(searching, num_trials=12, name="clicked")
    visit(page, f"/study?id={made.id}&chart=parallel")

    # Plotly's own layer above the points takes the mouse: aim at the place, not at the element.
    box = page.locator(".scatterlayer .trace .points path").nth(2).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.wait_for_timeout(200)
    page.mouse.click(x, y)

    page.wait_for_url(re.compile(r"/run\?id=sample-"))
    run_id = page.url.split("=")[-1]
    assert [run_id] in [row["run_ids"] for row in studies.trials(searching, made.id)]
