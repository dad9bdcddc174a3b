"""Layouts are kept in the store's folder, without the runs, and nothing that is refused is kept."""

import pytest

from dashboard import layouts
from experiments.errors import UsageError

VIEW = {"metrics": "loss,=log(acc)", "by": "group", "smooth": "0.6", "runs": "a,b", "zoom": "1~2"}


def test_a_layout_is_what_is_shown_but_not_of_which_runs(empty):
    layouts.save(" Losses ", VIEW)

    kept = layouts.read("Losses")
    assert kept is not None
    assert {key: value for key, value in kept.items() if value} == {
        "metrics": "loss,=log(acc)",
        "by": "group",
        "smooth": "0.6",
    }
    assert (empty / "dashboard.json").exists()


def test_layouts_are_renamed_and_deleted(empty):
    layouts.save("one", VIEW)
    layouts.save("Two", {"metrics": "acc"})
    layouts.rename("one", "three")
    layouts.delete("Two")
    layouts.delete("Two")

    assert layouts.names() == ["three"]
    assert layouts.read("one") is None


@pytest.mark.usefixtures("empty")
def test_a_name_is_refused_in_a_sentence():
    layouts.save("one", VIEW)

    for refused in (lambda: layouts.save("  ", VIEW), lambda: layouts.save("x" * 61, VIEW)):
        with pytest.raises(UsageError, match="Expected a name of 1 to 60 characters"):
            refused()
    with pytest.raises(UsageError, match="'one', which is taken"):
        layouts.rename("one", "one")
    with pytest.raises(UsageError, match="'gone', which is gone"):
        layouts.rename("gone", "two")
    assert layouts.names() == ["one"]
