"""Stores that the pages are tested on: filled once, read by many tests."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import store
from dashboard import data
from store import testing

SHELL = Path(data.__file__).with_name("shell.py")
RUNS = 7


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """A store with runs of three kinds of model; do not write to it."""
    place = tmp_path_factory.mktemp("filled")
    ids = testing.filled_store(place, num_runs=RUNS)
    yield place, ids
    data.close()
    store.stop_hub(place)


@pytest.fixture
def runs(filled: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs of the filled store, which is the one that the pages show."""
    monkeypatch.setenv("BAKEOFF_HOME", str(filled[0]))
    return filled[1]


@pytest.fixture
def empty(home: Path) -> Iterator[Path]:
    """A store without a run."""
    yield home
    data.close()


@pytest.fixture(autouse=True)
def own_main_module() -> Iterator[None]:
    """AppTest leaves its script as ``__main__``, which every new process would run again."""
    kept = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = kept


@pytest.fixture
def opened() -> Callable[..., AppTest]:
    """Open a page by its name, as a browser does."""

    def open_page(page: str = "runs", /, **parameters: str) -> AppTest:
        at = AppTest.from_file(str(SHELL), default_timeout=60)
        for key, value in parameters.items():
            at.query_params[key] = value
        # AppTest switches between files only; ours are functions, named by the hash of their path.
        at._page_hash = "" if page == "home" else calc_hash(page)
        return at.run()

    return open_page


@pytest.fixture
def everything_said() -> Callable[[AppTest], str]:
    """Return all text of a page, components included."""

    def said(at: AppTest) -> str:
        kinds = ("title", "subheader", "markdown", "caption", "warning", "code")
        texts = [str(getattr(e, "value", "")) for kind in kinds for e in at.get(kind)]
        sent = [json.loads(element.proto.json) for element in at.get("bidi_component")]
        texts += [data.get("markup", "") for data in sent]
        return "\n".join(texts)

    return said
