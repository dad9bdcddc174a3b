"""What can be wrong before or during a training; every message is one sentence for a person.

SpecError (ValueError)     the spec asks for something impossible   exit code 2
DataError                  the data cannot be had or used           exit code 2
TrainingFailedError        the training itself went wrong           exit code 1
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any


class SpecError(ValueError):
    """A spec that cannot be run.

    Parameters
    ----------
    problems
        Every problem found, one sentence each; the message is one line per problem.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class DataError(Exception):
    """Data that is missing, unreadable or unfit; the message is one sentence with the fix."""


class TrainingFailedError(Exception):
    """A training that cannot go on: the loss is no number any more, or memory ran out."""


def optional(package: str) -> Any:
    """Import a package that only some kinds of model need.

    Raises
    ------
    SpecError
        If it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise SpecError(
            [f"Expected the package {package} for this model; got {error}. Install bakeoff[hf]."]
        ) from error


def first_line(error: Exception, most: int = 120) -> str:
    """Return the beginning of what an error of another library says, for a sentence of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:most]
