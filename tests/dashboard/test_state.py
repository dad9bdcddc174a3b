"""What the address lists is read in order."""

from dashboard import state


def test_runs_keep_the_order_in_which_they_were_chosen():
    shown = ["a", "b", "c", "d"]

    assert state.selection([0, 2], shown, ["c"]) == ["c", "a"]
    assert state.selection([], shown, ["c", "elsewhere"]) == ["elsewhere"]
    assert state.selection([1, 9], shown, ["elsewhere"]) == ["elsewhere", "b"]


def test_a_list_drops_blanks_and_repetitions():
    assert state.split("a, b,,a") == ("a", "b")
