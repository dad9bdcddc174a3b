"""The main flows in a real browser: choose runs, watch them live, compare, share the link."""

import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Locator, Page, expect

import store
from tests.accessibility import grave, is_for_phones

pytestmark = pytest.mark.browser


def plot(page: Page) -> Locator:
    """Return the first panel's drawing; roles and classes are found inside the components."""
    return page.locator(".plot").first


def drawn(page: Page, runs: str | re.Pattern[str]) -> None:
    expect(plot(page)).to_have_attribute("data-ready", runs)


def tick(page: Page, row: int) -> None:
    """Tick a row of the table, which is a canvas: its geometry is all there is."""
    box = page.get_by_test_id("stDataFrame").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 15, box["y"] + 36 + 36 * row + 16)


def drag(page: Page, start: float, end: float) -> None:
    box = plot(page).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + start * box["width"], box["y"] + 90)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], box["y"] + 95, steps=4)
    page.mouse.up()


def last_step(page: Page) -> float:
    return float(plot(page).get_attribute("data-last") or -1)


def test_ticked_runs_go_into_the_address_and_onto_the_curves(page, visit, run_ids):
    visit(page, "/runs")
    newest, second = run_ids[-1], run_ids[-2]

    tick(page, 0)
    expect(page).to_have_url(re.compile(rf"sel={newest}"))
    tick(page, 1)
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("button", name="Curves of selected").click()

    expect(page).to_have_url(re.compile(rf"/curves\?runs={newest}(,|%2C){second}"))
    drawn(page, f"{newest},{second}")
    expect(page.locator(".chip .letter")).to_have_text(["A", "B"])


def test_the_name_in_the_table_opens_the_run(page, visit, server, run_ids):
    with store.open(server.home) as s:
        name = s.run(run_ids[-1])["name"]
    visit(page, "/runs")
    box = page.get_by_test_id("stDataFrame").bounding_box()
    page.mouse.click(box["x"] + 60, box["y"] + 36 + 16)

    expect(page).to_have_url(re.compile(rf"/run\?id={run_ids[-1]}"))
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def test_the_keyboard_ticks_and_opens_and_one_step_back_finds_the_table_as_it_was(
    page, visit, run_ids
):
    visit(page, "/runs?q=cnn")
    page.get_by_test_id("data-grid-canvas").focus()
    for key in ("ArrowDown", "Shift+Space"):
        page.keyboard.press(key)
    expect(page.get_by_text("1 selected")).to_be_visible()
    expect(page.get_by_role("button", name="Baseline")).to_be_visible()
    page.keyboard.press("b")
    expect(page).to_have_url(re.compile(r"base="))
    table = page.url

    page.keyboard.press("o")
    expect(page).to_have_url(re.compile(r"/run\?id="))
    expect(page.get_by_role("tab", name="Summary")).to_be_visible()
    page.go_back()

    expect(page).to_have_url(table)
    expect(page.get_by_text("1 selected")).to_be_visible()


def test_a_link_shows_the_same_in_another_browser(page, visit, run_ids, open_context):
    runs = f"{run_ids[0]},{run_ids[1]}"
    visit(page, f"/curves?runs={runs}")
    drawn(page, runs)
    page.get_by_role("button", name="Epoch").click()
    page.get_by_label("Log scale").check()
    page.get_by_label("Smoothing").fill("0.6")
    page.locator(f'.chip[data-run="{run_ids[1]}"] .name').click()
    expect(plot(page)).to_have_attribute("data-view", "epoch 0.6")
    drag(page, 0.4, 0.7)
    expect(page).to_have_url(re.compile(r"x=epoch.*hide=.*zoom="))

    other = open_context(color_scheme="dark").new_page()
    visit(other, page.url[page.url.index("/curves") :])

    drawn(other, run_ids[0])  # what is hidden is not asked for
    expect(other.get_by_role("button", name="Epoch")).to_have_attribute("aria-pressed", "true")
    expect(other.get_by_label("Log scale")).to_be_checked()
    expect(other.get_by_label("Smoothing")).to_have_value("0.6")
    expect(other.locator(f'.chip[data-run="{run_ids[1]}"] .name')).to_have_attribute(
        "aria-pressed", "false"
    )
    expect(other.get_by_role("button", name="Reset zoom")).to_be_visible()
    assert other.url == page.url


