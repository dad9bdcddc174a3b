"""One run's model without its smallest weights, as a run of its own."""

from __future__ import annotations

import torch

import store
from store.layout import Home
from trainers.checkpoints import load_model, read_checkpoint
from trainers.data.dataset import load_dataset
from trainers.data.inputs import model_input_from_mapping
from trainers.data.module import split_to
from trainers.errors import DataError, SpecError
from trainers.evaluate import cost_of_use, record_predictions
from trainers.models.learner import Learner
from trainers.spec import load_spec


def prune(
    home: Home, run_ids: tuple[str, ...], *, share: float, name: str | None
) -> tuple[str, dict[str, float]]:
    """Record the pruned model of a run as a run; return its id and its scores on the test split.

    Parameters
    ----------
    share
        Of all weights in matrices and kernels: the smallest become 0, over all layers together.

    Raises
    ------
    SpecError
        If there is more than one run, or the share is none.
    DataError
        If the run's data have changed.
    """
    if len(run_ids) != 1 or not 0 < share < 1:
        raise SpecError(
            [f"Expected one run and a share between 0 and 1; got {len(run_ids)}, {share}."]
        )
    parent = home.run(run_ids[0])
    path = parent.checkpoints / "best.ckpt"
    checkpoint = read_checkpoint(path)
    card = checkpoint["bakeoff"]
    spec = load_spec(card["spec"])
    data = load_dataset(spec.data, known=model_input_from_mapping(card["input"]))
    if card.get("data_hash") not in {None, data.hash}:
        raise DataError(
            f"Expected the data that run {parent.id} has learnt from; they have changed."
        )
    model = load_model(path)
    num_zero, num_weights = zero_smallest(model, share)
    run = store.init(
        spec.project,
        name=name or f"{spec.name or spec.model.kind}-pruned-{share:g}",
        config={**spec.to_mapping(), "pruned_share": share},
        tags=["pruned"],
        seed=spec.seed,
        home=home.path,
        parents=run_ids,
        monitor=False,
        capture=False,
    )
    with run:
        pruned = run.checkpoints / "best.ckpt"
        torch.save({**checkpoint, "state_dict": model.state_dict()}, pruned)
        run.log_artifact(pruned, name="best", kind="checkpoint")
        device = torch.device("cpu")
        scores = record_predictions(run, model, data, device)
        run.log({f"test/{key}": value for key, value in scores.items()}, 0)
        cost = {
            **cost_of_use(model, split_to(data.test, device)),
            "checkpoint_bytes": pruned.stat().st_size,
        }
        run.describe(
            cost={**cost, "nonzero_parameters": int(cost["parameters"] or 0) - num_zero},
            classes=list(data.classes),
            data_hash=data.hash,
            data=data.facts,
        )
        run.summary["pruned_share"] = num_zero / num_weights
    return run.id, scores


@torch.no_grad()
def zero_smallest(model: Learner, share: float) -> tuple[int, int]:
    """Set the smallest weights of all matrices and kernels to 0; return how many, and of how many."""
    weights = [p for p in model.parameters() if p.dim() >= 2]
    sizes = torch.cat([p.abs().flatten() for p in weights])
    threshold = sizes.kthvalue(max(1, round(share * len(sizes)))).values
    for weight in weights:
        weight.masked_fill_(weight.abs() <= threshold, 0.0)
    return sum(int((p == 0).sum()) for p in weights), len(sizes)
