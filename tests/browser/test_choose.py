"""Choosing a model and releasing it, as a person does it."""

import re

import pytest
from playwright.sync_api import expect

from tests.accessibility import grave, is_for_phones

pytestmark = pytest.mark.browser


def test_a_model_is_chosen_and_released_with_a_written_override(page, visit, run_ids):
    visit(page, f"/choose?line=answers&runs={run_ids[0]},{run_ids[3]}")
    expect(page.get_by_role("table", name="Candidates and how they stand")).to_be_visible()
    expect(page.get_by_text(re.compile("The test split has been looked at"))).to_be_visible()

    page.get_by_role("button", name=re.compile("^Release .*…")).click()
    now = page.get_by_role("button", name=re.compile("to answers$"))
    expect(now).to_be_disabled()
    reason = page.get_by_role("textbox", name="Why this model")
    expect(reason).to_have_value("")  # what speaks against it is no reason for it
    reason.fill("The first of the line.")
    reason.press("Control+Enter")
    expect(page.get_by_text("write why that does not matter")).to_be_visible()
    why = page.get_by_role("textbox", name="Why the gates do not matter")
    why.fill("A test of the release itself.")
    why.press("Control+Enter")
    expect(now).to_be_enabled()
    now.click()
    expect(page.get_by_text(re.compile(r"answers@v1 is released"))).to_be_visible(timeout=120_000)

    visit(page, "/releases?line=answers")
    expect(page.get_by_text("Audit log whole", exact=False)).to_be_visible()
    expect(page.get_by_text("Released in spite of its gates", exact=False)).to_be_visible()
    expect(page.get_by_role("table", name="Versions")).to_contain_text("champion")


def test_a_cell_of_the_confusion_matrix_shows_its_examples(page, visit, run_ids):
    visit(page, f"/run?id={run_ids[0]}&tab=Evaluation")
    page.get_by_role("link", name=re.compile("true negative, said positive")).click()

    expect(page.get_by_role("heading", name=re.compile("said positive"))).to_be_visible()
    assert "cell=" in page.url


PAGES = (
    "/choose?line=answers&runs={0},{3}",
    "/choose?line=answers&runs={0},{3}&why=Flips",
    "/releases",
    "/releases?section=Policy",
    "/compare?runs={0},{3}&behind=Slices",
    "/run?id={0}&tab=Evaluation",
    "/run?id={0}&tab=Evaluation&run_chart=Threshold",
)


OFTEN = {("dark", PAGES[0]), ("light", PAGES[2]), ("light", PAGES[5])}
"""What every run of the tests looks at; `make test-all` looks at each page in light and dark."""


@pytest.mark.parametrize(
    ("scheme", "path"),
    [
        pytest.param(scheme, path, marks=[] if (scheme, path) in OFTEN else pytest.mark.exhaustive)
        for path in PAGES
        for scheme in ("light", "dark")
    ],
)
def test_the_pages_have_no_serious_findings(page, visit, run_ids, scheme, path):
    page.emulate_media(color_scheme=scheme)
    visit(page, path.format(*run_ids))

    assert grave(page) == []
    assert is_for_phones(page)