def test_zoom_by_mouse_and_keyboard_asks_for_the_exact_part(page, visit, run_ids):
    visit(page, f"/curves?runs={run_ids[0]}")
    drawn(page, run_ids[0])

    drag(page, 0.5, 0.8)
    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    page.wait_for_function("() => new URLSearchParams(location.search).has('zoom')")
    plot(page).dblclick(position={"x": 200, "y": 60})
    expect(page.get_by_role("button", name="Reset zoom")).to_be_hidden()

    plot(page).focus()
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("zoom="))
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("zoom="))


def test_hovering_tells_values_with_their_exact_step(page, visit, run_ids):
    visit(page, f"/curves?runs={run_ids[0]},{run_ids[1]}")
    drawn(page, re.compile("."))

    plot(page).hover(position={"x": 200, "y": 60})

    tip = page.locator(".tip:visible")
    expect(tip).to_have_count(1)
    expect(tip.get_by_role("columnheader")).to_have_text(["", "val", "train", "step"])
    expect(tip.get_by_role("row")).to_have_count(3)


def test_a_living_run_appears_and_grows_without_losing_the_zoom(page, visit, server, start_run):
    run = start_run()
    visit(page, f"/curves?runs={run.id}")
    drawn(page, run.id)
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    before = plot(page).get_attribute("data-last") or ""
    expect(plot(page)).not_to_have_attribute("data-last", before)
    assert last_step(page) > float(before)

    drag(page, 0.3, 0.6)
    expect(page).to_have_url(re.compile("zoom="))
    zoomed, asked = page.url, []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1_500)
    assert any("lo=" in url for url in asked), "the zoomed window is not kept up to date"
    assert page.url == zoomed
    plot(page).dblclick(position={"x": 200, "y": 60})
    expect(page).not_to_have_url(re.compile("zoom="))

    run.end()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_hidden()
    with store.open(server.home) as s:
        assert s.run(run.id)["status"] == "finished"


def test_the_runs_table_sees_a_new_run_by_itself(page, visit, start_run):
    visit(page, "/runs")
    expect(page.get_by_text(re.compile(r"^\d+ runs"))).to_be_visible()
    count = page.get_by_text(re.compile(r"^\d+ runs")).inner_text()
    start_run()

    expect(page.get_by_text(count)).to_be_hidden()


def test_a_server_that_went_away_is_said_and_found_again(visit, server, start_run, open_context):
    gone = r"ERR_|WebSocket|disconnected|401|50\d|not responding|No response received"
    page = open_context(allows=gone).new_page()
    run = start_run()
    visit(page, f"/curves?runs={run.id}")
    drawn(page, run.id)
    status = page.get_by_role("status")

    server.stop()
    expect(status.filter(has_text=re.compile(r"Not live since \d\d:\d\d"))).to_be_visible()
    before = plot(page).get_attribute("data-last") or ""
    server.start()

    expect(status.filter(has_text="Not live")).to_be_hidden()
    expect(plot(page)).not_to_have_attribute("data-last", before)


def test_compare_opens_with_the_verdict_and_marks_the_best(page, visit, run_ids):
    visit(page, f"/compare?runs={run_ids[0]},{run_ids[3]}")

    verdicts = page.get_by_role("table", name=re.compile("Verdicts against cnn-00 on accuracy"))
    expect(verdicts.get_by_role("row").filter(has_text="lstm-03")).to_contain_text("points")
    expect(verdicts.get_by_role("img")).to_have_accessible_name(re.compile("points"))
    expect(page.get_by_text(re.compile(r"95% interval .* 200 examples"))).to_be_visible()
    table = page.get_by_role("table", name="Metrics side by side")
    expect(table.get_by_role("columnheader")).to_have_count(3)
    row = table.get_by_role("row").filter(has_text="val/acc")
    expect(row.locator(".best")).to_have_count(1)
    expect(row.locator(".delta.better")).to_contain_text("▲")
    expect(page.get_by_text("single numbers cannot tell")).to_be_visible()
    plot(page).scroll_into_view_if_needed()
    drawn(page, re.compile("."))

    table.get_by_role("link", name="cnn-00").click()
    expect(page).to_have_url(re.compile(rf"/run\?id={run_ids[0]}"))


