"""Several metrics of several candidates at once: what is on screen beside the verdict."""

import math
from collections.abc import Sequence
from typing import Any

from experiments.comparison import Gathered, checkpoint
from experiments.evaluating.predicted import Predicted
from experiments.statistics import ManyDifferences, difference_table, influence


def metrics_for(first: Predicted) -> tuple[str, ...]:
    """Return the metrics that suit the task of the predictions, the most telling first."""
    if first.task == "ranking":
        longest = first.scores.shape[1]
        wanted = [(kind, k) for k in (10, 5, 20) for kind in ("ndcg", "recall", "hit_rate")]
        found = [f"{kind}@{k}" for kind, k in wanted if k <= longest]
        return (*(found or [f"ndcg@{longest}"]), f"mrr@{longest}")
    if first.task == "tokens":
        has_hits = first.scores.shape[1] > 1
        return ("perplexity", "token_loss", *(["token_accuracy"] if has_hits else []))
    if first.task == "texts":
        return ("exact_match", "edit_similarity", "token_f1", "chrf")
    if first.task != "classification":
        return ("mae", "rmse", "r2")
    if first.num_classes == 2:
        return ("accuracy", "macro_f1", "mcc", "roc_auc", "average_precision", "brier", "log_loss")
    return ("accuracy", "macro_f1", "balanced_accuracy", "mcc", "roc_auc", "brier", "log_loss")


def overview(
    gathered: Gathered, metrics: Sequence[str], *, level: float = 0.95, unseen: int = 0
) -> dict[str, ManyDifferences | str]:
    """Compare candidates in several metrics at once.

    Returns
    -------
    dict
        metric -> differences from the first candidate, or in words why it cannot be computed
    """
    evidence = gathered.evidence
    if evidence is None or gathered.is_blocked:
        return {}
    outputs = [checkpoint(evidence, candidate) for candidate in gathered.candidates]
    options: dict[str, Any] = {"group": evidence.group, "level": level, "unseen": unseen}
    try:
        return dict(difference_table(metrics, evidence.label, outputs, **options))
    except ValueError:
        found: dict[str, ManyDifferences | str] = {}
        for metric in metrics:
            try:
                found.update(difference_table([metric], evidence.label, outputs, **options))
            except ValueError as error:
                found[metric] = str(error)
        return found


def baseline_value(gathered: Gathered, metric: str) -> float:
    """Return the baseline's own value of a metric; NaN where it cannot be computed."""
    if gathered.evidence is None or gathered.is_blocked:
        return math.nan
    output = checkpoint(gathered.evidence, gathered.candidates[0])
    try:
        return influence(metric, gathered.evidence.label, output).estimate
    except ValueError:
        return math.nan
