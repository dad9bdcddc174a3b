"""Predicts with a bundle alone: its preprocessing, ONNX Runtime, its labels. No torch."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.releasing.bundle import BundleError
from experiments.releasing.preprocessing import make_preprocessing

BATCH = 256
_MAX_TIMED_S = 10.0


class Predictor:
    """A model that is ready to answer; what it answers is for a subclass to say.

    Parameters
    ----------
    files
        File name -> content, as a bundle has them.
    facts
        What ``preprocessing.json`` says.
    threads
        CPU threads for one batch; 0 lets ONNX Runtime decide.

    Raises
    ------
    BundleError
        If the files do not make a model.
    """

    networks: tuple[str, ...] = ("model.onnx",)
    is_classifier = False
    """Whether what is recorded of an example are probabilities of classes; else it is numbers."""

    def __init__(
        self, files: Mapping[str, bytes], facts: Mapping[str, Any], *, threads: int = 1
    ) -> None:
        self.facts = facts
        try:
            self.config: dict[str, Any] = json.loads(files["config.json"])
            self.labels: list[str] = json.loads(files["labels.json"])
            vocabulary = files.get("vocabulary.json")
            self.prepare = make_preprocessing(
                self.facts, None if vocabulary is None else json.loads(vocabulary)
            )
            self._batch: int | None = self.config["onnx"]["batch"]
            self._sessions = {name: _session(files[name], threads) for name in self.networks}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"Expected the files of a model; got a mistake in {error}."
            ) from error
        self.modality: str = self.facts["modality"]

    @property
    def expectation(self) -> str:
        """What an input looks like, in words."""
        return self.prepare.expectation

    def answers(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Return what is told of each example.

        Raises
        ------
        InputError
            If an example cannot be read.
        """
        raise NotImplementedError

    def recorded(self, items: Sequence[Any]) -> NDArray[np.float64]:
        """Return what the training records of each example, one row each."""
        raise NotImplementedError

    def others(self, items: Sequence[Any]) -> int | None:
        """Return how many texts are written in another way than by the training; None: none is."""
        del items
        return None

    def latency_ms(
        self, item: Any, *, repeats: int = 200, warm_up: int = 10
    ) -> tuple[float, float]:
        """Return median and 95th percentile of answering one example, preprocessing included."""
        taken: list[float] = []
        began = time.perf_counter()
        for _ in range(warm_up + repeats):
            started = time.perf_counter()
            self.answers([item])
            taken.append((time.perf_counter() - started) * 1e3)
            if started - began > _MAX_TIMED_S and len(taken) > 2 * warm_up:
                break
        p50, p95 = np.percentile(taken[warm_up:], [50, 95])
        return float(p50), float(p95)

    def run(self, network: str, inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return the outputs of a network for one batch."""
        [outputs] = self._sessions[network].run([self.config["onnx"]["output"]], dict(inputs))
        return np.asarray(outputs)


class ScorePredictor(Predictor):
    """Classes with their probabilities, or numbers in their own unit."""

    @property
    def is_classifier(self) -> bool:
        """Whether scores are probabilities of classes."""
        return self.facts["scores"]["kind"] == "softmax"

    def scores(self, items: Sequence[Any]) -> NDArray[np.float64]:
        """Return one row an example, in the order of `labels`: probabilities, or numbers."""
        return self.scored(self.prepare(items)) if len(items) else np.empty((0, len(self.labels)))

    def scored(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the scores of examples that are prepared already."""
        return scores_of(self.outputs(inputs), self.facts["scores"])

    def outputs(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return what the network says of examples that are prepared already."""
        name, size = self.config["onnx"]["input"], self._batch or BATCH
        starts = range(0, len(inputs), size)
        return np.concatenate(
            [self.run("model.onnx", {name: inputs[at : at + size]}) for at in starts]
        )

    def answers(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the label with all scores, or the values, of each example."""
        return told(self.scores(items), self.labels, are_classes=self.is_classifier)

    def recorded(self, items: Sequence[Any]) -> NDArray[np.float64]:
        """Return the scores."""
        return self.scores(items)


def scores_of(outputs: NDArray[Any], after: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return what a network's outputs stand for: probabilities, or numbers in their own unit."""
    if after["kind"] == "softmax":
        return softmax(outputs)
    std, mean = np.array(after["std"]), np.array(after["mean"])
    return outputs.astype(np.float64).reshape(len(outputs), -1) * std + mean


def told(
    scores: NDArray[np.float64], labels: Sequence[str], *, are_classes: bool
) -> list[dict[str, Any]]:
    """Return scores as they are answered: the label with all of them, or the values."""
    rows = [
        {name: round(float(one), 6) for name, one in zip(labels, row, strict=True)}
        for row in scores
    ]
    if not are_classes:
        return [{"values": row} for row in rows]
    best = [labels[int(place)] for place in scores.argmax(axis=1)]
    return [
        {"label": label, "score": row[label], "scores": row}
        for label, row in zip(best, rows, strict=True)
    ]


def _session(content: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own errors share no base class
        raise BundleError(f"Expected a model for ONNX Runtime; got {error!s:.200}.") from error


def log_softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return the logarithms of probabilities along the last axis of an array."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return probabilities along the last axis of an array."""
    return np.exp(log_softmax(logits))
