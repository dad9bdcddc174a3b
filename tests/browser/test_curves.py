"""The curves explorer: groups, pins and formulae in the address, and a spike under the pointer."""

import re

import pytest
from playwright.sync_api import expect

from store import testing

pytestmark = pytest.mark.browser

SPIKE_AT, STEPS = 4_321, 6_000


def test_groups_pins_and_formulae_are_in_the_address_and_in_the_history(page, visit, run_ids):
    visit(page, f"/curves?runs={','.join(run_ids)}")
    plot = page.locator(".plot").first
    expect(plot).to_have_attribute("data-ready", re.compile(run_ids[0]))

    page.get_by_label("Group by").select_option("group")
    expect(page.locator(".chip .name")).to_have_text(
        [re.compile(r"cnn-0\s*3 runs"), re.compile(r"lstm-1\s*3 runs")]
    )
    expect(plot).to_have_attribute("data-ready", f"{run_ids[0]},{run_ids[3]}")
    page.get_by_role("button", name="Pin lstm-1").click()
    expect(page).to_have_url(re.compile(f"by=group.*pin={run_ids[3]}|pin={run_ids[3]}.*by=group"))

    page.get_by_role("button", name="Formula").click()
    field = page.get_by_role("textbox", name="Formula")
    field.fill("val/los - train/loss")
    field.press("Enter")
    expect(page.get_by_text("Did you mean val/loss?")).to_be_visible()
    field.fill("val/loss - train/loss")
    field.press("Enter")
    expect(page.get_by_role("heading", name="val/loss - train/loss")).to_be_visible()
    expect(page).to_have_url(re.compile("by=group"))
    expect(page.locator(".chip.pinned")).to_contain_text("lstm-1")

    page.go_back()
    expect(page.get_by_role("heading", name="val/loss - train/loss")).to_be_hidden()
    expect(page.get_by_label("Group by")).to_have_value("group")


def test_a_spike_of_one_step_is_told_exactly(page, visit, server):
    values = [0.5] * STEPS
    values[SPIKE_AT] = 7.25
    run = testing.make_run(server.home, project="demo", metrics={"val/loss": values})
    visit(page, f"/curves?runs={run}")
    plot = page.locator(".plot").first
    expect(plot).to_have_attribute("data-ready", run)
    low, high = map(float, (plot.get_attribute("data-range") or "~").split("~"))
    box = page.locator(".u-over").first.bounding_box()
    assert box is not None

    page.mouse.move(box["x"] + (SPIKE_AT - low) / (high - low) * box["width"], box["y"] + 20)

    tip = page.locator(".tip:visible").get_by_role("row").nth(1)
    expect(tip).to_contain_text("7.25")
    expect(tip).to_contain_text("4,321")
