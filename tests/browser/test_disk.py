"""The disk page in a real browser: a run goes to the trash and comes back."""

import pytest
from playwright.sync_api import expect

import store
from store import trash
from store.layout import Home
from store.testing import make_run

pytestmark = pytest.mark.browser


def test_a_run_goes_to_the_trash_and_is_restored(page, visit, server):
    run_id = make_run(server.home, project="passing", name="passing", metrics={"x": [1.0]})
    visit(page, f"/disk?project=passing&run={run_id}")
    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_text("1 run moved to the trash")).to_be_visible()
    expect(page.get_by_role("button", name="Restore all 1")).to_be_visible()
    assert [item.run_id for item in trash.listed(Home(server.home))] == [run_id]
    page.get_by_role("button", name="Restore all 1").click()
    expect(page.get_by_text("1 run restored")).to_be_visible()
    with store.open(server.home) as opened:
        assert opened.run(run_id)["name"] == "passing"

    page.get_by_label("Only runs that match").fill("status = nonsense and")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Expected")).to_be_visible()
    page.get_by_label("Only runs that match").fill("name = passing")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Move 1 run to the trash").click()
    expect(page.get_by_role("button", name="Restore all 1")).to_be_visible()
    page.get_by_text("Delete all 1 for good").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("are free again")).to_be_visible()
    expect(page.get_by_text("It is empty")).to_be_visible()
    assert trash.listed(Home(server.home)) == []
    page.get_by_role("button", name="Shrink the database").click()
    expect(page.get_by_text("The database took")).to_be_visible()
