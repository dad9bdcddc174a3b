"""`bakeoff data PATH`: what a training would be given, before any training.

Reading data takes torch, so it happens in a process of the trainers.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from experiments.specs import apply_override


def add_data(
    add: Callable[..., Any],
    as_json: argparse.ArgumentParser,
    *,
    add_set: Callable[[argparse.ArgumentParser], None],
) -> None:
    """Add the command."""
    command = add("data", _data, "show what is understood of data, before any training", as_json)
    command.add_argument(
        "path", metavar="PATH", help="a folder, a file, or a kind of data such as mnist"
    )
    add_set(command)


def preview(path: str, overrides: Sequence[str] = (), *, as_json: bool = False) -> int:
    """Print what is understood of a path and return the exit code.

    Parameters
    ----------
    overrides
        ``data.key=value``; the prefix may be left out.
    """
    settings: dict[str, Any] = {}
    for override in overrides:
        apply_override(settings, override.removeprefix("data."))
    command = [sys.executable, "-m", "trainers.data.preview", path]
    command += ["--settings", json.dumps(settings)]
    return subprocess.run([*command, *(["--json"] if as_json else [])], check=False).returncode


def _data(options: argparse.Namespace) -> int:
    return preview(options.path, options.overrides, as_json=options.json)
