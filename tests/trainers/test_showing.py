import base64
import json
import subprocess
import sys

import numpy as np

from trainers import showing


class Raw:
    """Examples as a reader returns them, of one kind."""

    def __init__(self, contents, **more):
        self.contents = contents
        self.__dict__.update(more)


def test_each_kind_of_content_is_shown_as_what_it_is():
    image = showing._content(Raw(np.zeros((1, 1, 4, 4), np.uint8)), 0)
    colour = showing._content(Raw(np.zeros((1, 3, 4, 4), np.uint8)), 0)
    series = showing._content(Raw(np.array([[[1.0, np.nan, 2.0]]])), 0)
    row = showing._content(Raw(np.array([[1.0, 2.0]]), columns=("age", "height")), 0)

    assert showing._content(Raw(["a text"]), 0) == {"kind": "text", "content": "a text"}
    for shown in (image, colour):
        assert shown["kind"] == "image"
        assert base64.b64decode(shown["content"]).startswith(b"\x89PNG")
    assert (series["kind"], series["content"]) == ("series", [[1.0, None, 2.0]])
    assert row == {"kind": "table", "content": {"age": 1.0, "height": 2.0}}


def test_a_long_series_is_thinned_for_the_page():
    shown = showing._channels(np.zeros((20, 10_000)))

    assert len(shown) == 6
    assert len(shown[0]) <= 400


def test_what_is_asked_wrongly_is_answered_in_words_and_without_torch():
    asked = json.dumps({"data": {"kind": "nothing of that name"}, "ids": ["a"]})
    code = "import sys; from trainers import showing; showing.main(); assert 'torch' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code], input=asked, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "Expected a kind of" in json.loads(done.stdout)["error"]
