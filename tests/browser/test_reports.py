"""What is written down: notes typed into the table, and a report that opens without a server."""

import re

import pytest
from playwright.sync_api import expect

import store
from tests.accessibility import grave

pytestmark = pytest.mark.browser


def test_a_note_is_typed_into_the_table(page, visit, server, run_ids):
    with store.open(server.home) as s:
        name = s.run(run_ids[-1])["name"]
    visit(page, f"/runs?edit=true&q={name}")
    page.wait_for_timeout(1_000)  # the canvas answers the mouse some time after it is there
    box = page.get_by_test_id("stDataFrame").bounding_box()
    assert box is not None
    page.mouse.dblclick(box["x"] + 190 + 220 + 40, box["y"] + 36 + 16)  # the canvas has no cells
    page.wait_for_function("() => ['TEXTAREA', 'INPUT'].includes(document.activeElement.tagName)")
    page.keyboard.type("Look here", delay=20)
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")

    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    with store.open(server.home) as s:
        page.wait_for_timeout(300)
        for _ in range(50):
            if s.run(run_ids[-1])["notes"] == "Look here":
                break
            page.wait_for_timeout(100)
        assert s.run(run_ids[-1])["notes"] == "Look here"


def test_a_report_with_its_verdict_opens_without_a_server(
    visit, server, run_ids, open_context, tmp_path
):
    context = open_context(viewport={"width": 390, "height": 844}, accept_downloads=True)
    page = context.new_page()
    visit(page, f"/compare?runs={run_ids[0]},{run_ids[1]}")
    page.get_by_role("button", name="Report").click()
    page.get_by_role("combobox", name="Report").fill("Findings")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add this view").click()
    expect(page.get_by_text("Added to the report Findings.")).to_be_visible()
    visit(page, "/reports?name=Findings")
    assert grave(page) == []

    with page.expect_download() as download:
        page.get_by_role("button", name="Export HTML").click()
    file = tmp_path / "findings.html"
    download.value.save_as(file)
    context.set_offline(True)
    page.goto(file.as_uri())

    expect(page.get_by_text(re.compile(r"95% interval")).first).to_be_visible()
    expect(page.get_by_role("table", name=re.compile("Verdicts against"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.exhaustive
def test_the_menu_of_a_phone_leads_everywhere(visit, run_ids, open_context):
    page = open_context(viewport={"width": 390, "height": 844}).new_page()
    visit(page, f"/run?id={run_ids[0]}&tab=Environment")
    assert grave(page) == []
    page.get_by_test_id("stExpandSidebarButton").click()

    menu = page.get_by_test_id("stSidebarNav")
    expect(menu.get_by_text("Train", exact=True)).to_be_visible()
    menu.get_by_role("link", name="Queue").click()

    expect(page.get_by_role("heading", name="Queue", exact=True)).to_be_visible()
