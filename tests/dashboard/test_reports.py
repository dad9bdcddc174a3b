"""Reports: kept in the store, drawn without a server, safe whatever stands in them."""

import re
from datetime import UTC, datetime

import numpy as np
import pytest

import store
from dashboard import data, report_export, report_files, report_panels, report_plot
from dashboard.report_files import Block
from experiments.errors import UsageError
from store import testing

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def own(home, monkeypatch):
    monkeypatch.setenv("BAKEOFF_HOME", str(home))
    yield testing.filled_store(home, num_runs=2)
    data.close()


def button(at, label):
    return next(b for b in at.button if b.label == label)


def test_a_report_comes_back_as_it_was_saved(home, monkeypatch):
    monkeypatch.setenv("BAKEOFF_HOME", str(home))
    blocks = [
        Block(kind="text", text="# Why"),
        report_files.panel("http://x:8501/curves?runs=a,b&metrics=loss", "Loss"),
    ]

    report_files.write("The best CNN", blocks)

    assert report_files.names() == ["The best CNN"]
    assert report_files.read("The best CNN") == blocks
    assert blocks[1].first("runs") == "a,b"


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".x", "x" * 81, "a\nb", "$(id)"])
def test_a_report_s_name_cannot_leave_its_folder(home, monkeypatch, name):
    monkeypatch.setenv("BAKEOFF_HOME", str(home))

    with pytest.raises(UsageError, match="Expected a report's name"):
        report_files.write(name, [])
    assert report_files.read(name) is None


@pytest.mark.parametrize("address", ["/launch?x=1", "https://elsewhere", "", "javascript:alert(1)"])
def test_only_pages_that_show_something_become_panels(address):
    with pytest.raises(UsageError, match="Expected the address"):
        report_files.panel(address)


def test_a_damaged_report_shows_what_is_left(home, monkeypatch):
    monkeypatch.setenv("BAKEOFF_HOME", str(home))
    report_files.write("r", [Block(kind="text", text="kept")])
    path = home / "reports" / "r.json"
    path.write_text(path.read_text().replace('"blocks": [', '"blocks": [1, {"kind": "x"}, '))

    blocks = report_files.read("r")
    assert blocks is not None
    assert [block.text for block in blocks] == ["kept"]
    path.write_text("{")
    assert report_files.read("r") is None


def test_markdown_is_written_and_html_is_only_shown():
    made = report_export.markdown(
        "# A\n\nSome **bold** `code` <script>x</script> [l](https://a.b) [j](javascript:x)\n\n- one\n- two"
    )

    assert "<h1>A</h1>" in made
    assert "<strong>bold</strong> <code>code</code>" in made
    assert "&lt;script&gt;" in made
    assert '<a href="https://a.b" rel="noreferrer">l</a>' in made
    assert 'href="javascript' not in made
    assert "<ul><li>one</li><li>two</li></ul>" in made


def drawn(line):
    across = report_plot.Scale.across(0.0, 3.0, is_log=False, words=str)
    up = report_plot.Scale.up(0.0, 4.0, is_log=False)
    return report_plot.plot([line], across, up, title="Step", label="loss", key="a")


def test_a_gap_lifts_the_pen_and_is_marked():
    ys = np.array([1.0, np.nan, 2.0, 3.0])

    made = drawn(report_plot.Line(place=0, x=np.arange(4.0), y=ys, marks_odd=True))

    curve, mark = re.findall(r' d="([^"]*)"', made)
    assert curve.count("M") == 2
    assert curve.count("L") == 1
    assert mark.count("z") == 1


def test_a_band_is_closed_on_both_sides_of_a_gap():
    x, low = np.arange(5.0), np.array([0.0, 0.1, np.nan, 0.3, 0.4])

    made = drawn(report_plot.Line(place=0, x=x, y=low + 1, low=low, high=low + 2))

    band = re.findall(r' d="([^"]*)"', made)[0]
    assert band.count("z") == 2
    assert 'class="band run0"' in made


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 2975, [0, 500, 1000, 1500, 2000, 2500]),
        (0.049, 0.616, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
        (-0.5, 0.5, [-0.4, -0.2, 0.0, 0.2, 0.4]),
        (1e-9, 3e-9, [1e-9, 1.5e-9, 2e-9, 2.5e-9, 3e-9]),
    ],
)
def test_an_axis_has_round_numbers(low, high, expected):
    assert report_plot.ticks(low, high) == pytest.approx(expected, abs=1e-12)


def test_one_point_is_a_dot():
    made = drawn(report_plot.Line(place=0, x=np.array([2.0]), y=np.array([0.5])))

    assert "<circle" in made


