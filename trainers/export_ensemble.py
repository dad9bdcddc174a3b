"""An ensemble as files: those of each member by its number, and how their scores become one.

``member-1.model.onnx``, ``member-1.preprocessing.json``, ... are what an export of that run holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from store.layout import Home
from trainers.ensembles import stack_weights
from trainers.export_networks import ExportError

_KIND = "ensemble_"


def members_of(home: Home, run_id: str) -> tuple[str, ...]:
    """Return the runs that an ensemble is made of; nothing for any other run."""
    is_one = kind_of(home, run_id).startswith(_KIND)
    return tuple(header_of(home, run_id).get("parents") or ()) if is_one else ()


def kind_of(home: Home, run_id: str) -> str:
    """Return which kind of model a run says that it is."""
    model = (header_of(home, run_id).get("config") or {}).get("model") or {}
    return str(model.get("kind", ""))


def header_of(home: Home, run_id: str) -> dict[str, Any]:
    """Return what a run said about itself when it began."""
    return json.loads(home.run(run_id).header.read_text(encoding="utf-8"))


def write_ensemble(
    home: Home,
    run_id: str,
    folder: Path,
    *,
    write_member: Callable[[str, Path], None],
) -> None:
    """Write an ensemble's members and what makes one model of them.

    Parameters
    ----------
    run_id
        The ensemble.
    write_member
        Exports a run into a folder.

    Raises
    ------
    ExportError
        If a member cannot be exported, or they have no mean.
    """
    kind, members = kind_of(home, run_id), members_of(home, run_id)
    parts = [_write_part(folder, n, one, write_member) for n, one in enumerate(members, 1)]
    labels = parts[0]["labels"]
    outputs = {_outputs(part) for part in parts}
    kinds = {(part["preprocessing"]["modality"], tuple(part["labels"])) for part in parts}
    if len(kinds) > 1 or len(outputs) > 1 or not outputs <= {"softmax", "linear"}:
        raise ExportError(
            "Expected members that answer the same question about the same kind of input with "
            f"classes or numbers; got {', '.join(sorted(outputs))}. Release one of them."
        )
    says = {
        "kind": "ensemble",
        "outputs": outputs.pop(),
        "members": len(members),
        "weights": stack_weights(home, members) if kind == f"{_KIND}stack" else None,
    }
    config = {
        "format": 1,
        "run": run_id,
        "parent": None,
        "members": list(members),
        "variant": kind,
        "onnx": {"batch": None, "output": parts[0]["config"]["onnx"]["output"]},
        "parameters": sum(part["config"]["parameters"] for part in parts),
        "exported_with": parts[0]["config"]["exported_with"],
    }
    facts = {**parts[0]["preprocessing"], "scores": says}
    for name, value in (("preprocessing", facts), ("labels", labels), ("config", config)):
        text = json.dumps(value, ensure_ascii=False, indent=1)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    words = folder / "member-1.vocabulary.json"
    if words.exists():
        (folder / "vocabulary.json").write_bytes(words.read_bytes())


def _write_part(
    folder: Path, number: int, run_id: str, write_member: Callable[[str, Path], None]
) -> dict[str, Any]:
    """Export a member beside the others; return what its files say."""
    part = folder / f"member-{number}"
    write_member(run_id, part)
    names = ("preprocessing", "labels", "config")
    found = {
        name: json.loads((part / f"{name}.json").read_text(encoding="utf-8")) for name in names
    }
    for path in sorted(part.iterdir()):
        path.rename(folder / f"{part.name}.{path.name}")
    part.rmdir()
    return found


def _outputs(part: Mapping[str, Any]) -> str:
    """Return what a member's scores are: of several answers the first is what was recorded."""
    says = part["preprocessing"]["scores"]
    if part["preprocessing"]["modality"] == "ratings":
        return "ratings"
    if says["kind"] == "several":
        return str(says["heads"][0]["kind"])
    return str(says.get("outputs") or says["kind"])
