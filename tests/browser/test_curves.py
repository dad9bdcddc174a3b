"""The curves explorer: its address, news joined to what is drawn, a spike under the pointer."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

import dashboard
from dashboard.wire import encode
from store import testing

pytestmark = pytest.mark.browser

SPIKE_AT, STEPS = 4_321, 6_000
_JOIN = """(answers) => {
  let drawn = [];
  return answers.map((answer) => {
    const { header, lines } = decode(Uint8Array.from(atob(answer), (c) => c.charCodeAt(0)).buffer);
    drawn = header.is_all ? lines : renewed(drawn, lines);
    return Object.fromEntries(drawn.map((line) => [line.run, [...line.x, ...line.y]]));
  });
}"""


def test_groups_pins_and_formulae_are_in_the_address_and_in_the_history(page, visit, run_ids):
    visit(page, f"/curves?runs={','.join(run_ids[:6])}")
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

    points = plot.get_attribute("data-points") or ""
    with page.expect_request(lambda request: "ghosts=0" in request.url):
        page.get_by_label("Smoothing").fill("0.6")
    expect(plot).to_have_attribute("data-view", "step 0.6")
    expect(plot).to_have_attribute("data-points", points)  # raw ones, which were not told again


def test_news_are_joined_to_what_is_drawn(browser):
    page, random = browser.new_page(), np.random.default_rng(0)
    page.add_script_tag(path=Path(dashboard.__path__[0]) / "parts" / "lines.js")
    drawn, answers, expected = {}, [], []
    for number in range(120):
        is_all = number % 50 == 0
        drawn = {} if is_all else drawn
        lines, columns = [], []
        for run in random.choice(list("abc"), random.integers(0, 4), replace=False).tolist():
            before = drawn.get(run, np.empty((2, 0)))
            is_whole = run not in drawn or number % 30 == 7
            since = None if is_whole else float(random.choice(before[0][-3:]))
            kept = before[:, :0] if since is None else before[:, before[0] < since]
            first = kept[0][-1] if kept.shape[1] else 0.0
            x = first + 1 + np.arange(random.integers(1, 20))
            news = np.stack([x, random.normal(size=len(x))])
            drawn[run] = np.concatenate([kept, news], axis=1)
            columns += [*news]
            facts = {"run": run, "metric": "m", "kind": "raw", "n": len(x), "columns": 2}
            lines.append({**facts, "since": since})
        answer = encode({"is_all": is_all, "lines": lines}, np.concatenate([np.empty(0), *columns]))
        answers.append(base64.b64encode(answer).decode())
        expected.append({run: both.ravel().tolist() for run, both in drawn.items()})

    assert page.evaluate(_JOIN, answers) == expected
    assert max(len(both) for both in expected[-1].values()) > 50
    page.close()
