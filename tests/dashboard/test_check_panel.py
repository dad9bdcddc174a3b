"""Muting what the automatic checks found, where it is shown."""

import numpy as np
import pytest

import store
from dashboard import data
from experiments.checks import muted
from store import audit
from store.layout import Home

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports


@pytest.fixture(scope="module")
def suspected(tmp_path_factory):
    """A store with two runs, of which one never predicts the second class."""
    place = tmp_path_factory.mktemp("suspected") / "home"
    generator = np.random.default_rng(0)
    label = generator.integers(0, 2, 400)
    ids = []
    for name, accuracy in (("good", 0.9), ("dead", 0.0)):
        run = store.init("p", name=name, home=place, capture=False, monitor=False)
        right = generator.random(400) < accuracy
        score = np.where(right == (label == 1), 0.9, 0.1) if accuracy else np.full(400, 0.1)
        for split in ("val", "test"):
            run.log_predictions(
                split, [f"{split}-{i}" for i in range(400)], label,
                np.stack([1 - score, score], axis=1), classes=("no", "yes"),
            )  # fmt: skip
        run.describe(data_hash="d")
        run.finish()
        ids.append(run.id)
    yield place, ids
    data.close()
    store.stop_hub(place)


@pytest.fixture
def address(suspected, monkeypatch):
    monkeypatch.setenv("BAKEOFF_HOME", str(suspected[0]))
    return {"runs": ",".join(suspected[1])}


def button(at, key):
    [found] = [one for one in at.button if one.key == key]
    return found


def keys(at):
    return {one.key for one in at.button}


@pytest.mark.parametrize(
    ("page", "more"),
    [("choose", {"line": "answers", "why": "Checks"}), ("compare", {"behind": "Checks"})],
)
def test_a_check_is_muted_with_a_reason_stays_visible_and_counts_again(
    suspected, address, opened, everything_said, page, more
):
    place = Home(suspected[0])
    key = f"{page}_checks"
    before = len(audit.entries(place))
    at = opened(page, **address, **more)
    assert not at.exception
    at.selectbox(key=f"{key}_mute_code").set_value("P01").run()

    button(at, f"{key}_mute").click().run()
    assert "Expected a reason for muting P01" in at.warning[0].value
    assert muted(place, "p") == {}

    at.text_input(key=f"{key}_mute_reason").set_value("rare by design").run()
    button(at, f"{key}_mute").click().run()
    assert not at.exception
    assert muted(place, "p") == {"P01": "rare by design"}
    assert "P01 muted" in everything_said(at)
    assert "Muted: rare by design" in everything_said(at)
    offered = [one.options for one in at.selectbox if one.key == f"{key}_mute_code"]
    assert not any("P01" in option for options in offered for option in options)

    button(at, f"{key}_unmute_P01").click().run()
    assert not at.exception
    assert muted(place, "p") == {}
    assert f"{key}_unmute_P01" not in keys(at)
    assert "P01 fail" in everything_said(at)
    done = [(one.action, one.subject) for one in audit.entries(place)[before:]]
    assert [one for one in done if "mute" in one[0]] == [("mute", "p/P01"), ("unmute", "p/P01")]
