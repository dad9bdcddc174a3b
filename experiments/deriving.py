"""`bakeoff derive`: new runs from finished ones: ensembles, pruned and int8 models.

The work takes torch, so it happens in a process of the trainers.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from typing import Any


def add_derive(
    add: Callable[..., Any],
    home: argparse.ArgumentParser,
    as_json: argparse.ArgumentParser,
) -> None:
    """Add the command."""
    command = add(
        "derive",
        _derive,
        "make an ensemble, or a pruned or int8 model, of finished runs",
        home,
        as_json,
    )
    command.add_argument("how", choices=("average", "stack", "prune", "int8"))
    command.add_argument("runs", nargs="+", metavar="RUN", help="ids or names of finished runs")
    command.add_argument("--name", help="of the new run")
    command.add_argument("--share", type=float, default=0.5, help="of weights to prune (0.5)")


def _derive(options: argparse.Namespace) -> int:
    command = [sys.executable, "-m", "trainers.derive", options.how, *options.runs]
    command += ["--share", str(options.share)]
    for name in ("home", "name"):
        if value := getattr(options, name):
            command += [f"--{name}", str(value)]
    return subprocess.run([*command, *(["--json"] if options.json else [])], check=False).returncode
