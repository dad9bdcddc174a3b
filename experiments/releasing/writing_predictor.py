"""Predicts with text-to-text models: an encoder reads, a decoder writes, token by token.

Shapes are in the names: b batch, w beams, s source, t time (tokens), v vocabulary.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from experiments.releasing.model_inputs import refusal
from experiments.releasing.predictor import log_softmax
from experiments.releasing.text_inputs import Vocabulary, tidy
from experiments.releasing.text_predictors import TextPredictor, mean_loss, surprise

TARGET_VOCABULARY: Final = "target_vocabulary.json"


class WritingPredictor(TextPredictor):
    """Writes a text for a text, greedily or with beams, as the training does."""

    networks = ("encoder.onnx", "decoder.onnx")

    def __init__(
        self, files: Mapping[str, bytes], facts: Mapping[str, Any], *, threads: int = 1
    ) -> None:
        super().__init__(files, facts, threads=threads)
        says = self.facts["scores"]
        self._start, self._end = int(says["start"]), int(says["end"])
        self._longest, self._beams = int(says["max_length"]), int(says["beams"])
        self.target = Vocabulary(
            json.loads(files[TARGET_VOCABULARY]),
            first=int(says["first"]),
            unknown=int(self.facts["unknown"]),
            has_words=self.facts["tokens"] == "words",
        )

    @property
    def expectation(self) -> str:
        """What an input looks like, in words."""
        return (
            f"{self.prepare.expectation}; or an object with text and the target that it should "
            "give, to know how expected that is"
        )

    def answers(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the text that is written for each, and the loss of the true one if it is known."""
        pairs = [self._pair(row, item) for row, item in enumerate(items)]
        written = [text for part in self.chunks(pairs) for text in self._written(part)]
        found: list[dict[str, Any]] = [{"text": text} for text in written]
        for row, (source, target) in enumerate(pairs):
            if target is not None:
                loss = float(self.losses([{"text": source, "target": target}])[0])
                found[row] |= surprise(loss)
        return found

    def losses(self, items: Sequence[Any]) -> NDArray[np.float64]:
        """Return the mean loss of the true text's tokens, each after those before it."""
        source_bs = self.prepare([item["text"] for item in items])
        truth_bt = np.full((len(items), self._longest), self.prepare.padding, dtype=np.int64)
        for row, item in enumerate(items):
            tokens = self.target.cut(item["target"])[: self._longest - 1]
            truth_bt[row, : len(tokens) + 1] = [*self.target.numbers(tokens), self._end]
        start_b1 = np.full((len(items), 1), self._start, dtype=np.int64)
        before_bt = np.concatenate([start_b1, truth_bt[:, :-1]], axis=1)
        states = self.run("encoder.onnx", {"input": source_bs})
        log_p_btv = log_softmax(self._said(before_bt, states, source_bs))
        return mean_loss(log_p_btv, truth_bt, self.prepare.padding)

    def others(self, items: Sequence[Any]) -> int | None:
        """Return how many texts are written in another way than by the training."""
        known = [item for item in items if item.get("written") is not None]
        pairs = [(item["text"], None) for item in known]
        written = [text for part in self.chunks(pairs) for text in self._written(part)]
        return sum(text != item["written"] for text, item in zip(written, known, strict=True))

    def _pair(self, row: int, item: Any) -> tuple[str, str | None]:
        if not isinstance(item, Mapping):
            self.prepare.tokens(row, item)
            return tidy(row, item), None
        if not {"text"} <= set(item) <= {"text", "target"}:
            raise refusal(row, self.expectation, item)
        self.prepare.tokens(row, item["text"])
        target = item.get("target")
        return tidy(row, item["text"]), None if target is None else tidy(row, target)

    def _written(self, pairs: Sequence[tuple[str, str | None]]) -> list[str]:
        source_bs = self.prepare([source for source, _ in pairs])
        states = self.run("encoder.onnx", {"input": source_bs})
        write = self._greedy if self._beams == 1 else self._beam
        return [self._text(ids) for ids in write(states, source_bs)[:, 1:].tolist()]

    def _text(self, ids: Sequence[int]) -> str:
        stops = (at for at, number in enumerate(ids) if number in {self._end, self.prepare.padding})
        return self.target.text(ids[: next(stops, len(ids))])

    def _said(
        self, written_bt: NDArray[Any], states: NDArray[Any], source_bs: NDArray[Any]
    ) -> NDArray[Any]:
        given = {"written": written_bt, "states": states, "input": source_bs}
        return self.run("decoder.onnx", given)

    def _greedy(self, states: NDArray[Any], source_bs: NDArray[Any]) -> NDArray[np.int64]:
        ids_bt = np.full((len(states), 1), self._start, dtype=np.int64)
        is_done_b = np.zeros(len(states), dtype=np.bool_)
        while ids_bt.shape[1] <= self._longest and not is_done_b.all():
            next_b = self._said(_at_least_two(ids_bt), states, source_bs)
            next_b = next_b[:, ids_bt.shape[1] - 1].argmax(-1)
            next_b = np.where(is_done_b, self.prepare.padding, next_b)
            ids_bt = np.concatenate([ids_bt, next_b[:, None]], axis=1)
            is_done_b |= next_b == self._end
        return ids_bt

    def _beam(self, states: NDArray[Any], source_bs: NDArray[Any]) -> NDArray[np.int64]:
        """Keep the likeliest beginnings; of the finished texts the best mean log-likelihood wins."""
        batch, width = len(states), self._beams
        states, source_bs = (np.repeat(part, width, axis=0) for part in (states, source_bs))
        ids = np.full((batch * width, 1), self._start, dtype=np.int64)
        sums_bw = np.full((batch, width), -np.inf)
        sums_bw[:, 0] = 0.0  # all begin alike: only one of them may grow at first
        is_done_bw = np.zeros((batch, width), dtype=np.bool_)
        lengths_bw = np.ones((batch, width))
        first_b1 = np.arange(batch)[:, None] * width
        while ids.shape[1] <= self._longest and not is_done_bw.all():
            logits = self._said(_at_least_two(ids), states, source_bs)[:, ids.shape[1] - 1]
            more = log_softmax(logits).reshape(batch, width, -1)
            done = np.full_like(more, -np.inf)
            done[..., self.prepare.padding] = 0.0
            totals = sums_bw[..., None] + np.where(is_done_bw[..., None], done, more)
            flat = totals.reshape(batch, -1)
            flat_bw = np.argsort(-flat, axis=1, kind="stable")[:, :width]
            sums_bw = np.take_along_axis(flat, flat_bw, 1)
            parent_bw, token_bw = flat_bw // more.shape[-1], flat_bw % more.shape[-1]
            ids = np.concatenate(
                [ids[(first_b1 + parent_bw).ravel()], token_bw.reshape(-1, 1)], axis=1
            )
            is_done_bw = np.take_along_axis(is_done_bw, parent_bw, 1)
            lengths_bw = np.take_along_axis(lengths_bw, parent_bw, 1) + ~is_done_bw
            is_done_bw = is_done_bw | (token_bw == self._end)
        best_b = (sums_bw / lengths_bw).argmax(1)
        return ids.reshape(batch, width, -1)[np.arange(batch), best_b]


def _at_least_two(ids_bt: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ids that the decoder takes: what comes after a token does not change what it says."""
    if ids_bt.shape[1] > 1:
        return ids_bt
    return np.concatenate([ids_bt, np.zeros_like(ids_bt)], axis=1)
