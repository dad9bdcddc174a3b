"""Presets of one's own: a spec under a name, a YAML file in the store's folder.

``bakeoff train NAME`` and the launch form find them by that name.
"""

import os
import re
from typing import TYPE_CHECKING, Final

from experiments.errors import UsageError
from experiments.specs import MAX_BYTES, own_presets, preset_names, to_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from trainers.spec import RunSpec

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


def check_preset_name(name: str) -> str:
    """Return a preset's name, if it can be a file's name that stays in its folder.

    Raises
    ------
    UsageError
        If it cannot, or Bakeoff brings a preset of that name.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            "Expected a preset's name of at most 60 letters, digits, '_' or '-', starting with a "
            f"letter or digit; got {name[:80]!r}. Choose another."
        )
    if name in preset_names():
        raise UsageError(
            f"Expected a name of your own; got {name!r}, which Bakeoff brings. Choose another."
        )
    return name


def save_preset(
    home: str | os.PathLike[str], name: str, spec: "RunSpec", *, replace: bool = False
) -> "Path":
    """Write a spec as a preset of the store and return its file.

    Only what differs from the defaults is written, so that a better default is taken up later;
    what belongs to a single run (name, group, notes) stays out.

    Raises
    ------
    UsageError
        If the name will not do, is taken and `replace` is False, or the spec is too large.
    store.StoreError
        If the store cannot be written.
    """
    path = own_presets(home) / f"{check_preset_name(name)}.yaml"
    if path.exists() and not replace:
        raise UsageError(
            f"Expected a new name; got {name!r}, which is taken. Replace it or choose another."
        )
    mapping = spec.model_dump(
        mode="json", exclude_defaults=True, exclude={"name", "group", "notes"}
    )
    for section, config in (("data", spec.data), ("model", spec.model)):
        mapping[section] = {"kind": config.kind, **mapping.get(section, {})}
    text = to_yaml(mapping)
    if len(text.encode()) > MAX_BYTES:
        raise UsageError(f"Expected a spec of at most {MAX_BYTES // 1024} KiB; got a larger one.")
    _write(path, text)
    return path


def delete_preset(home: str | os.PathLike[str], name: str) -> None:
    """Remove a preset of the store; one that is gone already is no error.

    Raises
    ------
    UsageError
        If the name is none of a preset of one's own.
    """
    (own_presets(home) / f"{check_preset_name(name)}.yaml").unlink(missing_ok=True)


def _write(path: "Path", text: str) -> None:
    """Write a file so that readers see the old or the new one."""
    from store.errors import HomeNotWritableError

    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise HomeNotWritableError(
            f"Expected a folder that can be written; got {path.parent} ({error.strerror}). "
            "Is the disk full, or the folder read-only?"
        ) from error
