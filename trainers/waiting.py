"""``python -m trainers.waiting``: a training process that has loaded everything and waits.

Loading torch and Lightning takes longer than many a training's first epoch. This process does it
beforehand, then reads one order from its standard input and is from then on what
``python -m trainers`` would be. At the end of input it leaves. The order is a line of JSON:

::

    {"arguments": [...],      for python -m trainers
     "env": {...},            set on top of its own
     "cwd": "..." or null,    working folder
     "output": "..."}         file that stdout and stderr are appended to
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

_LOADED_BEFOREHAND = ("trainers.fit", "sklearn.datasets")


def main() -> int:
    """Load, wait, train; return the training's exit code, or 0 if there was nothing to do."""
    for name in _LOADED_BEFOREHAND:
        importlib.import_module(name)
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return 0
    order = json.loads(line)
    _become(order)
    from trainers.__main__ import main as train

    return train(order["arguments"])


def _become(order: dict[str, Any]) -> None:
    """Take on output, environment, folder and name of the process that was asked for."""
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.environ.update(order["env"])
    for folder in reversed(order["env"].get("PYTHONPATH", "").split(os.pathsep)):
        if folder:
            sys.path.insert(0, folder)
    if order["cwd"] is not None:
        os.chdir(order["cwd"])
        sys.path[0] = order["cwd"]  # where `python -m` looks first
    sys.argv[1:] = order["arguments"]
    sys.orig_argv = [sys.executable, "-m", "trainers", *order["arguments"]]


if __name__ == "__main__":
    sys.exit(main())
