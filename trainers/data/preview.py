"""What would be learnt from: ``python -m trainers.data.preview PATH [--set KEY=VALUE] [--json]``.

Nothing is trained and nothing is recorded. Exit codes: 0 usable, 2 not usable as it stands.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from trainers.catalog import DATA, load_plugins, models_for
from trainers.configs import DataConfig, TextDataConfig
from trainers.data.dataset import Dataset, build_dataset
from trainers.data.encoding import tokens_of
from trainers.data.guessing import guess
from trainers.data.hub import located
from trainers.data.raw import RawArrays, RawData, RawTexts
from trainers.errors import DataError, SpecError
from trainers.spec import load_spec

_SHOWN = 5
_CUT = 80
_RARE = 0.05
_FEW = 20


def preview(path: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return what is understood of a path, with the problems that a training would meet.

    Parameters
    ----------
    settings
        Of the data section; they win over what the look of the path says.

    Raises
    ------
    DataError
        If the data cannot be used.
    SpecError
        If a setting is wrong.
    """
    load_plugins()
    values = {**guess(located(path)), **settings} if "kind" not in settings else settings
    if path not in DATA:
        values = {**values, "path": path}
    kind = values["kind"]
    model = next(iter(models_for(kind)), None) if kind in DATA else None
    config = load_spec({"data": values, "model": {"kind": model or "cnn"}}).data
    raw = DATA[config.kind].load()(config)
    data = build_dataset(raw, config)
    return {
        "data": config.model_dump(mode="json"),
        "title": DATA[config.kind].title,
        "models": list(models_for(config.kind)),
        "examples": len(raw.ids),
        "sizes": data.facts["sizes"],
        "classes": _class_counts(raw, data),
        "columns": _columns(raw),
        "lengths": _lengths(raw, config),
        "duplicates_dropped": data.facts["duplicates_dropped"],
        "contradictions_dropped": data.facts["contradictions_dropped"],
        "leaks_dropped": data.facts["leaks_dropped"],
        "facts": {
            k: v for k, v in raw.facts.items() if isinstance(v, str | int | float | dict | list)
        },
        "shown": _examples(raw),
        "problems": _problems(raw, data, config),
        "hash": data.hash,
    }


def _class_counts(raw: RawData, data: Dataset) -> dict[str, dict[str, int]]:
    counts = {
        name: np.bincount(split.labels.numpy(), minlength=len(raw.classes))
        for name, split in (("train", data.train), ("val", data.val), ("test", data.test))
        if raw.classes
    }
    return {
        word: {name: int(found[place]) for name, found in counts.items()}
        for place, word in enumerate(raw.classes)
    }


def _columns(raw: RawData) -> list[dict[str, Any]]:
    if not isinstance(raw, RawArrays) or raw.shape == "ratings":
        return []
    flat = raw.contents.reshape(-1, raw.contents.shape[-1]).astype(np.float64)
    if raw.shape == "sequence":
        flat = flat[~np.isnan(flat).all(axis=1)]
    columns = []
    for place, name in enumerate(raw.names):
        values = flat[:, place]
        known = values[np.isfinite(values)]
        words = raw.categories.get(name)
        facts: dict[str, Any] = {"name": name, "missing": int(len(values) - len(known))}
        if words:
            facts.update(type="words", different=len(words), first=list(words[:_SHOWN]))
        elif len(known):
            facts.update(type="numbers", min=float(known.min()), mean=float(known.mean()), max=float(known.max()))  # fmt: skip
        columns.append(facts)
    return columns


def _lengths(raw: RawData, config: DataConfig) -> dict[str, float] | None:
    if not isinstance(raw, RawTexts) or not isinstance(config, TextDataConfig):
        return None
    lengths = np.array([len(tokens_of(text, config.tokens)) for text in raw.contents])
    p50, p90 = np.percentile(lengths, [50, 90])
    cut = float((lengths > config.max_length).mean())
    return {"p50": float(p50), "p90": float(p90), "max": float(lengths.max()), "cut_share": cut}


def _examples(raw: RawData) -> list[dict[str, Any]]:
    places = np.linspace(0, len(raw.ids) - 1, min(_SHOWN, len(raw.ids))).astype(int)
    return [
        {"id": raw.ids[i], "content": _content(raw, i), "label": _label(raw, i)} for i in places
    ]


