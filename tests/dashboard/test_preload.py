"""What a page needs is named with its answer: real files of the Streamlit that is installed."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import streamlit

from dashboard.preload import Preload

STATIC = Path(streamlit.__file__).parent / "static"


def head_of(path: str) -> dict[bytes, bytes]:
    """Return the headers of the answer to a path."""
    sent = []

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b"page"})

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    answer = Preload(app)({"type": "http", "path": path}, receive, send)
    with ThreadPoolExecutor(1) as pool:  # a browser test may have left this thread its own loop
        pool.submit(asyncio.run, answer).result()
    assert sent[1]["body"] == b"page"
    return dict(sent[0]["headers"])


@pytest.mark.parametrize(("path", "script"), [("/study", "PlotlyChart"), ("/runs", "DataFrame")])
def test_the_script_that_draws_a_page_is_named_with_it(path, script):
    link = head_of(path)[b"link"].decode()
    files = re.findall(r'<\./(static/js/[^>]+)>; rel="modulepreload"; crossorigin', link)

    assert any(script in file for file in files)
    assert all((STATIC / file).is_file() for file in files)


def test_other_answers_stay_as_they_are():
    assert head_of("/api/curves") == {b"a": b"b"}
