"""What all models share: the training and validation step, the optimizer, the schedule.

A network subclasses :class:`Learner` and adds its layers and ``forward(inputs) -> outputs``; its
task says what outputs are worth.

    B batch
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import lightning as L
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

import store
from trainers.callbacks import say
from trainers.configs import TrainingConfig
from trainers.cost import TrainingCost
from trainers.data.inputs import ModelInput
from trainers.data.targets import Target
from trainers.errors import TrainingFailedError
from trainers.models.schedule import Part, Plateau, build_optimizer, lr_share
from trainers.tasks.base import Task
from trainers.tasks.making import default_task, task_for

if TYPE_CHECKING:
    from collections.abc import Callable


class Learner(L.LightningModule):
    """Learns a task.

    Logs ``train/*`` and ``lr`` every ``log_every`` steps (averages since the last point, summed on
    the device: one synchronisation per point, not per step) and ``val/*``, ``epoch_s`` and
    ``examples_per_s`` once an epoch.
    """

    def __init__(self, num_outputs: int, training: TrainingConfig) -> None:
        super().__init__()
        self.training_config = training
        self.task: Task = default_task(num_outputs, training)
        self.card: dict[str, Any] = {}
        """Plain values that let a checkpoint be used without anything beside it."""
        self.meter: TrainingCost | None = None
        self.channel: store.Run | None = None
        """Where a process that trains beside the one that keeps the record writes its points."""
        self.last_point: dict[str, float] = {}
        """The newest ``train/*`` values."""
        self._teacher: list[Learner] = []  # in a list, so that its weights are not ours
        self._network: Callable[..., Tensor] | None = None  # the compiled forward
        self._sums: Tensor | None = None  # loss, hits, examples since the last point
        self._validated: list[tuple[Tensor, Tensor]] = []
        self._plateau = Plateau()
        self._epoch_started = self._training_ended = 0.0
        self._num_seen = self._num_batches = 0
        self._has_point = False

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; the one that Lightning sets 50 times a step takes the short way."""
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    @classmethod
    def task_of(
        cls, config: Any, model_input: ModelInput, target: Target, training: TrainingConfig
    ) -> Task:
        """Return what this model learns from data with such a target."""
        del config
        return task_for(target, model_input, training)

    def answer(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return the outputs; text-to-text models also look at the labels."""
        del labels
        return self.forward(inputs) if self._network is None else self._compiled(inputs)

    def learn_from(self, teacher: Learner) -> None:
        """Imitate another model's scores too."""
        self._teacher = [teacher.eval().requires_grad_(requires_grad=False)]

    def compile_network(self) -> None:
        """Let torch compile the forward; where it cannot, the first step says so."""
        self._network = torch.compile(self.forward)

    def _compiled(self, inputs: Tensor) -> Tensor:
        assert self._network is not None  # noqa: S101 - the caller looked
        try:
            return self._network(inputs)
        except Exception as error:
            if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                raise
            first_line = (str(error).strip().splitlines() or [""])[0][:200]
            self._network = None
            self.say_loudly(
                "torch.compile failed",
                f"Expected torch.compile to work here; got {type(error).__name__}: {first_line}. "
                "The training goes on without it.",
            )
            return self.forward(inputs)

    def say_loudly(self, title: str, text: str) -> None:
        """Print, and raise an alert in the run."""
        say(f"warning: {text}")
        run = getattr(self.logger, "experiment", None)
        if isinstance(run, store.Run):
            run.alert(title, text)

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Return the loss of a batch."""
        inputs, labels = self.task.prepare(*batch, training=True)
        outputs = self.answer(inputs, labels)
        loss = self.task.loss(outputs, labels)
        size = len(labels)
        self._num_seen += size
        self._num_batches += 1
        with torch.no_grad():
            hits = self.task.hits(outputs, labels)
            one = loss.detach().float()
            sums = torch.stack(
                [one * size, one * 0 if hits is None else hits.float(), one * 0 + size]
            )
            self._sums = sums if self._sums is None else self._sums + sums
        is_due = self._num_batches % self.training_config.log_every == 0
        if is_due or (self.trainer.is_last_batch and not self._has_point):
            self._log_training_point()
        return self._with_more_wishes(loss, inputs, outputs)

    def _with_more_wishes(self, loss: Tensor, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Add what is minimised beside the task's own loss; the curve shows that one alone."""
        config = self.training_config
        if self._teacher:
            heat = config.distil_temperature
            with torch.no_grad():
                hints = self._teacher[0](inputs)
            apart = F.kl_div(
                F.log_softmax(outputs / heat, -1),
                F.log_softmax(hints / heat, -1),
                reduction="batchmean",
                log_target=True,
            )
            loss = (1 - config.distil_weight) * loss + config.distil_weight * heat**2 * apart
        if config.l1:
            size = sum(p.abs().sum() for p in self.parameters() if p.requires_grad and p.dim() > 1)
            loss = loss + config.l1 * size
        return loss

    def _log_training_point(self) -> None:
        if self._sums is None:
            return
        loss, hits, size = self._sums.tolist()
        self._sums, self._has_point = None, True
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        self.last_point = {"train/loss": loss / size, "lr": rate}
        if self.task.train_metric:
            self.last_point[f"train/{self.task.train_metric}"] = hits / size
        if self.logger:  # at once: what waits for the end of the step is lost if a stop comes first
            point = {**self.last_point, "epoch": self._position()}
            self.logger.log_metrics(point, step=self.global_step)
        if self.channel:
            self.channel.log(self.last_point, self.global_step, self._position())
        self._refuse_nan("train/loss", loss)

    def on_train_start(self) -> None:
        """Start the clock of an epoch that goes on in the middle."""
        self._epoch_started = time.perf_counter()
        if self._sums is not None:
            self._sums = self._sums.to(self.device)
        for teacher in self._teacher:
            teacher.to(self.device)

    def on_train_epoch_start(self) -> None:
        """Start the clock."""
        self._epoch_started = time.perf_counter()
        self._num_seen, self._has_point = 0, False

    def on_validation_epoch_start(self) -> None:
        """Stop the clock of the training part."""
        self._training_ended = time.perf_counter()

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Keep what the task needs; all is judged together at the end of the epoch."""
        inputs, labels = self.task.prepare(*batch, training=False)
        judged_BK = self.task.judge(self.answer(inputs, labels), labels)
        kept = labels if labels.is_floating_point() or labels.dim() == 1 else labels[:, :1]
        self._validated.append((judged_BK, kept))

    def on_validation_epoch_end(self) -> None:
        """Log what the whole validation split says."""
        judged_NK, labels = (torch.cat(part) for part in zip(*self._validated, strict=True))
        self._validated.clear()
        if self.trainer.world_size > 1:
            judged_NK, labels = _gathered(judged_NK), _gathered(labels)
        scores = {**self.task.scores(judged_NK, labels), **self.task.whole_scores(self, "val")}
        metrics = {f"val/{name}": value for name, value in scores.items()}
        if self._num_seen:
            train_s = max(self._training_ended - self._epoch_started, 1e-9)
            metrics["epoch_s"] = time.perf_counter() - self._epoch_started
            metrics["examples_per_s"] = self._num_seen * self.trainer.world_size / train_s
        if self.training_config.schedule == "plateau":
            watched = self.training_config.monitor.removeprefix("val/")
            sign = -1 if self.task.goals[watched] == "max" else 1
            self._plateau.step(sign * scores[watched])
        self.log_dict({**metrics, "epoch": self._position()})
        self._refuse_nan("val/loss", scores["loss"])

    def _position(self) -> float:
        """Return the epochs trained so far, parts of one included; Lightning counts whole ones."""
        return self._num_batches / max(1, self.trainer.num_training_batches)

    def _refuse_nan(self, name: str, loss: float) -> None:
        if not math.isfinite(loss):
            config = self.training_config
            raise TrainingFailedError(
                f"Expected {name} to stay finite; got {loss} at step {self._num_batches}. "
                f"Lower training.lr (now {config.lr}) or training.grad_clip (now {config.grad_clip})."
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the card beside the weights, and what the next point is made of."""
        checkpoint["bakeoff"] = self.card
        checkpoint["progress"] = {
            "sums": self._sums,
            "num_seen": self._num_seen,
            "num_batches": self._num_batches,
            "has_point": self._has_point,
            "plateau": self._plateau.state(),
            "spent": self.meter.state() if self.meter else None,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on in the middle of an epoch, if that is where it was left."""
        progress = checkpoint["progress"]
        self._sums = progress["sums"]
        self._num_seen, self._num_batches = progress["num_seen"], progress["num_batches"]
        self._has_point = progress["has_point"]
        self._plateau.load_state(progress["plateau"])
        if self.meter and progress["spent"]:
            self.meter.load_state(progress["spent"])

    def parts(self) -> list[Part]:
        """Return the parts of the network that learn differently."""
        return [Part(module=self)]

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip here: Lightning refuses to for fused optimizers in mixed precision."""
        del optimizer, gradient_clip_algorithm
        if gradient_clip_val:
            torch.nn.utils.clip_grad_norm_(self.parameters(), gradient_clip_val)

    def configure_optimizers(self) -> Any:
        """Return the optimizer and its schedule, advanced every step."""
        config = self.training_config
        optimizer = build_optimizer(self.parts(), config)
        total = max(1, int(self.trainer.estimated_stepping_batches))
        schedule = LambdaLR(
            optimizer,
            lambda step: (
                lr_share(step, total, config.schedule, config.warmup) * self._plateau.factor
            ),
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def _gathered(part: Tensor) -> Tensor:
    """Return the parts of all processes, one after the other; they may differ in length."""
    parts: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(parts, part.cpu())
    return torch.cat(parts).to(part.device)
