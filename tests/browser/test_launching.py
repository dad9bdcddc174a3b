"""From the form to a trained model in a real browser: launch, stop, resume, clone, tag."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

import store
from experiments import queue
from experiments.queueing.jobs import State
from experiments.queueing.supervisor import stop_supervisor
from store import testing
from trainers.spec import load_spec

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SMALL = {
    "data": {"kind": "digits", "max_examples": 200},
    "model": {"kind": "cnn", "channels": [4], "dense": 8},
    "training": {"epochs": 3, "threads": 1},
    "project": "launched",
}


def until(condition, seconds=180.0, told=lambda: ""):
    """Wait; a training needs 40 s to load on cores that two test processes share."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen in time {told()}"
        time.sleep(0.1)


@pytest.fixture
def idle_queue(server):
    """The queue of the server's store; nothing of it is left running."""
    yield server.home
    for job in queue.jobs(server.home):
        if not job.state.is_final:
            queue.stop(server.home, job.id, hard=True)
    until(lambda: all(job.state.is_final for job in queue.jobs(server.home)))
    stop_supervisor(server.home)


def start(page: Page) -> None:
    page.locator(".st-key-launch_go button").click()
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()


def test_launch_stop_and_resume(page, visit, idle_queue):
    changes = ["model.channels=4", "model.dense=8", "data.max_examples=200", "training.epochs=5000"]
    more = ["training.threads=1", "project=launched", "name=marathon"]
    visit(page, "/launch?" + "&".join(f"set={change}" for change in changes + more))
    start(page)
    card = page.locator("[class*=st-key-job_]").first
    expect(card.get_by_role("link", name="marathon")).to_be_visible()
    (job,) = [one for one in queue.jobs(idle_queue) if one.name == "marathon"]
    run_id = job.run_id
    assert run_id is not None
    checkpoint = idle_queue / "runs" / run_id / "checkpoints" / "last.ckpt"
    until(checkpoint.exists)

    card.get_by_role("button", name="Stop").click()
    until(lambda: queue.job(idle_queue, job.id).state is State.STOPPED)
    visit(page, f"/run?id={run_id}")
    with store.open(idle_queue) as s:
        before = s.series([run_id]).to_pylist()[0]["n"]
    page.get_by_role("button", name="Resume").click()

    until(
        lambda: queue.jobs(idle_queue)[-1].state is State.RUNNING,
        told=lambda: [(job.state, job.error) for job in queue.jobs(idle_queue)],
    )
    assert queue.jobs(idle_queue)[-1].run_id == run_id
    with store.open(idle_queue) as s:
        until(lambda: s.series([run_id]).to_pylist()[0]["n"] > before)
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    until(lambda: queue.jobs(idle_queue)[-1].state is State.STOPPED)


@pytest.mark.exhaustive
def test_clone_change_and_start_three_seeds(page, visit, idle_queue):
    spec = load_spec(SMALL)
    run_id = testing.make_run(
        idle_queue, project="launched", name="origin", config=spec.to_mapping()
    )
    visit(page, f"/run?id={run_id}")
    page.get_by_role("button", name="Clone…").click()
    expect(page.get_by_role("heading", name="Launch")).to_be_visible()
    expect(page.get_by_text("nothing changed")).to_be_visible()

    rate = page.get_by_role("textbox", name="Learning rate")
    rate.fill("fast")
    rate.press("Enter")
    expect(page.get_by_text("Expected training.lr to be a number")).to_be_visible()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    rate.fill("0.01")
    rate.press("Enter")
    expect(page.get_by_role("rowheader", name="training.lr")).to_be_visible()
    expect(page).to_have_url(re.compile("set=training.lr"))
    seeds = page.locator(".st-key-seeds input")
    seeds.fill("3")
    seeds.press("Enter")
    page.get_by_role("button", name="Start 3 runs").click()
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()

    started = [job for job in queue.jobs(idle_queue) if job.labels.get("cloned_from") == run_id]
    assert [job.spec["seed"] for job in started] == [0, 1, 2]
    assert len({job.spec["group"] for job in started}) == 1
    assert {job.spec["training"]["lr"] for job in started} == {0.01}
    until(lambda: all(queue.job(idle_queue, job.id).state.is_final for job in started))
    assert {queue.job(idle_queue, job.id).state for job in started} == {State.FINISHED}


def test_tags_are_edited_in_bulk(page, visit, server, run_ids):
    visit(page, f"/runs?q=project%3Ddemo&sel={run_ids[0]},{run_ids[1]}")
    page.get_by_role("button", name="Tag").click()
    page.get_by_label("Add", exact=True).fill("chosen")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save").click()

    def tags() -> list[list[str]]:
        with store.open(server.home) as s:
            return [s.run(run_id)["tags"] for run_id in run_ids[:2]]

    until(lambda: all("chosen" in found for found in tags()))
    with store.open(server.home) as s:
        assert s.count_runs("tag = chosen") == 2
        for run_id in run_ids[:2]:
            s.edit_run(run_id, remove_tags=["chosen"])