def test_a_report_draws_the_curves_as_the_page_drew_them(own):
    at = f"/curves?runs={','.join(own)}&metrics=loss"

    def made(view):
        return report_panels.draw(report_files.panel(f"{at}{view}"))

    plain, smooth = made(""), made("&smooth=0.9&log=1")
    grouped = made("&by=group&band=std")
    part = made("&zoom=0~3")
    pinned = made(f"&pin={own[0]}")
    one = made(f"&hide={own[1]}")

    assert 'class="band' not in plain
    assert smooth.count("<path") == 2 * plain.count("<path")
    assert "Smoothing 0.9, logarithmic." in smooth
    assert 'class="band run0"' in grouped
    assert "Mean by group (seeds) with its standard deviation." in grouped
    assert "2 runs" in grouped
    assert "A part: 0 to 3." in part
    assert 'opacity="0.16"' in pinned
    assert one.count("<path") < plain.count("<path")


@pytest.mark.parametrize(
    "view",
    ["x=nonsense", "zoom=9~1", "zoom=a~b", "smooth=nan", "smooth=-7", "by=nobody", "band=huge",
     "logx=1&x=wall", "x=elapsed&log=1", "metrics=%3D1%2F0", "hide=%00", "clip=1"],
)  # fmt: skip
def test_a_strange_view_is_drawn_or_says_what_is_wrong(own, view):
    try:
        made = report_panels.draw(report_files.panel(f"/curves?runs={own[0]},gone&{view}"))
    except store.StoreError as error:
        made = str(error)

    assert "<svg" in made or "Expected" in made


def test_every_kind_of_panel_is_exported_into_one_file(own):
    runs = ",".join(own)
    addresses = [
        f"/curves?runs={runs}",
        f"/compare?runs={runs}",
        "/runs?q=status = finished",
        "/sql?query=SELECT name FROM run ORDER BY name",
    ]
    blocks = [report_files.panel(address, f"<b>{address[:5]}") for address in addresses]

    made = report_export.document("R & D", blocks, report_panels.draw, now=NOW)

    assert made.count("<svg") >= 2
    assert made.count("<table") == 3
    assert "cnn-00" in made
    assert "<title>R &amp; D</title>" in made
    assert "<script" not in made
    assert "&lt;b&gt;" in made
    assert not re.findall(r'(?:src|href)="(?!https?:|run\?)', made)


def test_a_report_is_made_filled_and_read_on_the_page(own, opened, everything_said):
    at = opened("reports")
    at.text_input(key="report_new").set_value("First").run()
    button(at, "Make it").click().run()
    at.text_input(key="report_address").set_value(f"/curves?runs={own[0]}").run()
    button(at, "Add the panel").click().run()

    assert not at.exception
    said = everything_said(opened("reports", name="First"))
    assert "What this report shows" in said
    assert "<svg" in said


def test_a_compare_panel_opens_with_the_verdict(own, opened, everything_said):
    query = {"runs": [",".join(own)], "base": [own[0]], "margin": ["1"]}
    report_files.write("r", [Block(kind="panel", page="compare", query=query)])

    said = everything_said(opened("reports", name="r"))

    assert re.search(r"<b>cnn-01 .* cnn-00 .*95% interval.*</b>", said)
    assert "Verdicts against cnn-00 on accuracy" in said
    assert "200 examples of val, paired" in said


def test_parts_are_moved_changed_and_removed(own, opened):
    report_files.write("r", [Block(kind="text", text=word) for word in "abc"])
    at = opened("reports", name="r", edit="1")

    next(b for b in at.button if b.key == "report_Down_0").click().run()
    at.text_area(key="report_text_r_0").set_value("B!").run()
    next(b for b in at.button if b.key == "report_remove_2").click().run()

    assert not at.exception
    blocks = report_files.read("r")
    assert blocks is not None
    assert [block.text for block in blocks] == ["B!", "a"]


def test_a_panel_whose_runs_are_gone_says_so(own, opened, everything_said):
    report_files.write(
        "r",
        [report_files.panel("/curves?runs=gone"), report_files.panel("/sql?query=DROP TABLE run")],
    )

    at = opened("reports", name="r")

    assert not at.exception
    said = everything_said(at)
    assert "None of its runs is in this store" in said
    assert "Expected" in said


def test_a_view_is_added_to_a_report_from_its_own_page(own, opened, monkeypatch):
    import streamlit as st

    monkeypatch.setattr(type(st.context), "url", property(lambda _: "http://x/bakeoff/runs"))
    report_files.write("Fresh", [])
    at = opened("runs", q="cnn")
    at.selectbox(key="report_into").set_value("Fresh").run()
    button(at, "Add this view").click().run()

    assert not at.exception
    blocks = report_files.read("Fresh")
    assert blocks is not None
    (block,) = blocks
    assert (block.page, block.first("q")) == ("runs", "cnn")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 0.7, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
        (0.03, 4, [0.05, 0.1, 0.2, 0.5, 1, 2]),
        (1e-6, 10, [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10]),
    ],
)
def test_a_logarithmic_axis_has_round_numbers_too(low, high, expected):
    assert report_plot.log_ticks(low, high) == pytest.approx(expected)
