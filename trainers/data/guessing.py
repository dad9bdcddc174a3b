"""What a path is, by its look: which kind of data, with which columns. Loads no torch."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from trainers.catalog import DATA
from trainers.data.rows import ENDINGS, BadRows, number_in, read_rows
from trainers.errors import DataError

_LOOKED_AT = 500
_LONG = 12.0  # characters on average: longer words are texts
_PICTURES = {".png", ".jpg", ".jpeg"}
_NAMES = {
    "text": ("text", "review", "sentence", "content", "comment", "message", "body"),
    "label": ("label", "class", "target", "y", "category", "sentiment", "is_fraud", "fraud"),
    "source": ("source", "input", "src", "question"),
    "written": ("target", "output", "tgt", "answer"),
    "user": ("user", "user_id", "userid", "customer"),
    "item": ("item", "item_id", "itemid", "movie", "movieid", "product"),
    "rating": ("rating", "score", "stars"),
    "customer": ("customer", "customer_id", "account", "account_id", "card", "user_id"),
    "time": ("time", "timestamp", "date", "datetime", "ds"),
}


def guess(path: Path) -> dict[str, Any]:
    """Return the settings of the data section that fit a path best.

    Raises
    ------
    DataError
        If nothing fits.
    """
    if path.is_dir():
        return _guess_folder(path)
    ending = path.suffix.lower()
    if ending == ".npz":
        return {"kind": "image_npz", "path": str(path)}
    if ending == ".txt":
        return {"kind": "text_files", "path": str(path)}
    if ending in ENDINGS:
        return {"path": str(path), **_guess_columns(path)}
    if not path.exists() and str(path) in DATA:
        return {"kind": str(path)}
    if not path.exists():
        raise DataError(
            f"Expected a file, a folder, or one of {', '.join(DATA)}; got {str(path)!r}, which does "
            "not exist."
        )
    raise DataError(
        f"Expected a folder, .csv, .tsv, .jsonl, .parquet, .npz or .txt; got {path.name}. Name the "
        "kind with --set data.kind=..."
    )


def _guess_folder(path: Path) -> dict[str, Any]:
    endings = {p.suffix.lower() for p in islice(path.glob("**/*"), 10_000) if p.is_file()}
    if endings & _PICTURES or any(p.is_dir() for p in path.iterdir()):
        return {"kind": "image_folder", "path": str(path)}
    if ".txt" in endings:
        return {"kind": "text_files", "path": str(path)}
    raise DataError(
        f"Expected images or .txt files in the folder {path}; got {', '.join(sorted(endings)) or 'none'}."
    )


def _guess_columns(path: Path) -> dict[str, Any]:
    bad = BadRows(path, _LOOKED_AT)
    rows = [row for _, row in islice(read_rows(path, bad), _LOOKED_AT)]
    if not rows:
        bad.close(0, "rows")
    names = [name for name in rows[0] if isinstance(name, str)]
    found = {role: _first(names, words) for role, words in _NAMES.items()}
    if found["user"] and found["item"] and found["rating"]:
        roles = {f"{role}_column": found[role] for role in ("user", "item", "rating", "time")}
        return {"kind": "ratings_csv", **{k: v for k, v in roles.items() if v}}
    if found["source"] and found["written"]:
        return {
            "kind": "pairs_csv",
            "source_column": found["source"],
            "target_column": found["written"],
        }
    if found["customer"] and found["time"] and found["label"]:
        roles = {f"{role}_column": found[role] for role in ("customer", "time", "label")}
        return {"kind": "transactions_csv", **roles}
    lengths = {name: _mean_length(rows, name) for name in names if not _is_number(rows, name)}
    text = found["text"] or max((n for n in lengths if lengths[n] > _LONG), key=lengths.__getitem__, default=None)  # fmt: skip
    label = found["label"] or names[-1]
    if text and text != label and text in lengths and text != found["time"]:
        return {"kind": "text_csv", "text_column": text, "label_column": label}
    if found["time"] and not found["label"]:
        target = next((n for n in names if n != found["time"] and _is_number(rows, n)), None)
        if target:
            return {"kind": "series_csv", "time_column": found["time"], "target_column": target}
    return {"kind": "table_csv", "label_column": label}


def _first(names: list[str], words: tuple[str, ...]) -> str | None:
    lower = {name.lower(): name for name in reversed(names)}
    return next((lower[word] for word in words if word in lower), None)


def _is_number(rows: list[dict[str, Any]], name: str) -> bool:
    cells = [row.get(name) for row in rows if row.get(name) not in {None, ""}]
    return bool(cells) and not any(np.isnan(number_in(cell)) for cell in cells)


def _mean_length(rows: list[dict[str, Any]], name: str) -> float:
    return float(np.mean([len(str(row.get(name) or "")) for row in rows]))
