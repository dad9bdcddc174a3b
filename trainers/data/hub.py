"""Files of public data sets on the Hugging Face hub, fetched once: ``hub:OWNER/NAME/FILE``.

``hub:OWNER/NAME@REVISION/FILE`` names a commit or branch other than ``main``. The copy lies in the
cache folder and is never fetched again. ``HF_ENDPOINT`` names another hub, ``HF_HUB_OFFLINE=1``
forbids the network.
"""

from __future__ import annotations

import os
import re
import tempfile
import urllib.request
from http.client import HTTPException
from pathlib import Path
from shutil import copyfileobj
from urllib.error import HTTPError
from urllib.parse import quote

from trainers.data.fetch import cache_folder
from trainers.errors import DataError

PREFIX = "hub:"
_WORD = r"[\w-][\w.-]*"  # no part of a path begins with a dot
_ID = re.compile(rf"({_WORD}/{_WORD})(?:@({_WORD}))?/({_WORD}(?:/{_WORD})*)")
_TIME_LIMIT_S = 30.0


def located(path: str) -> Path:
    """Return where the file or folder of a setting lies; one on the hub is fetched first.

    Raises
    ------
    DataError
        If the name is none of a file on the hub, or the file cannot be had.
    """
    if not path.startswith(PREFIX):
        return Path(path)
    found = _ID.fullmatch(path.removeprefix(PREFIX))
    if not found:
        raise DataError(
            f"Expected data.path as hub:OWNER/NAME/FILE or hub:OWNER/NAME@REVISION/FILE; got {path!r}."
        )
    name, revision, file = found[1], found[2] or "main", found[3]
    kept = cache_folder() / "hub" / name / revision / file
    if not kept.is_file():
        endpoint = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
        address = f"{endpoint}/datasets/{name}/resolve/{quote(revision)}/{quote(file)}"
        try:
            _download(address, kept)
        except (OSError, ValueError, HTTPException) as error:  # no network is an OSError
            if isinstance(error, HTTPError):
                error.close()
            raise DataError(
                f"Expected to fetch {path} from {address}; got {error}. Check the name and the "
                "network, or download the file yourself and name it in data.path."
            ) from error
    return kept


def _download(address: str, kept: Path) -> None:
    """Write under the final name only what came whole."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise ValueError("HF_HUB_OFFLINE, which forbids it")
    if not address.startswith(("https://", "http://")):
        raise ValueError("an HF_ENDPOINT that is no web address")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=kept.parent, prefix="fetch-") as folder,
        urllib.request.urlopen(address, timeout=_TIME_LIMIT_S) as answer,  # noqa: S310 - checked
    ):
        part = Path(folder) / kept.name
        with part.open("wb") as copy:
            copyfileobj(answer, copy)
        length, size = answer.headers.get("Content-Length"), part.stat().st_size
        if length and size != int(length):
            raise ValueError(f"{size:,} bytes of {int(length):,}")
        part.replace(kept)
