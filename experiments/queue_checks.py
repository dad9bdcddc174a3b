"""What can be wished of a job, checked before anything is written."""

from collections.abc import Mapping

from experiments.errors import UsageError

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
