"""A bundle: one zip with everything that a model needs to be used, and the hashes of it all.

Plain files only: JSON, Markdown, HTML, safetensors, ONNX. Nothing in it can run code, no path
leaves it, and what is not in ``SHA256SUMS`` with its right hash is refused.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiments.errors import ExperimentError

SUMS: Final = "SHA256SUMS"
_DESCRIBED: Final = ("config.json", "labels.json", "preprocessing.json")
REQUIRED: Final = (*_DESCRIBED, "weights.safetensors")
_ONE_NETWORK, _TWO_NETWORKS = ("model.onnx",), ("encoder.onnx", "decoder.onnx")
MAX_BYTES: Final = 8 << 30
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_MEMBER = re.compile(r"member-([1-9][0-9]{0,2})\.(.+)")
_TIME = (1980, 1, 1, 0, 0, 0)  # the same content is the same zip


class BundleError(ExperimentError):
    """A bundle that is damaged, changed or not one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The content of a bundle, checked."""

    files: Mapping[str, bytes]
    sha256: str
    """of the zip"""

    def json(self, name: str) -> Any:
        """Return what a JSON file of the bundle holds."""
        return json.loads(self.files[name])


def pack(folder: Path, target: Path) -> str:
    """Zip the files of a folder with their hashes; return the zip's SHA-256.

    Raises
    ------
    BundleError
        If a file that every bundle has is missing, or a name cannot be in a bundle.
    """
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != SUMS)
    missing = ", ".join(name for name in required(names) if name not in names)
    if missing:
        raise BundleError(f"Expected the files of a model in {folder}; got no {missing}.")
    for name in names:
        _check_name(name)
    sums = "".join(f"{_sha256((folder / name).read_bytes())}  {name}\n" for name in names)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in [*names, SUMS]:
            content = sums.encode() if name == SUMS else (folder / name).read_bytes()
            entry = zipfile.ZipInfo(name, date_time=_TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return _sha256(target.read_bytes())


def required(names: Iterable[str]) -> tuple[str, ...]:
    """Return the files that a bundle with such files has to have."""
    there = set(names)
    members = _members(dict.fromkeys(there, b""))
    if members:
        parts = (f"{name}.{file}" for name, part in members.items() for file in required(part))
        return (*_DESCRIBED, *parts)
    return REQUIRED + (_TWO_NETWORKS if there & set(_TWO_NETWORKS) else _ONE_NETWORK)


def members_of(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], ...]:
    """Return the files of each model of an ensemble, by the names that they have alone."""
    return tuple(_members(files).values())


def _members(files: Mapping[str, bytes]) -> dict[str, dict[str, bytes]]:
    """Return ``member-1``, ``member-2``, ... each with its own files."""
    found: dict[int, dict[str, bytes]] = {}
    for name, content in files.items():
        if part := _MEMBER.fullmatch(name):
            found.setdefault(int(part[1]), {})[part[2]] = content
    return {f"member-{number}": found[number] for number in sorted(found)}


def read(path: Path, *, sha256: str | None = None) -> Bundle:
    """Return a bundle's content after checking every file.

    Parameters
    ----------
    path
        The zip.
    sha256
        What its own hash has to be.

    Raises
    ------
    BundleError
        If it is no bundle, or anything in it is not what its hash says.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"Expected a bundle; got {path} ({error.strerror}).") from error
    found = _sha256(content)
    if sha256 is not None and found != sha256:
        raise BundleError(
            f"Expected the bundle that was released; got {path}, which was changed "
            f"(SHA-256 {found[:12]}..., not {sha256[:12]}...). Restore it from a backup."
        )
    return Bundle(files=_unpacked(content, path), sha256=found)


def _unpacked(content: bytes, path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise BundleError(f"Expected a bundle of at most {MAX_BYTES >> 30} GiB; got more.")
            names = [entry.filename for entry in entries]
            if len(set(names)) != len(names):
                raise BundleError(f"Expected every file once in {path}; got one twice.")
            for name in names:
                _check_name(name)
            files = {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise BundleError(f"Expected a bundle; got {path}, which is damaged ({error}).") from error
    sums = _sums(files.get(SUMS, b""))
    for name in sorted({*required(files), *sums, *files} - {SUMS}):
        if name not in files:
            raise BundleError(f"Expected {name} in {path}; it is not there.")
        if sums.get(name) != _sha256(files[name]):
            raise BundleError(
                f"Expected {name} in {path} as {SUMS} has it; it was changed. Export it again."
            )
    return files


def _sums(content: bytes) -> dict[str, str]:
    pairs = (line.split("  ", 1) for line in content.decode("utf-8", "replace").splitlines())
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BundleError(f"Expected plain file names in a bundle; got {name!r:.80}.")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
