"""Runs and files that a training grows from: found by id, name or path, read without running code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from store.layout import Home
from trainers.checkpoints import read_checkpoint
from trainers.data.inputs import ModelInput, model_input_from_mapping
from trainers.errors import SpecError
from trainers.models.learner import Learner
from trainers.models.weights import read_weights
from trainers.spec import RunSpec

_NEW = ("head.", "highway.", "bias_V")  # what a new task begins anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """Where weights come from."""

    path: Path
    run_id: str | None
    """None for a file that belongs to no run."""

    @property
    def input(self) -> ModelInput | None:
        """What the parent knows of its input, if it is a checkpoint of ours."""
        if self.path.suffix == ".safetensors":
            return None
        return model_input_from_mapping(read_checkpoint(self.path)["bakeoff"]["input"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Parents:
    """What one training grows from."""

    start: Parent | None = None
    teacher: Parent | None = None
    backbone: Parent | None = None

    @property
    def run_ids(self) -> list[str]:
        """The parents that are runs, each once."""
        found = [one.run_id for one in (self.start, self.teacher, self.backbone) if one]
        return list(dict.fromkeys(run_id for run_id in found if run_id))


def parents_of(spec: RunSpec, home: str | Path | None) -> Parents:
    """Find what a spec names.

    Raises
    ------
    SpecError
        If one of them cannot be found.
    """
    training = spec.training
    weights = getattr(spec.model, "weights", None)
    return Parents(
        start=_maybe("training.start_from", training.start_from, home),
        teacher=_maybe("training.distil_from", training.distil_from, home),
        backbone=None
        if weights in {None, "builtin", "hub"}
        else _maybe("model.weights", weights, home),
    )


def find_parent(setting: str, reference: str, home: str | Path | None) -> Parent:
    """Return the best checkpoint of a run, by its id or else its name (the newest), or a file.

    Raises
    ------
    SpecError
        If there is none of these.
    """
    path = Path(reference)
    if path.suffix in {".ckpt", ".safetensors", ".pt", ".pth", ".bin"}:
        if path.is_file():
            return Parent(path=path, run_id=None)
        raise SpecError([f"Expected a weight file ({setting}); {path} does not exist."])
    runs = Home.locate(home).runs
    found: list[tuple[int, str]] = []
    for header_file in runs.glob("*/run.json"):
        header = json.loads(header_file.read_text(encoding="utf-8"))
        checkpoint = header_file.parent / "checkpoints" / "best.ckpt"
        if reference in {header.get("id"), header.get("name")} and checkpoint.is_file():
            found.append((int(header.get("created_us", 0)), header_file.parent.name))
    if not found:
        raise SpecError(
            [
                (
                    f"Expected {setting} to name a run with a best checkpoint, by id or name, or a "
                    f"weight file; got {reference!r}. Train it first, or correct the name."
                )
            ]
        )
    run_id = reference if any(name == reference for _, name in found) else max(found)[1]
    return Parent(path=runs / run_id / "checkpoints" / "best.ckpt", run_id=run_id)


def begin_with(model: Learner, parent: Parent) -> None:
    """Copy all weights that the parent shares with the model; its head may be another.

    Raises
    ------
    SpecError
        If the rest is of another architecture.
    """
    own, given = model.state_dict(), read_weights(parent.path)
    taken: dict[str, Tensor] = {}
    for name, value in own.items():
        other = given.get(name)
        if other is not None and other.shape == value.shape:
            taken[name] = other
        elif other is not None and _has_more_rows(other, value):
            taken[name] = other[: len(value)]  # a masked language model has one token more
        elif not name.startswith(_NEW):
            got = "nothing" if other is None else tuple(other.shape)
            raise SpecError(
                [
                    (
                        f"Expected training.start_from to name a model of the same architecture; "
                        f"got {got} for {name}, where this model has {tuple(value.shape)}. Give "
                        "model the settings of that run."
                    )
                ]
            )
    model.load_state_dict(taken, strict=False)


def _has_more_rows(other: Tensor, value: Tensor) -> bool:
    is_table = value.dim() == other.dim() == 2
    return is_table and other.shape[1:] == value.shape[1:] and len(other) == len(value) + 1


def _maybe(setting: str, reference: str | None, home: str | Path | None) -> Parent | None:
    return None if reference is None else find_parent(setting, reference, home)
