"""Data sets on the Hugging Face hub, by a server here that answers as the hub does."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from trainers.data.dataset import load_dataset
from trainers.data.hub import located
from trainers.data.preview import preview
from trainers.errors import DataError
from trainers.spec import load_spec

ROWS = "text,label\n" + "".join(
    f"{'good' if n % 2 else 'bad'} film {n},{n % 2}\n" for n in range(40)
)
NAME = "hub:team/reviews@v1/data/train.csv"


class Hub(BaseHTTPRequestHandler):
    """Sends whoever asks on to where the file lies, as the hub does; one file comes cut short."""

    def do_GET(self) -> None:
        if self.path == "/datasets/team/reviews/resolve/v1/data/train.csv":
            self.send_response(302)
            self.send_header("Location", "/stored/train.csv")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path in {"/stored/train.csv", "/datasets/team/reviews/resolve/main/cut.csv"}:
            content = ROWS.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: 100 if "cut" in self.path else None])
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()
        thread.join()


def test_a_file_on_the_hub_is_previewed_trained_on_and_fetched_once(
    hub: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = preview(NAME, {})
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    data = {"kind": "text_csv", "path": NAME}
    loaded = load_dataset(load_spec({"data": data, "model": {"kind": "lstm"}}).data)

    assert (found["data"]["kind"], found["data"]["path"]) == ("text_csv", NAME)
    assert loaded.hash == found["hash"]
    assert [p.name for p in (tmp_path / "cache").glob("**/*") if p.is_file()] == ["train.csv"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hub:team/reviews/none.csv", "HTTP Error 404"),
        ("hub:team/reviews/cut.csv", "got 100 bytes of"),
        ("hub:team/reviews", "Expected data.path as hub:OWNER/NAME/FILE"),
        ("hub:team/reviews/../../secret.csv", "Expected data.path as hub:OWNER/NAME/FILE"),
    ],
)
def test_what_the_hub_does_not_have_is_one_sentence_and_leaves_nothing(
    name: str, words: str, hub: ThreadingHTTPServer, tmp_path: Path
):
    with pytest.raises(DataError, match=words) as caught:
        located(name)

    assert "\n" not in str(caught.value)
    assert not [p for p in (tmp_path / "cache").glob("**/*") if p.is_file()]


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("HF_HUB_OFFLINE", "1", "got HF_HUB_OFFLINE, which forbids it"),
        ("HF_ENDPOINT", "http://127.0.0.1:9", "Check the name and the network"),
        ("HF_ENDPOINT", "file:///etc", "got an HF_ENDPOINT that is no web address"),
    ],
)
def test_without_a_network_one_sentence_says_what_to_do(
    setting: str,
    value: str,
    words: str,
    hub: ThreadingHTTPServer,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv(setting, value)
    with pytest.raises(DataError, match=words) as caught:
        located(NAME)

    assert "\n" not in str(caught.value)
