"""Predicts with models of language: what comes next, and what stands where something is hidden.

Shapes are in the names: b batch, t time (tokens), v vocabulary.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from experiments.releasing.model_inputs import refusal
from experiments.releasing.predictor import BATCH, Predictor, log_softmax
from experiments.releasing.text_inputs import TextPreprocessing, tidy

MASK: Final = "[MASK]"
_WRITTEN: Final = 40  # tokens, where the question leaves it open
_SHOWN: Final = 5  # likeliest tokens
_MAX_NUMBERS: Final = 32_000_000  # of one batch's outputs: 128 MB


class TextPredictor(Predictor):
    """What models of language share: a vocabulary, and batches that fit into memory."""

    prepare: TextPreprocessing

    def chunks(self, items: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """Yield parts of a sequence whose outputs fit into memory."""
        outputs = self.prepare.length * len(self.prepare.vocabulary)
        size = max(1, min(BATCH, _MAX_NUMBERS // outputs))
        for start in range(0, len(items), size):
            yield items[start : start + size]

    def recorded(self, items: Sequence[Any]) -> NDArray[np.float64]:
        """Return the mean loss of a token of each example, in nats."""
        return np.concatenate([self.losses(part) for part in self.chunks(items)])[:, None]

    def losses(self, items: Sequence[Any]) -> NDArray[np.float64]:
        """Return the mean loss of a token of each example of a batch."""
        raise NotImplementedError

    def likeliest(self, log_p_v: NDArray[np.float64]) -> list[dict[str, Any]]:
        """Return the likeliest tokens with their probabilities."""
        best = np.argsort(-log_p_v, kind="stable")[:_SHOWN]
        return [
            {
                "token": self.prepare.vocabulary.token(int(number)),
                "probability": round(math.exp(log_p_v[number]), 6),
            }
            for number in best
        ]


def surprise(loss: float) -> dict[str, float]:
    """Return how unexpected a text is, as it is told."""
    return {"loss": round(loss, 6), "perplexity": round(math.exp(min(loss, 700.0)), 4)}


def mean_loss(log_p_btv: NDArray[np.float64], truth_bt: NDArray[Any], padding: int) -> NDArray[Any]:
    """Return the mean over real tokens of what each costs; 0 where there is none."""
    loss_bt = -np.take_along_axis(log_p_btv, truth_bt[..., None].astype(np.int64), -1)[..., 0]
    is_real_bt = truth_bt != padding
    return (loss_bt * is_real_bt).sum(1) / np.maximum(is_real_bt.sum(1), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A text to go on with."""

    text: str
    length: int = _WRITTEN
    """tokens to write at most"""
    temperature: float
    seed: int = 0


