"""Find the best of many runs and hold the others against it, in a store of its own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

import store
from store import testing
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.exhaustive]

RUNS, BEST = 200, 137


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A server on many runs, and the best of them."""
    home, ids = tmp_path / "crowded", []
    for number in range(RUNS):
        accuracy = 0.99 if number == BEST else 0.5 + number / 1_000
        config = {"model": {"kind": "cnn"}, "training": {"lr": 10.0 ** -(number % 5)}}
        metrics = {"val/acc": [0.1, accuracy]}
        ids.append(testing.make_run(home, name=f"run-{number:03d}", config=config, metrics=metrics))
    server = Server(home, cwd=tmp_path)
    yield server, ids[BEST]
    server.stop()
    store.stop_hub(home)


def test_the_best_of_200_runs_is_found_and_pinned_as_baseline(crowded, page):
    server, best = crowded
    page.goto(f"{server.url}/runs")
    expect(page.get_by_text("Tick ")).to_contain_text("200")

    order = page.get_by_role("combobox", name="Sort")
    order.fill("val/acc, highest")
    order.press("Enter")
    expect(page).to_have_url(re.compile("sort="))
    page.wait_for_function("() => document.querySelector('[data-test-script-state=notRunning]')")
    box = page.get_by_test_id("stDataFrame").bounding_box()
    page.mouse.click(box["x"] + 15, box["y"] + 36 + 16)
    expect(page).to_have_url(re.compile(f"sel={best}"))
    page.get_by_role("button", name="Baseline").click()

    expect(page).to_have_url(re.compile(f"base={best}"))
    held = page.get_by_role("button", name="Baseline: run-137")
    expect(held).to_be_visible()
    page.reload()
    expect(held).to_be_visible()
