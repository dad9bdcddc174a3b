"""Statistics for choosing a model: NumPy arrays in, frozen dataclasses out, no I/O.

Rules that hold throughout:

- A difference is the first argument minus the second.
- `level=0.95` is the confidence level; an interval is an `Interval(estimate, low, high)`, and every
  richer result with limits is one too.
- Equal scores are ties and count exactly. Undefined figures are NaN (a `note` says why where there
  is one); input that cannot be meant is a ValueError: "Expected ...; got ...".
- Random numbers come from NumPy's PCG64 with a seed that the caller can set: the same call gives
  the same result.
"""

from experiments.statistics.calibration import (
    BrierDecomposition,
    Reliability,
    Spiegelhalter,
    brier_decomposition,
    calibration_error,
    calibration_error_floor,
    reliability,
    spiegelhalter,
)
from experiments.statistics.candidates import (
    ManyDifferences,
    difference_table,
)
from experiments.statistics.classification import (
    F1,
    Kappa,
    PrecisionRecall,
    accuracy,
    balanced_accuracy,
    f1,
    kappa,
    mcc,
    precision_recall,
    top_k_accuracy,
)
from experiments.statistics.difference import (
    MetricInterval,
    PairedDifference,
    metric_interval,
    paired_difference,
)
from experiments.statistics.equivalence import (
    Tost,
    tost,
)
from experiments.statistics.influence import (
    LABEL_METRICS,
    METRICS,
    Influence,
    Influences,
    influence,
    influence_covariance,
    influences,
    metric_goal,
)
from experiments.statistics.intervals import (
    Interval,
    QuantileRanks,
    clopper_pearson,
    conformal_rank,
    jeffreys,
    newcombe_paired,
    quantile_interval,
    quantile_ranks,
    tango_interval,
    wald_paired,
    wilson,
)
from experiments.statistics.multiple import (
    CouldBeBest,
    MaxT,
    benjamini_hochberg,
    best_without_optimism,
    could_be_best,
    holm,
    max_t_critical,
    max_t_intervals,
)
from experiments.statistics.paired import (
    ChiSquareTest,
    McNemar,
    bowker,
    cochran_q,
    mcnemar,
    sign_flip_p,
)
from experiments.statistics.planning import (
    examples_needed,
    power_of,
    runs_needed,
    seeds_needed,
    smallest_detectable,
)
from experiments.statistics.probability import (
    brier,
    log_loss,
    net_benefit,
    net_benefit_treat_all,
    num_clipped,
)
from experiments.statistics.ranking import (
    AucCovariance,
    Delong,
    auc_covariance,
    auc_interval,
    average_precision,
    delong,
    partial_auc,
    roc_auc,
)
from experiments.statistics.recalibration import (
    Corp,
    CorpBand,
    corp,
    corp_band,
)
from experiments.statistics.recommendation import (
    LIST_METRICS,
    MOST_PLACES,
    list_values,
)
from experiments.statistics.resampling import (
    Bootstrap,
    SelectionOptimism,
    bootstrap,
    jackknife_se,
    selection_optimism,
)
from experiments.statistics.seeds import (
    Rope,
    SeedsAndExamples,
    TTest,
    contributions,
    corrected_t,
    paired_t,
    rope,
    seeds_and_examples,
    welch,
)
from experiments.statistics.sequential import (
    ConfidenceSequence,
    confidence_sequence,
)
from experiments.statistics.suites import (
    Friedman,
    SignedRanks,
    friedman,
    interquartile_mean,
    nemenyi_difference,
    probability_of_improvement,
    signed_ranks,
)
from experiments.statistics.texts import (
    TEXT_METRICS,
    chrf,
    edit_distance,
    edit_similarity,
    exact_match,
    text_scores,
    token_f1,
)
from experiments.statistics.tokens import (
    TOKEN_METRICS,
    mean_losses,
    token_influence,
)
from experiments.statistics.weighted import (
    bootstrap_metrics,
)

__all__ = [
    "F1",
    "LABEL_METRICS",
    "LIST_METRICS",
    "METRICS",
    "MOST_PLACES",
    "TEXT_METRICS",
    "TOKEN_METRICS",
    "AucCovariance",
    "Bootstrap",
    "BrierDecomposition",
    "ChiSquareTest",
    "ConfidenceSequence",
    "Corp",
    "CorpBand",
    "CouldBeBest",
    "Delong",
    "Friedman",
    "Influence",
    "Influences",
    "Interval",
    "Kappa",
    "ManyDifferences",
    "MaxT",
    "McNemar",
    "MetricInterval",
    "PairedDifference",
    "PrecisionRecall",
    "QuantileRanks",
    "Reliability",
    "Rope",
    "SeedsAndExamples",
    "SelectionOptimism",
    "SignedRanks",
    "Spiegelhalter",
    "TTest",
    "Tost",
    "accuracy",
    "auc_covariance",
    "auc_interval",
    "average_precision",
    "balanced_accuracy",
    "benjamini_hochberg",
    "best_without_optimism",
    "bootstrap",
    "bootstrap_metrics",
    "bowker",
    "brier",
    "brier_decomposition",
    "calibration_error",
    "calibration_error_floor",
    "chrf",
    "clopper_pearson",
    "cochran_q",
    "confidence_sequence",
    "conformal_rank",
    "contributions",
    "corp",
    "corp_band",
    "corrected_t",
    "could_be_best",
    "delong",
    "difference_table",
    "edit_distance",
    "edit_similarity",
    "exact_match",
    "examples_needed",
    "f1",
    "friedman",
    "holm",
    "influence",
    "influence_covariance",
    "influences",
    "interquartile_mean",
    "jackknife_se",
    "jeffreys",
    "kappa",
    "list_values",
    "log_loss",
    "max_t_critical",
    "max_t_intervals",
    "mcc",
    "mcnemar",
    "mean_losses",
    "metric_goal",
    "metric_interval",
    "nemenyi_difference",
    "net_benefit",
    "net_benefit_treat_all",
    "newcombe_paired",
    "num_clipped",
    "paired_difference",
    "paired_t",
    "partial_auc",
    "power_of",
    "precision_recall",
    "probability_of_improvement",
    "quantile_interval",
    "quantile_ranks",
    "reliability",
    "roc_auc",
    "rope",
    "runs_needed",
    "seeds_and_examples",
    "seeds_needed",
    "selection_optimism",
    "sign_flip_p",
    "signed_ranks",
    "smallest_detectable",
    "spiegelhalter",
    "tango_interval",
    "text_scores",
    "token_f1",
    "token_influence",
    "top_k_accuracy",
    "tost",
    "wald_paired",
    "welch",
    "wilson",
]
