"""What a release carries: the model card with its charts, and the bundle of the exported model."""

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from experiments.errors import UsageError
from experiments.releasing import bundle
from experiments.releasing.model_card import make_card, to_html
from store import audit
from store.layout import Home
from store.reading import Store
from store.releases import releasing, version_folder

MODEL_FOLDER: Final = "model"
BUNDLE: Final = "bundle.zip"
CARD: Final = "card.md"
EDITS: Final = "edits"
MAX_CARD: Final = 1_000_000


def complete(store: Store, record: Mapping[str, Any], folder: Path) -> None:
    """Write the card, and zip the exported model with it, into a folder that becomes a release."""
    card = make_card(store, record)
    page = to_html(card.markdown, card.charts, title=f"Model card: {record['line']}")
    files = {CARD: card.markdown, "card.html": page, **card.charts}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    model = folder / MODEL_FOLDER
    if (model / "config.json").exists():
        for name, text in files.items():
            (model / name.replace("card.", "model_card.")).write_text(text, encoding="utf-8")
        check = {"line": record["line"], "check": record["export"]}
        (model / "check.json").write_text(json.dumps(check, indent=1), encoding="utf-8")
        bundle.pack(model, folder / BUNDLE)
    shutil.rmtree(model, ignore_errors=True)


def card_text(folder: Path) -> str:
    """Return a release's card as it stands: the newest edit, or what was released."""
    edits = sorted((folder / EDITS).glob("[0-9]*.md"))
    return (edits[-1] if edits else folder / CARD).read_text(encoding="utf-8")


def card_page(folder: Path, *, title: str) -> str:
    """Return a release's card as a page, with its charts."""
    charts = {
        path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("chart_*.svg"))
    }
    return to_html(card_text(folder), charts, title=title)


def edit_card(home: Home, line: str, version: int, text: str, *, who: str) -> Path:
    """Save a new text of a release's card beside the released one, and say so in the audit log.

    Raises
    ------
    UsageError
        If there is no text, or too much of it.
    """
    if not text.strip() or len(text) > MAX_CARD:
        raise UsageError(f"Expected a card of 1 to {MAX_CARD:,} characters; got {len(text):,}.")
    folder = version_folder(home, line, version) / EDITS
    with releasing(home):
        folder.mkdir(exist_ok=True)
        number = len(list(folder.glob("[0-9]*.md"))) + 1
        path = folder / f"{number:04d}.md"
        audit.append(
            home,
            "card",
            f"{line}@v{version}",
            who=who,
            edit=path.name,
            sha256=audit.digest(text),
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        path.write_text(text, encoding="utf-8")
        path.chmod(0o444)
    return path