def _content(raw: RawData, place: int) -> str:
    if isinstance(raw, RawTexts):
        text = raw.contents[place]
        return text if len(text) <= _CUT else text[: _CUT - 1] + "…"
    if not isinstance(raw, RawArrays):
        image = np.asarray(raw.contents[np.array([place])])[0]
        return f"{image.shape[1]} x {image.shape[2]} pixels, {image.shape[0]} channels, mean {image.mean():.0f}"
    row = raw.contents[place]
    last = row if row.ndim == 1 else row[~np.isnan(row).all(axis=1)][-1]
    return ", ".join(f"{n} {v:.4g}" for n, v in zip(raw.names, last.tolist(), strict=True))[:200]


def _label(raw: RawData, place: int) -> str:
    if isinstance(raw, RawTexts) and raw.targets is not None:
        return raw.targets[place][:_CUT]
    if raw.classes:
        return raw.classes[int(raw.labels[place])]
    if isinstance(raw, RawTexts):
        return ""
    return ", ".join(f"{value:.4g}" for value in np.atleast_1d(raw.labels[place]).tolist())


def _problems(raw: RawData, data: Dataset, config: DataConfig) -> list[str]:
    return [*_row_problems(data), *_class_problems(data), *_column_problems(raw, config)]


def _row_problems(data: Dataset) -> Iterator[str]:
    facts = data.facts
    for key, text in (
        ("leaks_dropped", "{} examples are in more than one split; training would leave them out."),
        ("duplicates_dropped", "{} examples are there more than once; each counts once."),
        ("contradictions_dropped", "{} examples carry two labels; they are left out."),
    ):
        if facts[key]:
            yield text.format(f"{facts[key]:,}")
    if num_bad := facts.get("incomplete_rows", 0) or facts.get("unreadable", 0):
        first = (facts.get("incomplete_examples") or facts.get("unreadable_names") or ["?"])[0]
        yield f"{num_bad:,} rows or files cannot be used; the first: {first}."


def _class_problems(data: Dataset) -> Iterator[str]:
    total = sum(data.target.counts) or 1
    for word, count in zip(data.classes, data.target.counts, strict=True):
        if count < _FEW:
            yield f"Only {count} training examples of class {word!r}."
        elif count / total < _RARE:
            yield f"Class {word!r} is rare ({count / total:.1%}): look at val/ap, try class_weights."


def _column_problems(raw: RawData, config: DataConfig) -> Iterator[str]:
    columns = _columns(raw)
    kept = {column["name"] for column in columns}
    for name in raw.facts.get("missing_values", ()):
        if name not in kept:
            yield f"Column {name!r} holds nothing and is left out."
    for column in columns:
        if column["missing"]:
            yield f"Column {column['name']!r}: {column['missing']:,} values are missing."
        if column.get("type") == "numbers" and column["min"] == column["max"]:
            yield f"Column {column['name']!r} is the same everywhere."
    lengths = _lengths(raw, config)
    if lengths and lengths["cut_share"] > _RARE:
        yield f"{lengths['cut_share']:.0%} of the texts are longer than data.max_length."


def _print(found: dict[str, Any]) -> None:
    write = sys.stdout.write
    write(f"{found['title']} (data.kind {found['data']['kind']})\n")
    sizes = ", ".join(f"{size:,} {name}" for name, size in found["sizes"].items())
    write(f"{found['examples']:,} examples read; {sizes}\n")
    for word, counts in found["classes"].items():
        write(f"  class {word}: {', '.join(f'{n:,} {name}' for name, n in counts.items())}\n")
    for column in found["columns"]:
        rest = {key: value for key, value in column.items() if key not in {"name", "type"}}
        shown = ", ".join(
            f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in rest.items()
        )
        write(f"  column {column['name']} ({column.get('type', 'empty')}): {shown}\n")
    if found["lengths"]:
        write("  lengths: " + ", ".join(f"{k} {v:.3g}" for k, v in found["lengths"].items()) + "\n")
    for example in found["shown"]:
        write(f"  e.g. {example['id']}: {example['content']} -> {example['label']}\n")
    for problem in found["problems"] or ["none found"]:
        write(f"problem: {problem}\n" if found["problems"] else f"problems: {problem}\n")
    write(f"hash {found['hash'][:16]}; models: {', '.join(found['models'])}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the preview and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m trainers.data.preview")
    parser.add_argument("path", help="a folder, a file, or a kind of data")
    parser.add_argument("--settings", default="{}", help="of the data section, as JSON")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    talk, sys.stdout = sys.stdout, sys.stderr if options.json else sys.stdout
    try:
        found = preview(options.path, json.loads(options.settings))
    except (SpecError, DataError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    finally:
        sys.stdout = talk
    if options.json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
    else:
        _print(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
