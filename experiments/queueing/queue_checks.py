"""What can be wished of a job, checked before anything is written."""

import re
from collections.abc import Mapping
from typing import Any

from experiments.errors import UsageError

EXECUTORS = ("local", "slurm", "ray")
_OPTIONS = {
    "local": frozenset[str](),
    "slurm": frozenset(
        {
            *("partition", "account", "qos", "constraint", "cluster"),
            *("mem_gb", "cpus_per_task", "timeout_min"),
        }
    ),
    "ray": frozenset({"address"}),
}
_WHOLE = frozenset({"mem_gb", "cpus_per_task", "timeout_min"})
# They end up in a batch script: one word, nothing that a shell or a new line could make of it.
_PLAIN = re.compile(r"[A-Za-z0-9_.,:@/+-]{1,200}")
_MAX_LABELS, _MAX_LABEL = 20, 200


def check_wishes(*, budget_s: float | None, gpus: int | None, threads: int | None) -> None:
    """Refuse numbers that no job can have.

    Raises
    ------
    UsageError
        If one is out of its range.
    """
    if budget_s is not None and not 0 < budget_s < float("inf"):
        raise UsageError(f"Expected a time budget above 0 seconds; got {budget_s}.")
    if gpus is not None and gpus < 0:
        raise UsageError(f"Expected a number of GPUs from 0 on; got {gpus}.")
    if threads is not None and threads < 1:
        raise UsageError(f"Expected a number of threads from 1 on; got {threads}.")


def check_executor(executor: str, options: Mapping[str, Any]) -> dict[str, str]:
    """Return an executor's options as texts.

    Raises
    ------
    UsageError
        If the executor or an option is unknown, or a value is none that it can have.
    """
    if executor not in _OPTIONS:
        raise UsageError(
            f"Expected the executor to be one of {', '.join(EXECUTORS)}; got {executor!r}."
        )
    known = _OPTIONS[executor]
    for name, value in options.items():
        if name not in known:
            raise UsageError(
                f"Expected an option of {executor} ({', '.join(sorted(known)) or 'it has none'}); "
                f"got {name!r:.60}."
            )
        if not _PLAIN.fullmatch(str(value)) or (name in _WHOLE and not str(value).isdigit()):
            what = "a whole number" if name in _WHOLE else "one plain word"
            raise UsageError(f"Expected {name} to be {what}; got {value!r:.60}.")
    return {name: str(value) for name, value in options.items()}


def check_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels as texts.

    Raises
    ------
    UsageError
        If they are too many or too long.
    """
    texts = {str(key): str(value) for key, value in labels.items()}
    too_long = any(len(text) > _MAX_LABEL for pair in texts.items() for text in pair)
    if len(texts) > _MAX_LABELS or too_long:
        raise UsageError(
            f"Expected at most {_MAX_LABELS} labels of at most {_MAX_LABEL} characters; "
            f"got {len(texts)}."
        )
    return texts
