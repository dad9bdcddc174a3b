import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments import serve
from experiments.errors import PortInUseError


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((serve.HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_is_named_with_the_option(taken_port: int) -> None:
    with pytest.raises(PortInUseError, match=f"got {taken_port}, which is in use.*--port"):
        serve.check_port(taken_port)


def test_the_next_free_port_is_not_the_one_in_use(taken_port: int) -> None:
    assert serve.next_free_port(taken_port) > taken_port


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"", ""), (b"one\ntwo\n\n  \n", "two"), (b"x\n\xff end", "\N{REPLACEMENT CHARACTER} end")],
)
def test_the_last_line_says_what_happened(tmp_path: Path, content: bytes, line: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)

    assert serve.last_line(path) == line


def test_a_missing_log_has_no_last_line(tmp_path: Path) -> None:
    assert serve.last_line(tmp_path / "none") == ""


def test_no_display_opens_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")

    assert not serve.open_browser("http://127.0.0.1:1")
