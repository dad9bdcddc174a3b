"""What `bakeoff serve` and `bakeoff predict` do: a release, or a bundle alone, outside training."""

import json
import threading
from importlib.metadata import version
from pathlib import Path
from typing import Any

from experiments.errors import UsageError
from experiments.interrupts import Interrupts
from experiments.release import ReleaseError, find
from experiments.releasing import bundle
from experiments.releasing.bulk_predict import predict_file
from experiments.releasing.bundle_models import open_model
from experiments.releasing.prediction_server import DEFAULT_PORT, PredictionServer
from experiments.releasing.release_bundle import BUNDLE
from experiments.terminal import say, say_json
from store.layout import Home
from store.releases import check_files


def serve_command(
    home: str | None, ref: str, *, port: int | None, threads: int, as_json: bool
) -> None:
    """Answer predictions on loopback until somebody asks to stop.

    Raises
    ------
    ReleaseError, BundleError
        If there is no such release, or it is not what was released.
    PortInUseError
        If the port is taken.
    """
    content, facts = _load(home, ref)
    server = PredictionServer(
        open_model(content.files, threads=threads), facts, DEFAULT_PORT if port is None else port
    )
    with Interrupts() as interrupts:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        if as_json:
            told = {"version": version("bakeoff"), "inputs": server.predictor.expectation}
            # one line: whoever starts it reads a line, and knows that it answers
            say(json.dumps({"url": server.url, **facts, **told}, ensure_ascii=False))
        else:
            say(f"{facts['release']} answers on {server.url}   (Ctrl-C stops it)")
        while not interrupts.sleep(0.5):
            pass
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def predict_command(
    home: str | None, ref: str, *, source: str, out: str | None, column: str | None, as_json: bool
) -> None:
    """Predict a file or a folder and write the predictions.

    Raises
    ------
    ReleaseError, BundleError
        If there is no such release, or it is not what was released.
    UsageError
        If the file cannot be read.
    """
    content, facts = _load(home, ref)
    place = Path(source)
    target = Path(out) if out else place.with_name(f"{place.stem or place.name}.predictions.csv")
    if target.resolve() == place.resolve():
        raise UsageError("Expected --out to be another file than the input; got the same.")
    found = predict_file(open_model(content.files), place, target, column=column)
    if as_json:
        say_json({"release": facts["release"], "rows": found.num_rows, "file": str(found.path)})
        return
    told = ", ".join(f"{count:,} {label}" for label, count in found.counts.items())
    tail = f": {told}" if told else ""
    say(f"{found.num_rows:,} predictions by {facts['release']} in {found.path}{tail}")


def _load(home: str | None, ref: str) -> tuple[bundle.Bundle, dict[str, Any]]:
    """Return a bundle and what is to be told of it: from a release, or from a zip alone."""
    if ref.endswith(".zip") or Path(ref).is_file():
        content = bundle.read(Path(ref))
        return content, _facts(content, Path(ref).name)
    place = Home.locate(home)
    found = find(place, ref)
    problems = check_files(place, found.line, found.version)
    if problems:
        raise ReleaseError(
            f"Expected {found.ref} as it was released; got something else. {' '.join(problems)}"
        )
    if found.bundle is None:
        raise ReleaseError(
            f"Expected a release with a bundle; {found.ref} was released without an export."
        )
    content = bundle.read(found.bundle, sha256=found.record["files"][BUNDLE])
    return content, _facts(content, found.ref)


def _facts(content: bundle.Bundle, name: str) -> dict[str, Any]:
    config = content.json("config.json")
    return {
        "release": name,
        "run": config["run"],
        "variant": config["variant"],
        "bundle_sha256": content.sha256,
        "labels": content.json("labels.json"),
    }
