"""The address is the view: what is written is read back, and nonsense falls back."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard import state, wire
from dashboard.state import CurveView

VIEWS = st.builds(
    CurveView,
    x=st.sampled_from(wire.AXES),
    smooth=st.integers(0, 99).map(lambda n: n / 100),
    log=st.booleans(),
    zoom=st.none()
    | st.tuples(st.integers(-1_000, 1_000), st.integers(1_001, 9_999)).map(
        lambda ends: (float(ends[0]), float(ends[1]))
    ),
    hide=st.lists(st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True), unique=True, max_size=3).map(
        tuple
    ),
)


@given(view=VIEWS)
def test_a_view_survives_the_address(view):
    assert CurveView.read(view.write()) == view


def test_the_plain_view_leaves_the_address_alone():
    assert CurveView().write() == {}


def test_nonsense_in_the_address_falls_back_to_the_plain_view():
    nonsense = {"x": "price", "smooth": "much", "log": "yes", "zoom": "9~1", "hide": ",,"}

    assert CurveView.read(nonsense) == CurveView()
    assert CurveView.read({"smooth": "7"}).smooth == 0.99


def test_runs_keep_the_order_in_which_they_were_chosen():
    shown = ["a", "b", "c", "d"]

    assert state.selection([0, 2], shown, ["c"]) == ["c", "a"]
    assert state.selection([], shown, ["c", "elsewhere"]) == ["elsewhere"]
    assert state.selection([1, 9], shown, ["elsewhere"]) == ["elsewhere", "b"]


def test_a_list_drops_blanks_and_repetitions():
    assert state.split("a, b,,a") == ("a", "b")