class NextTokenPredictor(TextPredictor):
    """A GPT: how expected a text is, and how it goes on."""

    @property
    def expectation(self) -> str:
        """What an input looks like, in words."""
        return (
            f"{self.prepare.expectation}; or an object with text and, if wanted, length (tokens to "
            f"write, {_WRITTEN}), temperature (0 takes the likeliest) and seed (0)"
        )

    def answers(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Return each text with its continuation, its loss, and what is likely to come next."""
        asks = [self._ask(row, item) for row, item in enumerate(items)]
        return [one for part in self.chunks(asks) for one in self._answered(part)]

    def losses(self, items: Sequence[Any]) -> NDArray[np.float64]:
        """Return the mean loss of the tokens after the first."""
        return self._losses(self.prepare(items))

    def _losses(self, ids_bt: NDArray[Any]) -> NDArray[np.float64]:
        log_p_btv = log_softmax(self.run("model.onnx", {"input": ids_bt[:, :-1]}))
        return mean_loss(log_p_btv, ids_bt[:, 1:], self.prepare.padding)

    def _ask(self, row: int, item: Any) -> Ask:
        usual = float(self.facts["scores"]["temperature"])
        if not isinstance(item, Mapping):
            self.prepare.tokens(row, item)
            return Ask(text=tidy(row, item), temperature=usual)
        unknown = ", ".join(map(str, set(item) - {"text", "length", "temperature", "seed"}))
        if unknown or "text" not in item:
            raise refusal(row, self.expectation, unknown or item)
        self.prepare.tokens(row, item["text"])
        length, seed = (_whole(row, name, item.get(name), usual) for name, usual in (("length", _WRITTEN), ("seed", 0)))  # fmt: skip
        heat = item.get("temperature", usual)
        if isinstance(heat, bool) or not isinstance(heat, int | float) or not 0 <= heat <= 100:
            raise refusal(row, "a temperature from 0 to 100", heat)
        return Ask(text=tidy(row, item["text"]), length=length, temperature=float(heat), seed=seed)

    def _answered(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        tokens = [self.prepare.tokens(row, ask.text) for row, ask in enumerate(asks)]
        ids_bt = self.prepare.padded(tokens)
        losses, starts = self._losses(ids_bt), [len(text) for text in tokens]
        written, following = self._written(ids_bt, starts, asks)
        found: list[dict[str, Any]] = []
        for row, start in enumerate(starts):
            more = self.prepare.vocabulary.text(written[row])
            told = {"continuation": more, "next": following[row]}
            found.append((surprise(float(losses[row])) if start > 1 else {}) | told)
        return found

    def _written(
        self, ids_bt: NDArray[Any], starts: Sequence[int], asks: Sequence[Ask]
    ) -> tuple[list[list[int]], list[list[dict[str, Any]]]]:
        """Return the tokens that follow each text, and what was likely to follow it first."""
        ids_bt, lengths = ids_bt.copy(), np.array(starts)
        most = np.minimum(lengths + [ask.length for ask in asks], self.prepare.length)
        chance = [np.random.default_rng(ask.seed) for ask in asks]
        following: list[list[dict[str, Any]]] = []
        while not following or (lengths < most).any():
            rows = np.arange(len(asks)) if not following else np.flatnonzero(lengths < most)
            width = max(2, int(lengths[rows].max()))
            logits = self.run("model.onnx", {"input": ids_bt[rows, :width]})
            logits_bv = logits[np.arange(len(rows)), lengths[rows] - 1].astype(np.float64)
            logits_bv[:, : self.facts["scores"]["special"]] = -np.inf
            if not following:
                following = [self.likeliest(one) for one in log_softmax(logits_bv)]
            for row, logits_v in zip(rows.tolist(), logits_bv, strict=True):
                if lengths[row] < most[row]:
                    heat = asks[row].temperature
                    ids_bt[row, lengths[row]] = _chosen(logits_v, heat, chance[row])
                    lengths[row] += 1
        written = [ids_bt[row, start : lengths[row]].tolist() for row, start in enumerate(starts)]
        return written, following


class MaskedPredictor(TextPredictor):
    """A BERT: what stands where something is hidden, and how expected a text is."""

    @property
    def expectation(self) -> str:
        """What an input looks like, in words."""
        return (
            f"{self.prepare.expectation}; {MASK} stands for a token that is to be said. Or an object "
            "with tokens, null where one is hidden"
        )

    def answers(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Return each text filled in, or how expected it is where nothing is hidden."""
        texts = [self._cut(row, item) for row, item in enumerate(items)]
        return [
            self._filled(tokens) if None in tokens else self._judged(tokens) for tokens in texts
        ]

    def losses(self, items: Sequence[Any]) -> NDArray[np.float64]:
        """Return the mean loss of the hidden tokens, of texts that are cut and say what is hidden."""
        log_p_btv = self._log_p([item["tokens"] for item in items])
        return np.array(
            [
                -np.mean(
                    [
                        log_p_tv[int(place), self.prepare.vocabulary.numbers([token])[0]]
                        for place, token in item["hidden"].items()
                    ]
                )
                for item, log_p_tv in zip(items, log_p_btv, strict=True)
            ],
            dtype=np.float64,
        )

    def _cut(self, row: int, item: Any) -> list[str | None]:
        if isinstance(item, Mapping) and list(item) == ["tokens"]:
            return self._given(row, item["tokens"])
        cut = self.prepare.vocabulary.cut
        first, *others = (cut(part) for part in tidy(row, item).split(MASK))
        tokens: list[str | None] = [*first]
        for part in others:
            tokens += [None, *part]
        if not tokens:
            raise refusal(row, "a text that is not blank", item)
        return tokens[: self.prepare.length]

    def _given(self, row: int, tokens: Any) -> list[str | None]:
        """Return a text that is cut already."""
        is_list = isinstance(tokens, list) and len(tokens) > 0
        if not is_list or not all(one is None or isinstance(one, str) for one in tokens):
            raise refusal(row, "a list of tokens, null where one is hidden", tokens)
        return tokens[: self.prepare.length]

    def _log_p(self, texts: Sequence[Sequence[str | None]]) -> NDArray[np.float64]:
        mask = self.facts["scores"]["mask"]
        ids_bt = self.prepare.padded([[token or "" for token in text] for text in texts])
        for row, text in enumerate(texts):
            ids_bt[row, [place for place, token in enumerate(text) if token is None]] = mask
        return log_softmax(self.run("model.onnx", {"input": ids_bt}))

    def _filled(self, tokens: Sequence[str | None]) -> dict[str, Any]:
        [log_p_tv] = self._log_p([tokens])
        log_p_tv[:, : self.facts["first"]] = -np.inf  # padding and what is unknown say nothing
        masks = [self.likeliest(log_p_tv[at]) for at, token in enumerate(tokens) if token is None]
        best = iter([one[0]["token"] for one in masks])
        filled = [next(best) if token is None else token for token in tokens]
        return {"text": self.prepare.vocabulary.joined(filled), "masks": masks}

    def _judged(self, tokens: Sequence[str | None]) -> dict[str, Any]:
        """Hide one token after the other: the mean loss says how expected the text is."""
        hidden = [
            {"tokens": [*tokens[:at], None, *tokens[at + 1 :]], "hidden": {at: token}}
            for at, token in enumerate(tokens)
        ]
        return surprise(float(self.recorded(hidden).mean()))


def _whole(row: int, name: str, value: Any, usual: int) -> int:
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000_000:
        raise refusal(row, f"a whole number from 0 to 1,000,000 as {name}", value)
    return value


def _chosen(logits_v: NDArray[np.float64], heat: float, chance: np.random.Generator) -> int:
    if not heat:
        return int(logits_v.argmax())
    return int(chance.choice(len(logits_v), p=np.exp(log_softmax(logits_v / heat))))
