"""How models of language are exported: their networks, and examples to check them with.

B batch   S source time   T target time   E embedding   V vocabulary   M masks
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from trainers.data.dataset import build_dataset
from trainers.data.encoding import END, decode_targets, encode_texts
from trainers.data.inputs import NUM_SPECIAL, PADDING, TextInput, model_input_from_mapping
from trainers.data.loader import ordered_loader
from trainers.data.module import evaluation_batch
from trainers.data.raw import RawTexts
from trainers.export_networks import Network
from trainers.models.seq2seq import Memory, Seq2Seq
from trainers.spec import RunSpec
from trainers.tasks.language import MaskedTask, NextTokenTask, TextToTextTask, TokenTask

_WRITTEN = 64  # texts that are written freely for the check
TARGET_VOCABULARY = "target_vocabulary.json"


class Reader(nn.Module):
    """The encoder of a text-to-text model."""

    def __init__(self, model: Seq2Seq) -> None:
        super().__init__()
        self.model = model

    def forward(self, source_BS: Tensor) -> Tensor:
        """Return states_BSE."""
        return self.model.read(source_BS).states


class Writer(nn.Module):
    """Its decoder."""

    def __init__(self, model: Seq2Seq) -> None:
        super().__init__()
        self.model = model

    def forward(self, written_BT: Tensor, states_BSE: Tensor, source_BS: Tensor) -> Tensor:
        """Return logits_BTV of what follows each token, the first of which is the start."""
        memory = Memory(states_BSE, (source_BS != PADDING)[:, None, None, :])
        return self.model._say(written_BT, memory)  # noqa: SLF001  its two halves, apart


@torch.no_grad()
def text_networks(model: Any, tokens_BT: Tensor) -> tuple[Network, ...]:
    """Return the networks of a model of language; `tokens_BT` are two texts."""
    if isinstance(model, Seq2Seq):
        states_BSE = model.read(tokens_BT).states
        written_BT = torch.tensor([[PADDING, END + 1, END + 2], [PADDING, END + 1, END + 1]])
        return (
            Network(file="encoder.onnx", module=Reader(model), inputs=(tokens_BT,)),
            Network(
                file="decoder.onnx",
                module=Writer(model),
                inputs=(written_BT, states_BSE, tokens_BT),
                names=("written", "states", "input"),
                lengths=("time", None, None),
            ),
        )
    if isinstance(model.task, NextTokenTask):
        return (Network(file="model.onnx", module=model, inputs=(tokens_BT,), lengths=("time",)),)
    return (Network(file="model.onnx", module=model, inputs=(tokens_BT,)),)


def text_scores(model: Any, text: TextInput) -> dict[str, Any]:
    """Return what those who serve a model of language have to know of what it says."""
    task = model.task
    if isinstance(task, TextToTextTask):
        return {
            "kind": "text_to_text",
            "max_length": task.target.max_length,
            "beams": model.beams,
            "start": PADDING,
            "end": END,
            "first": END + 1,
        }
    if isinstance(task, MaskedTask):
        return {"kind": "masked", "mask": text.num_tokens}
    return {"kind": "next_token", "special": NUM_SPECIAL, "temperature": model.config.temperature}


def is_language(model: Any) -> bool:
    """Return whether a model says tokens."""
    return isinstance(model.task, TokenTask)


def check_texts(
    model: Any, spec: RunSpec, raw: RawTexts, found: Sequence[tuple[str, int]], split: str
) -> list[Any]:
    """Return examples as the training judged them: texts, with targets or holes where it has them."""
    task = model.task
    if isinstance(task, TextToTextTask):
        return _pairs(model, raw, [at for _, at in found])
    if isinstance(task, MaskedTask):
        wanted = {example for example, _ in found}
        holes = _holes(model, spec, raw, split, wanted)
        return [holes[example] for example, _ in found]
    return [raw.contents[at] for _, at in found]


def _pairs(model: Any, raw: RawTexts, places: Sequence[int]) -> list[dict[str, str]]:
    """Return texts with what should be written, and for the first ones what the model writes."""
    text = model_input_from_mapping(model.card["input"])
    assert raw.targets is not None  # noqa: S101 - its data have texts to write
    assert isinstance(text, TextInput)  # noqa: S101 - the catalog lets no other through
    pairs = [{"text": raw.contents[at], "target": raw.targets[at]} for at in places]
    sources = encode_texts([pair["text"] for pair in pairs[:_WRITTEN]], text)
    written = decode_targets(model.write(sources), model.task.target, text.tokens)
    for pair, answer in zip(pairs, written, strict=False):
        pair["written"] = answer
    return pairs


def _holes(
    model: Any, spec: RunSpec, raw: RawTexts, split: str, wanted: set[str]
) -> dict[str, dict[str, Any]]:
    """Return texts with the evaluation's own holes: they depend on the batch that a text was in."""
    text = model_input_from_mapping(model.card["input"])
    assert isinstance(text, TextInput)  # noqa: S101 - the catalog lets no other through
    data = build_dataset(raw, spec.data, known=text)
    judged = data.val if split == "val" else data.test
    found: dict[str, dict[str, Any]] = {}
    ids = iter(judged.ids)
    for batch in ordered_loader(judged, batch_size=evaluation_batch(data)):
        read_BT, truth_BT = model.task.prepare(*batch, training=False)
        for read, truth in zip(read_BT.tolist(), truth_BT.tolist(), strict=True):
            example = next(ids)
            if example in wanted:
                found[example] = {
                    "tokens": [_token(number, text) for number in read if number != PADDING],
                    "hidden": {
                        place: _token(number, text)
                        for place, number in enumerate(truth)
                        if number != PADDING
                    },
                }
    return found


def _token(number: int, text: TextInput) -> str | None:
    """Return a token; None for the mask, and what no vocabulary has for one that is not known."""
    place = number - NUM_SPECIAL
    if place == len(text.vocabulary):
        return None
    return text.vocabulary[place] if place >= 0 else "\N{REPLACEMENT CHARACTER}"
