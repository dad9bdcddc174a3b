"""Fine-tuning of Hugging Face checkpoints: an encoder under a new head, or a GPT as it is.

Only configuration, tokenizer and safetensors weights are read: nothing in a checkpoint can run code.

B batch   T time (tokens)   E embedding   K outputs   V vocabulary
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.configs import PretrainedConfig, PretrainedGptConfig, TrainingConfig
from trainers.data.inputs import PADDING, PretrainedInput
from trainers.errors import DataError, SpecError, first_line, optional
from trainers.models.learner import Learner
from trainers.models.lstm import pooled
from trainers.models.sampling import NextTokenLearner
from trainers.models.schedule import Part

_NEVER = -1e4  # a logit, small in half precision too


class Pretrained(Learner):
    """A pretrained encoder, pooling, dropout, a linear head."""

    def __init__(
        self,
        config: PretrainedConfig,
        model_input: PretrainedInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_outputs, training or TrainingConfig())
        self.config = config
        self.body = _network("AutoModel", model_input)
        if getattr(self.body, "pooler", None) is not None:
            self.body.pooler = None  # the head reads the states themselves
        width = int(self.body.config.hidden_size)
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(width, num_outputs))

    def start(self) -> None:
        """Take the weights of the checkpoint."""
        _take_weights(self.body, "AutoModel", self.config.checkpoint)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Return outputs_BK for ids padded on the right with 0."""
        x_BTE = _read(self.body, tokens_BT).last_hidden_state
        is_first = self.config.pool == "cls"
        state_BE = x_BTE[:, 0] if is_first else pooled(x_BTE, tokens_BT != PADDING, "mean")
        return self.head(state_BE)

    def parts(self) -> list[Part]:
        """Return the head, and the encoder with its smaller learning rate."""
        return [Part(module=self.head), Part(module=self.body, lr_share=self.config.backbone_lr)]


class PretrainedGpt(NextTokenLearner):
    """A pretrained causal language model with its own head."""

    first_token = 1

    def __init__(
        self,
        config: PretrainedGptConfig,
        model_input: PretrainedInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(config, model_input, num_outputs, training)
        self.checkpoint = config.checkpoint
        self.body = _network("AutoModelForCausalLM", model_input)

    def start(self) -> None:
        """Take the weights of the checkpoint."""
        _take_weights(self.body, "AutoModelForCausalLM", self.checkpoint)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Return logits_BTV of what follows each token; padding, its first, never does."""
        return F.pad(_read(self.body, tokens_BT).logits, (1, 0), value=_NEVER)


def pretrained_input(checkpoint: str, max_length: int) -> PretrainedInput:
    """Return what a checkpoint's folder, or its name on the hub, says of texts.

    Raises
    ------
    DataError
        If there is no such checkpoint, or it lacks its configuration or tokenizer.
    SpecError
        If texts of that length are too long for it, or transformers is missing.
    """
    library, where = _library(), _source(checkpoint)
    with _readable(checkpoint):
        config = library.AutoConfig.from_pretrained(checkpoint, **where)
        tokenizer = library.AutoTokenizer.from_pretrained(checkpoint, **where).backend_tokenizer
    longest = getattr(config, "max_position_embeddings", None) or max_length
    if max_length > longest:
        raise SpecError(
            [f"Expected data.max_length of at most {longest} for {checkpoint}; got {max_length}."]
        )
    return PretrainedInput(
        max_length=max_length,
        vocabulary=(),
        tokenizer=tokenizer.to_str(),
        architecture=json.dumps(config.to_dict(), sort_keys=True),
        size=int(config.vocab_size),
    )


def _network(kind: str, model_input: PretrainedInput) -> Any:
    """Return a network with random weights."""
    library = _library()
    settings = json.loads(model_input.architecture)
    config = library.AutoConfig.for_model(settings.pop("model_type"), **settings)
    return getattr(library, kind).from_config(config)


def _take_weights(body: nn.Module, kind: str, checkpoint: str) -> None:
    with _readable(checkpoint):
        loaded = getattr(_library(), kind).from_pretrained(
            checkpoint, use_safetensors=True, **_source(checkpoint)
        )
    own = body.state_dict()
    body.load_state_dict({k: v for k, v in loaded.state_dict().items() if k in own})


def _read(body: nn.Module, tokens_BT: Tensor) -> Any:
    is_real_BT = tokens_BT != PADDING
    return body(
        input_ids=(tokens_BT.long() - 1).clamp_min(0), attention_mask=is_real_BT.to(torch.int64)
    )


def _source(checkpoint: str) -> dict[str, Any]:
    """Return from where a checkpoint may be read: a folder never asks the network."""
    return {"local_files_only": Path(checkpoint).is_dir(), "trust_remote_code": False}


def _library() -> Any:
    library = optional("transformers")
    library.utils.logging.set_verbosity_error()
    library.utils.logging.disable_progress_bar()
    return library


@contextmanager
def _readable(checkpoint: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError) as error:  # what transformers raises for all that lacks
        reason = first_line(error, 200)
        raise DataError(
            f"Expected model.checkpoint to be a folder with config.json, model.safetensors and a "
            f"tokenizer, or a name on the hub; got {checkpoint!r}: {reason}"
        ) from error
