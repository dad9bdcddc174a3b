import shutil
import wave

import numpy as np
import pytest

import store
from store import artifacts, trash
from store.disk_usage import run_bytes
from store.layout import Home


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(range(256)) * 1_000)
    return path


def keep(home, path, **options):
    with store.init("p", capture=False, monitor=False) as run:
        run.log_artifact(path, **options)
    return home / "runs" / run.id / "files" / options.get("name", path.name)


def test_content_that_several_runs_have_is_stored_once(home, weights):
    kept = [keep(home, weights, name=f"{index}.bin") for index in range(3)]
    pooled = artifacts.pool_path(Home(home), artifacts.sha256(weights))

    assert {path.stat().st_ino for path in kept} == {pooled.stat().st_ino}
    assert pooled.stat().st_nlink == 4
    with store.open(home) as opened:
        [event] = opened.events(kept[0].parents[1].name, ["artifact"]).to_pylist()
    assert pooled.name in event["body"]


def test_a_run_folder_that_is_copied_has_the_content(home, weights, tmp_path):
    kept = keep(home, weights)
    copied = shutil.copytree(kept.parents[1], tmp_path / "copied")
    shutil.rmtree(home)

    assert (copied / "files" / weights.name).read_bytes() == weights.read_bytes()


def test_a_name_that_is_used_again_leaves_the_others_their_content(home, weights):
    first = keep(home, weights)
    before = weights.read_bytes()
    with store.init("p", id="r", capture=False, monitor=False) as run:
        run.log_artifact(weights)
        weights.write_bytes(b"other")
        run.log_artifact(weights)
        run.log_artifact(weights)

    assert first.read_bytes() == before
    assert (home / "runs" / "r" / "files" / weights.name).read_bytes() == b"other"
    assert list((home / "runs" / "r" / "files").iterdir()) == [
        home / "runs" / "r" / "files" / weights.name
    ]


def test_content_goes_with_the_last_run_that_has_it(home, weights):
    ids = [keep(home, weights).parents[1].name for _ in range(2)]
    place = Home(home)
    assert run_bytes(place.run(ids[0]))["files"] == 0
    with store.open(home) as opened:
        trash.trash(opened, ids)
        trash.empty(opened, ids[:1])
        assert artifacts.sweep(place) == 0
        trash.empty(opened, ids[1:])

    assert artifacts.sweep(place) >= weights.stat().st_size
    assert artifacts.orphans(place) == []


def test_without_hard_links_each_run_has_its_copy(home, weights, monkeypatch):
    def refuse(*_arguments):
        raise OSError(1, "no links here")

    monkeypatch.setattr("os.link", refuse)
    kept = [keep(home, weights) for _ in range(2)]

    assert [path.read_bytes() for path in kept] == [weights.read_bytes()] * 2
    assert artifacts.orphans(Home(home)) == []


def test_a_sound_becomes_a_wav_file_and_an_event(home):
    rate = 8_000
    tone = np.sin(np.arange(rate) / 10)
    with store.init("p", capture=False, monitor=False) as run:
        run.log_audio("tone", tone, rate, step=3)
        run.log_audio("stereo", np.zeros((10, 2), np.int16), rate)
    with store.open(home) as opened:
        events = opened.events(run.id, ["audio"]).to_pylist()
    with wave.open(str(run.folder / "files" / "audio" / "tone-000000003.wav")) as file:
        frames = np.frombuffer(file.readframes(rate), "<i2")

    assert [event["name"] for event in events] == ["tone", "stereo"]
    assert file.getframerate() == rate
    np.testing.assert_allclose(frames / 32_767, tone, atol=1e-4)


def test_what_is_no_sound_is_refused_in_one_sentence():
    with (
        store.init("p", capture=False, monitor=False) as run,
        pytest.raises(ValueError, match="Expected samples of shape"),
    ):
        run.log_audio("x", np.zeros((2, 3, 4)), 8_000)


def test_every_kind_of_event_is_served(home):
    with store.init("p", capture=False, monitor=False) as run:
        run.log_text("sample", "once upon a time", step=1)
        run.log_image("digit", np.zeros((4, 4)), step=1)
        run.log_histogram("weights", [1.0, 2.0, float("nan")], step=1)
        run.log_table("worst", {"id": [1, 2]}, step=1)
        run.log_audio("tone", np.zeros(8), 8_000)
        run.alert("diverged", "loss is NaN", level="error")
    with store.open(home) as opened:
        kinds = opened.events(run.id)["kind"].to_pylist()

    assert kinds == ["text", "image", "histogram", "table", "audio", "alert"]