def test_the_run_page_draws_predictions_a_chart_at_a_time(page, visit, run_ids):
    visit(page, f"/run?id={run_ids[0]}&tab=Evaluation")

    expect(page.get_by_text("Choose a cell to see its examples.")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(0)
    page.get_by_role("radio", name="ROC").click()
    expect(page.locator(".js-plotly-plot")).to_have_count(1)
    expect(page.get_by_text("AUC").first).to_be_visible()
    page.get_by_role("radio", name="Classes").click()
    expect(page.get_by_role("table").first).to_be_visible()
    expect(page).to_have_url(re.compile("Classes"))


def test_dark_and_light_are_both_drawn(page, visit, run_ids):
    seen = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        visit(page, f"/curves?runs={run_ids[0]},{run_ids[1]}")
        drawn(page, re.compile("."))
        mark = page.locator(".chip .letter").first
        seen[scheme] = (
            mark.evaluate("e => getComputedStyle(e).backgroundColor"),
            page.locator(".stApp").evaluate("e => getComputedStyle(e).backgroundColor"),
        )

    assert seen["light"] == ("rgb(52, 57, 151)", "rgb(251, 251, 253)")
    assert seen["dark"] == ("rgb(135, 146, 255)", "rgb(20, 21, 26)")


@pytest.mark.parametrize(
    ("scheme", "path"),
    [
        ("light", "/compare?runs={0},{1}"),
        ("dark", "/curves?runs={0}"),
        ("dark", "/runs?sel={0},{1}"),
        pytest.param("light", "/runs?fold=true&base={0}&q=met", marks=pytest.mark.exhaustive),
        ("light", "/"),
        ("dark", "/launch?from=preset:cnn_mnist&set=training.lr=fast"),
        ("light", "/queue"),
        ("dark", "/sql?query=SELECT name, status FROM run"),
        pytest.param("light", "/reports", marks=pytest.mark.exhaustive),
        ("light", "/run?id={0}&tab=Files&file=run.json"),
        pytest.param("dark", "/run?id={0}&tab=Lineage", marks=pytest.mark.exhaustive),
        pytest.param("dark", "/run?id={0}&tab=Evaluation", marks=pytest.mark.exhaustive),
    ],
)
def test_no_page_shuts_anybody_out(page, visit, run_ids, scheme, path):
    page.emulate_media(color_scheme=scheme)
    visit(page, path.format(*run_ids))

    assert grave(page) == []
    assert is_for_phones(page)


def test_an_unknown_run_gets_a_card_with_a_way_out(page, visit):
    visit(page, "/run?id=nobody")

    expect(page.get_by_text("This run is not here")).to_be_visible()
    page.get_by_role("link", name="All runs").click()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()


def test_back_leaves_a_page_that_chose_its_runs_by_itself(page, visit):
    visit(page, "/queue")
    page.get_by_role("link", name="Curves", exact=True).click()
    expect(page).to_have_url(re.compile(r"/curves\?runs="))

    page.go_back()

    expect(page.get_by_role("heading", name="Queue", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("query", "token", "status"),
    [
        ("metric=val/loss&runs=x", "", 401),
        ("metric=val/loss&runs=x", "local|99999999999|0", 401),
        ("runs=x", "page", 400),
    ],
)
def test_the_data_route_refuses_in_a_sentence(page, visit, server, run_ids, query, token, status):
    if token == "page":
        with page.expect_request(re.compile("/api/curves")) as asked:
            visit(page, f"/curves?runs={run_ids[0]}")
        token = asked.value.headers["x-bakeoff-token"]
    request = urllib.request.Request(
        f"{server.url}/api/curves?{query}", headers={"X-Bakeoff-Token": token}
    )

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)

    assert refused.value.code == status
    assert b'"error":"Expected' in refused.value.read()
    refused.value.close()
