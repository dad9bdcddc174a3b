"""Where a run comes from: code, packages, command and machine."""

import getpass
import os
import platform
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

# `tokens` and `tokenizer` are settings of models of text.
_SECRET = re.compile(
    r"pass(word|wd)?$|secret|token$|api_?key|credential|private_?key", re.IGNORECASE
)
_SECRET_ARGUMENT = re.compile(
    r"^(--?[\w-]*?(?:password|secret|token|api[_-]?key)[\w-]*=).+", re.IGNORECASE
)
_MAX_DIFF = 2 << 20
_MASK = "***"


def origin() -> dict[str, Any]:
    """Return command, interpreter, user and machine of this process."""
    return {
        "command": command_line(),
        "cwd": str(Path.cwd()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": platform.node(),
        "user": _user(),
        "cpus": os.cpu_count(),
    }


def command_line() -> list[str]:
    """Return the command of this process, secrets in arguments masked."""
    arguments = list(sys.orig_argv)
    for index, argument in enumerate(arguments):
        arguments[index] = _SECRET_ARGUMENT.sub(rf"\g<1>{_MASK}", argument)
        if index and arguments[index - 1].startswith("-") and _SECRET.search(arguments[index - 1]):
            arguments[index] = _MASK
    return arguments


def mask_secrets(config: Any) -> Any:
    """Return `config` with the values of keys that name a secret replaced."""
    if isinstance(config, dict):
        return {
            key: _MASK
            if isinstance(key, str) and _SECRET.search(key) and isinstance(value, str)
            else mask_secrets(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return [mask_secrets(value) for value in config]
    return config


def packages() -> dict[str, str]:
    """Return the version of every installed distribution, by lower-case name."""
    from importlib.metadata import distributions  # costs a fifth of importing this package

    found: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(name.lower(), distribution.version)
    return dict(sorted(found.items()))


def git_state(folder: Path) -> tuple[dict[str, Any], bytes] | None:
    """Return commit, branch and dirtiness of the work tree around `folder`, and the difference.

    Returns
    -------
    tuple or None
        Facts, and ``git diff`` against the commit (at most 2 MiB; untracked files are only
        named). None outside a work tree or without git.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        return None
    commit = _git(folder, "rev-parse", "--verify", "-q", "HEAD")
    status = _git(folder, "status", "--porcelain", "--untracked-files=normal") or b""
    untracked = [
        line[3:].decode(errors="replace") for line in status.splitlines() if line[:2] == b"??"
    ]
    difference = _git(folder, "diff", "--no-ext-diff", "--no-color", "HEAD") if commit else b""
    branch = _git(folder, "rev-parse", "--abbrev-ref", "HEAD") if commit else None
    facts = {
        "commit": commit.decode().strip() if commit else None,
        "branch": branch.decode().strip() if branch else None,
        "dirty": bool(status.strip()),
        "untracked": untracked[:100],
        "diff_bytes": len(difference or b""),
    }
    return facts, (difference or b"")[:_MAX_DIFF]


def _git(folder: Path, *arguments: str) -> bytes | None:
    with suppress(OSError, subprocess.TimeoutExpired):
        result = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=10,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
        if result.returncode == 0:
            return result.stdout
    return None


def _user() -> str | None:
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return None
