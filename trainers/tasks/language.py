"""Language: the next token, hidden tokens, a text for a text. Judged by log-loss per token.

B batch   N texts   T time (tokens)   V vocabulary
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.data.encoding import decode_targets, decode_texts
from trainers.data.inputs import NUM_SPECIAL, PADDING, TextInput
from trainers.data.targets import Target
from trainers.tasks.base import Rows, Task, mean_of
from trainers.tasks.similarity import similarity

if TYPE_CHECKING:
    from trainers.data.dataset import Split
    from trainers.models.learner import Learner

_IGNORED = -100
_MAX_WRITTEN = 2000  # texts that are written to judge a test split
_NUM_SHOWN = 20
_BATCH = 256


class TokenTask(Task):
    """What all of these share: cross-entropy over real tokens, perplexity."""

    goals: Mapping[str, str] = {"loss": "min", "perplexity": "min", "acc": "max"}
    units: Mapping[str, str] = {"loss": "nats/token"}

    def expected(self, labels: Tensor) -> Tensor:
        """Return the ids to be said, `_IGNORED` where nothing is judged."""
        return labels.long().masked_fill(labels == PADDING, _IGNORED)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of a token."""
        return F.cross_entropy(outputs.flatten(0, 1), self.expected(labels).flatten())

    def judge(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return for each text the summed loss, the number of tokens, and those said rightly."""
        truth_BT = self.expected(labels)
        loss_BT = F.cross_entropy(outputs.float().transpose(1, 2), truth_BT, reduction="none")
        is_judged_BT = truth_BT != _IGNORED
        is_hit_BT = (outputs.argmax(-1) == truth_BT) & is_judged_BT
        return torch.stack([loss_BT.sum(1), is_judged_BT.sum(1), is_hit_BT.sum(1)], dim=1).float()

    def scores(self, judged_NK: Tensor, labels: Tensor) -> dict[str, float]:
        """Return loss and perplexity per token, over all texts, and the share said rightly."""
        del labels
        loss = mean_of(judged_NK[:, 0], judged_NK[:, 1])
        return {
            "loss": loss,
            "perplexity": math.exp(min(loss, 700.0)),
            "acc": mean_of(judged_NK[:, 2], judged_NK[:, 1]),
        }

    def rows(self, judged_NK: Tensor, split: Split) -> Rows:
        """Return for each text the summed loss, the tokens said rightly, and how many there are."""
        return Rows(
            ids=list(split.ids),
            label=judged_NK[:, 1].clamp_min(1).long().cpu().numpy(),
            scores=judged_NK[:, [0, 2]].double().cpu().numpy(),
            slices=split.slices,
            group=split.groups,
            classes=None,
            task="tokens",
        )


class NextTokenTask(TokenTask):
    """Says what comes next, at every place of a text."""

    def __init__(self, model_input: TextInput) -> None:
        self.num_outputs = model_input.num_tokens
        self._input = model_input

    def prepare(self, inputs: Tensor, labels: Tensor, *, training: bool) -> tuple[Tensor, Tensor]:
        """Return all tokens but the last, and all but the first."""
        del labels, training
        return inputs[:, :-1], inputs[:, 1:]

    def report(self, model: Learner, split: Split, run: Any) -> dict[str, float]:
        """Write some texts that the model goes on with by itself."""
        del split
        for number, ids in enumerate(model.sample()):  # pyright: ignore[reportCallIssue]
            run.log_text(f"sample/{number + 1}", decode_texts(ids, self._input)[0])
        return {}


class MaskedTask(TokenTask):
    """Fills in hidden tokens: of those chosen 80 % are hidden, 10 % replaced, 10 % kept (BERT)."""

    def __init__(self, model_input: TextInput, share: float) -> None:
        self.num_outputs = model_input.num_tokens
        self._mask = model_input.num_tokens
        self._share = share

    def prepare(self, inputs: Tensor, labels: Tensor, *, training: bool) -> tuple[Tensor, Tensor]:
        """Return texts with holes, and what was there; when judging, the same holes every time."""
        del labels
        seed = None if training else torch.Generator().manual_seed(0)
        shape = inputs.shape
        choice_BT, kind_BT = (torch.rand(shape, generator=seed).to(inputs.device) for _ in range(2))
        other_BT = torch.randint(NUM_SPECIAL, self._mask, shape, generator=seed).to(inputs)
        is_real_BT = inputs != PADDING
        is_chosen_BT = (choice_BT < self._share) & is_real_BT
        first_BT = torch.zeros_like(is_real_BT)
        first_BT[:, 0] = True
        is_chosen_BT |= first_BT & ~is_chosen_BT.any(1, keepdim=True)  # every text is asked for one
        read_BT = torch.where(is_chosen_BT & (kind_BT < 0.8), self._mask, inputs)
        read_BT = torch.where(is_chosen_BT & (kind_BT >= 0.9), other_BT, read_BT)
        return read_BT, torch.where(is_chosen_BT, inputs, PADDING)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of a hidden token; there are outputs for these alone."""
        return F.cross_entropy(outputs, labels[labels != PADDING].long())

    def judge(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return for each text the summed loss, the number of tokens, and those said rightly."""
        is_asked_BT = labels != PADDING
        truth_M = labels[is_asked_BT].long()
        loss_M = F.cross_entropy(outputs.float(), truth_M, reduction="none")
        hit_M = (outputs.argmax(-1) == truth_M).float()
        judged_M3 = torch.stack([loss_M, torch.ones_like(loss_M), hit_M], dim=1)
        text_M = is_asked_BT.nonzero()[:, 0]
        return judged_M3.new_zeros(len(labels), 3).index_add_(0, text_M, judged_M3)


class TextToTextTask(TokenTask):
    """Writes a text for a text; at the end it writes freely and is compared with the target."""

    goals: Mapping[str, str] = {
        **TokenTask.goals,
        "exact": "max",
        "similarity": "max",
    }

    def __init__(self, target: Target, model_input: TextInput) -> None:
        self.num_outputs = NUM_SPECIAL + 1 + len(target.vocabulary)
        self.target = target
        self._input = model_input

    def report(self, model: Learner, split: Split, run: Any) -> dict[str, float]:
        """Write the test split's first texts freely; show some, score all of them."""
        truth = (split.texts or [])[:_MAX_WRITTEN]
        read = split.inputs[: len(truth)]
        written: list[str] = []
        for part in read.split(_BATCH):
            ids = model.write(part)  # pyright: ignore[reportCallIssue]
            written += decode_targets(ids, self.target, self._input.tokens)
        alike = [similarity(text, other) for text, other in zip(written, truth, strict=True)]
        sources = decode_texts(read[:_NUM_SHOWN], self._input)
        run.log_table(
            "written",
            {
                "source": sources,
                "target": truth[:_NUM_SHOWN],
                "written": written[:_NUM_SHOWN],
                "similarity": alike[:_NUM_SHOWN],
            },
        )
        exact = [float(text == other) for text, other in zip(written, truth, strict=True)]
        run.log_predictions(
            "test_written",
            split.ids[: len(truth)],
            truth,
            written,
            slices={name: values[: len(truth)] for name, values in split.slices.items()},
            group=None if split.groups is None else split.groups[: len(truth)],
            task="texts",
        )
        return {"exact": sum(exact) / len(exact), "similarity": sum(alike) / len(alike)}
